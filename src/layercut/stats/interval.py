"""Bootstrap intervals of means, the same on every machine."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.stats import bootstrap

from layercut.seeding import derive_seed

CONFIDENCE = 0.95
NUM_RESAMPLES = 9_999
_BATCH_BYTES = 2**26


def mean_intervals(samples: Sequence[NDArray[np.float64]], confidence: float = CONFIDENCE) -> NDArray[np.float64]:
    """Return the bootstrap interval of the mean of each sample, float64 [k, 2], in the unit of the samples.

    Bias-corrected and accelerated (BCa). Samples of equal length share their resamples, which depend on that
    length alone: neither order nor number of samples changes an interval. A sample whose values are all equal
    has that value as both bounds; one with fewer than two values has no interval (NaN).

    Reference:
        Efron 1987, Better bootstrap confidence intervals, J. Am. Stat. Assoc. 82. Computed by
        `scipy.stats.bootstrap`.
    """
    bounds = np.full((len(samples), 2), np.nan)
    by_length: dict[int, list[int]] = defaultdict(list)
    for index, sample in enumerate(samples):
        if len(sample) >= 2 and np.ptp(sample) < 1e-12:
            bounds[index] = np.mean(sample)
        elif len(sample) >= 2:
            by_length[len(sample)].append(index)
    for length, indices in by_length.items():
        at_once = max(1, _BATCH_BYTES // (8 * NUM_RESAMPLES * length))
        for start in range(0, len(indices), at_once):
            chunk = indices[start : start + at_once]
            bounds[chunk] = _bca(np.stack([samples[index] for index in chunk]), confidence)
    return bounds


def _bca(values: NDArray[np.float64], confidence: float) -> NDArray[np.float64]:
    """Return [k, 2] for values [k, n]."""
    result = bootstrap(
        (values,),
        np.mean,
        axis=-1,
        confidence_level=confidence,
        n_resamples=NUM_RESAMPLES,
        method="BCa",
        rng=np.random.default_rng(derive_seed(0, "bootstrap", values.shape[-1])),
    ).confidence_interval
    return np.stack([result.low, result.high], axis=-1)
