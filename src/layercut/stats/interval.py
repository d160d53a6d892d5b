"""Bootstrap intervals of means, the same on every machine."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri

from layercut.seeding import derive_seed

CONFIDENCE = 0.95
NUM_RESAMPLES = 9_999

_DECIMALS = 12
"""Means of the same values in another order are equal to this many digits."""


def mean_intervals(samples: Sequence[NDArray[np.float64]], confidence: float = CONFIDENCE) -> NDArray[np.float64]:
    """Return the bootstrap interval of the mean of each sample, float64 [k, 2], in the unit of the samples.

    Bias-corrected and accelerated (BCa). An interval depends on the values of its sample alone, not on their
    order nor on other samples: those of equal length share their resamples. Where all values are equal, that
    value is both bounds; with fewer than two values there is no interval (NaN).

    Reference:
        Efron 1987, Better bootstrap confidence intervals, J. Am. Stat. Assoc. 82, equations 2.3 and 6.5.
        `scipy.stats.bootstrap` gives the same from the same generator where sums are exact; we also take
        resampled means for equal that differ by rounding only.
    """
    values = [np.sort(np.asarray(sample, dtype=np.float64)).tobytes() for sample in samples]
    return np.array([_interval(value, confidence) for value in values]).reshape(-1, 2)


@lru_cache(maxsize=50_000)
def _interval(values: bytes, confidence: float) -> tuple[float, float]:
    """Return low and high for sorted float64 values; equivalent conditions and every caller share the work."""
    sample = np.frombuffer(values)
    if len(sample) < 2:
        return (np.nan, np.nan)
    center = sample.mean()
    if np.ptp(sample) < 10.0**-_DECIMALS:
        return (center, center)
    means = sample.take(_resamples(len(sample)), mode="clip").mean(axis=1)  # clip: no check of every position
    influence = sample - center  # of each value on the mean, up to a factor that cancels
    acceleration = (influence**3).sum() / (6 * (influence**2).sum() ** 1.5)
    return _bca(means, center, acceleration, confidence)


def difference_interval(
    values: NDArray[np.float64], baseline: NDArray[np.float64], confidence: float = CONFIDENCE
) -> tuple[float, float]:
    """Return the BCa interval of the difference of the means of two independent samples, each resampled on its own.

    Depends on the values alone, not on their order. Where all values of each sample are equal, the difference
    is both bounds; where a sample has fewer than two values there is no interval (NaN).

    Reference:
        Efron 1987, as in `mean_intervals`; acceleration of several samples: Davison & Hinkley 1997, Bootstrap
        methods and their application, section 5.3. `scipy.stats.bootstrap` gives the same, as above.
    """
    samples = [np.sort(np.asarray(sample, dtype=np.float64)) for sample in (values, baseline)]
    if min(map(len, samples)) < 2:
        return (np.nan, np.nan)
    center = samples[0].mean() - samples[1].mean()
    if max(np.ptp(sample) for sample in samples) < 10.0**-_DECIMALS:
        return (float(center), float(center))
    generator = np.random.default_rng(derive_seed(0, "bootstrap", *map(len, samples)))
    means = [s[generator.integers(0, len(s), (NUM_RESAMPLES, len(s)))].mean(axis=1) for s in samples]
    influences = [
        (samples[0] - samples[0].mean()) / len(samples[0]),
        (samples[1].mean() - samples[1]) / len(samples[1]),
    ]
    cubes, squares = (sum(float((u**power).sum()) for u in influences) for power in (3, 2))
    return _bca(means[0] - means[1], center, cubes / (6 * squares**1.5), confidence)


def _bca(means: NDArray[np.float64], center: float, acceleration: float, confidence: float) -> tuple[float, float]:
    """Return low and high from resampled statistics."""
    means, center = np.sort(means.round(_DECIMALS)), np.round(center, _DECIMALS)
    below, up_to = (
        np.searchsorted(means, center, "left") / len(means),
        np.searchsorted(means, center, "right") / len(means),
    )
    bias = ndtri((below + up_to) / 2)
    shifted = bias + ndtri([(1 - confidence) / 2, (1 + confidence) / 2])
    low, high = np.quantile(means, ndtr(bias + shifted / (1 - acceleration * shifted)))
    return (float(low), float(high))


@lru_cache(maxsize=16)
def _resamples(length: int) -> NDArray[np.int64]:
    """Return the positions that each resample draws, int64 [resamples, length]."""
    generator = np.random.default_rng(derive_seed(0, "bootstrap", length))
    return generator.integers(0, length, (NUM_RESAMPLES, length))
