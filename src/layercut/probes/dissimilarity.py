"""Dissimilarity matrices between images, and how to compare two.

Reference:
    Kriegeskorte, Mur and Bandettini, "Representational similarity analysis", Frontiers in Systems Neuroscience 2, 2008.
"""

from __future__ import annotations

import numpy as np
import torch
from scipy.stats import rankdata
from torch import Tensor

from layercut.errors import ProbeUndefinedError
from layercut.probes.products import correlations
from layercut.probes.vectors import View

DIGITS = 12
"""Dissimilarities are rounded to so many decimals, so that equal ones stay equal whatever the order of images."""
LEAST_IMAGES = 3


def dissimilarity(features: Tensor, view: View) -> Tensor:
    """Return float64 "n n": one minus Pearson's correlation over units; NaN for images whose units are all equal."""
    return (1 - correlations(features, view)).round(decimals=DIGITS)


def comparable(*matrices: Tensor) -> Tensor:
    """Return bool "n": images that have a dissimilarity in every matrix.

    Raises:
        ProbeUndefinedError: fewer than three have.
    """
    kept = ~torch.stack([matrix.diagonal().isnan() for matrix in matrices]).any(0)
    if int(kept.sum()) < LEAST_IMAGES:
        raise ProbeUndefinedError(
            f"needs {LEAST_IMAGES} images whose features differ between units; got {int(kept.sum())}"
        )
    return kept


def upper_triangle(matrix: Tensor, kept: Tensor) -> np.ndarray:
    """Return the dissimilarity of each pair of kept images once."""
    part = matrix[kept][:, kept]
    rows, columns = torch.triu_indices(len(part), len(part), offset=1)
    return part[rows, columns].numpy()


def spearman(first: np.ndarray, second: np.ndarray) -> float:
    """Return Spearman's rank correlation, ties at their mean rank.

    Raises:
        ProbeUndefinedError: one side has a single value only.
    """
    ranks = [rankdata(values) for values in (first, second)]
    if any(np.ptp(rank) == 0 for rank in ranks):
        raise ProbeUndefinedError("all pairs of images are equally dissimilar")
    return float(np.corrcoef(*ranks)[0, 1])
