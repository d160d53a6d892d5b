"""LEEP over the components of a Gaussian mixture fitted to the features, so that no source head is needed.

The features are turned onto the principal axes that hold 80 % of their scatter and scaled by one number; the mixture
has 5 components a class (never more than half the images) with diagonal covariances.

Reference:
    Li, Jia, Sang, Zhu, Green, Wang and Gong, "Ranking neural checkpoints", CVPR 2021 (N-LEEP; components in proportion
    to classes). We differ in diagonal covariances, which few images can carry, and in the bound on components. A
    mixture that has not settled after `max_iterations` is used as it is: the number stays determined by the seed.
"""

from __future__ import annotations

import warnings

import torch
from pydantic import Field, PositiveInt
from sklearn.exceptions import ConvergenceWarning
from sklearn.mixture import GaussianMixture
from torch import Tensor

from layercut.errors import ProbeUndefinedError
from layercut.probes.base import Activations
from layercut.probes.classes import several_in_a_class
from layercut.probes.clustering import require_different
from layercut.probes.function import FunctionProbe
from layercut.probes.leep import expected_prediction
from layercut.probes.products import centred_gram, coordinates, squared_distances
from layercut.probes.vectors import PooledSpec

LEAST_VARIANCE = 1e-4
"""Added to the variances of components, as a share of the mean variance of an axis."""


class NleepSpec(PooledSpec):
    """Axes and components."""

    components_per_class: PositiveInt = Field(default=5, description="Gaussians of the mixture, for each class.")
    kept_scatter: float = Field(
        default=0.8, gt=0, le=1, description="Fraction of the scatter that the kept principal axes explain."
    )
    max_iterations: PositiveInt = Field(default=200, description="Maximum number of steps of the fit.")


def nleep(activations: Activations, options: NleepSpec) -> dict[str, float]:
    """Return the mean log probability, at most 0."""
    classes = several_in_a_class(activations.labels)
    num_components = min(options.components_per_class * len(classes.sizes), len(classes.labels) // 2)
    if num_components < len(classes.sizes):
        raise ProbeUndefinedError(
            f"needs two images for each of {len(classes.sizes)} classes on average; got {len(classes.labels)} images"
        )
    products = centred_gram(activations.features, options.view)
    require_different(squared_distances(products), num_components)
    columns = leading_axes(coordinates(products), options.kept_scatter)
    columns = columns / columns.square().mean().sqrt()
    mixture = GaussianMixture(
        num_components,
        covariance_type="diag",
        reg_covar=LEAST_VARIANCE,
        max_iter=options.max_iterations,
        random_state=activations.seed % 2**32,
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        mixture.fit(columns.numpy())
    posterior = torch.from_numpy(mixture.predict_proba(columns.numpy()))
    return {"log_likelihood": expected_prediction(posterior, classes)}


def leading_axes(columns: Tensor, kept_scatter: float) -> Tensor:
    """Return the fewest first principal coordinates that hold so much of all scatter."""
    scatter = columns.square().sum(0)
    before = (scatter.cumsum(0) - scatter) / scatter.sum()
    return columns[:, before < kept_scatter]


NLEEP = FunctionProbe("labels", {"log_likelihood": "higher"}, nleep, NleepSpec)
