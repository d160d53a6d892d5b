"""Dimension of the surface that the features lie on.

`two_nn`: with mu_i = r2 / r1 of each image's two nearest others, sorted, and F_i = i / n, the slope through the origin
of -log(1 - F) on log mu, fitted on the lowest 90 %. Mean over 50 random 90 % subsamples of the images; `two_nn_sd` is
their standard deviation (n - 1). As in the published code, images with r1 = r2 are left out of the fit.

`maximum_likelihood`: mean over images of [ 1 / (k - 1) sum_{j < k} log(T_k / T_j) ]^-1 with the distances T_j to the
k nearest others.

References:
    Facco, d'Errico, Rodriguez and Laio, "Estimating the intrinsic dimension of datasets by a minimal neighborhood
    information", Scientific Reports 7, 2017; resampling as in Ansuini, Laio, Macke and Zoccolan, "Intrinsic dimension
    of data representations in deep neural networks", NeurIPS 2019. We differ in that of equal images one counts; the
    published code leaves out all that have a twin in the subsample.
    Levina and Bickel, "Maximum likelihood estimation of intrinsic dimension", NeurIPS 2004, eq. 8. We take one k
    instead of a mean over several.
"""

from __future__ import annotations

import torch
from pydantic import Field
from torch import Tensor

from layercut.errors import ProbeUndefinedError
from layercut.probes.base import Activations
from layercut.probes.function import FunctionProbe
from layercut.probes.products import centred_gram, squared_distances
from layercut.probes.vectors import FlattenedSpec


class DimensionSpec(FlattenedSpec):
    """How TwoNN is resampled and fitted, and how many neighbours maximum likelihood looks at."""

    resamples: int = Field(default=50, ge=2, description="Number of subsamples that TwoNN is averaged over.")
    resample_fraction: float = Field(default=0.9, gt=0, le=1, description="Fraction of the images in each subsample.")
    fit_fraction: float = Field(
        default=0.9,
        gt=0,
        le=1,
        description="Fraction of the images, those with the lowest ratios, that TwoNN is fitted to.",
    )
    neighbours: int = Field(default=10, ge=3, description="Neighbours that the maximum likelihood estimate uses.")


def intrinsic_dimension(activations: Activations, options: DimensionSpec) -> dict[str, float]:
    """Return both estimates and the scatter of the first."""
    distances = different_images(squared_distances(centred_gram(activations.features, options.view)).sqrt())
    generator = torch.Generator().manual_seed(activations.seed)
    size = round(options.resample_fraction * len(distances))
    estimates = []
    for _ in range(options.resamples):
        drawn = torch.randperm(len(distances), generator=generator)[:size]
        estimates.append(two_nn(distances[drawn][:, drawn], options.fit_fraction))
    values = torch.tensor(estimates, dtype=torch.float64)
    return {
        "two_nn": float(values.mean()),
        "two_nn_sd": float(values.std()),
        "maximum_likelihood": maximum_likelihood(distances, options.neighbours),
    }


def different_images(distances: Tensor) -> Tensor:
    """Return the distances between the first of each set of equal images."""
    first = (distances == 0).double().argmax(1) == torch.arange(len(distances))
    return distances[first][:, first]


def two_nn(distances: Tensor, fit_fraction: float = 0.9) -> float:
    """Return the estimate from "n n" distances between different images.

    Raises:
        ProbeUndefinedError: fewer than three images have two nearest others at different distances.
    """
    if len(distances) < 3:
        raise ProbeUndefinedError(f"needs three images; got {len(distances)}")
    nearest = distances.clone().fill_diagonal_(torch.inf).topk(2, largest=False).values
    nearest = nearest[nearest[:, 0] < nearest[:, 1]]
    n = len(nearest)
    num_fitted = min(int(fit_fraction * n), n - 1)  # the last one has 1 - F = 0
    if n < 3 or num_fitted < 1:
        raise ProbeUndefinedError(f"needs three images with two different nearest neighbours; got {n}")
    log_mu = (nearest[:, 1] / nearest[:, 0]).log().sort().values[:num_fitted]
    survival = -torch.log1p(-torch.arange(1, num_fitted + 1, dtype=torch.float64) / n)
    return float((log_mu @ survival) / (log_mu @ log_mu))


def maximum_likelihood(distances: Tensor, neighbours: int = 10) -> float:
    """Return the estimate from "n n" distances between different images.

    Raises:
        ProbeUndefinedError: no more different images than neighbours, or an image whose neighbours are all as far.
    """
    if len(distances) <= neighbours:
        raise ProbeUndefinedError(f"needs more than {neighbours} different images; got {len(distances)}")
    nearest = distances.clone().fill_diagonal_(torch.inf).topk(neighbours, largest=False).values
    mean_logs = (nearest[:, -1:] / nearest[:, :-1]).log().mean(1)
    if not (mean_logs > 0).all():
        raise ProbeUndefinedError(f"all {neighbours} nearest neighbours of an image are at the same distance")
    return float((1 / mean_logs).mean())


INTRINSIC_DIMENSION = FunctionProbe(
    "features",
    {"two_nn": "lower", "two_nn_sd": "lower", "maximum_likelihood": "lower"},
    intrinsic_dimension,
    DimensionSpec,
)
