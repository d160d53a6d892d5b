"""The five numbers of a box plot, the same on page and paper."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

_WHISKER = 1.5


class Quartiles(NamedTuple):
    """What a box shows; quartiles by linear interpolation."""

    low: float
    """Furthest value within 1.5 interquartile ranges below the box."""
    q1: float
    median: float
    q3: float
    high: float
    outliers: tuple[float, ...]


def quartiles(values: Sequence[float]) -> Quartiles:
    """Return the numbers of the box of at least one value.

    Reference:
        Hyndman & Fan 1996, definition 7 (numpy's and R's default); whiskers: Tukey 1977.
    """
    array = np.asarray(values, dtype=np.float64)
    q1, median, q3 = (float(value) for value in np.quantile(array, (0.25, 0.5, 0.75)))
    reach = _WHISKER * (q3 - q1)
    within = array[(array >= q1 - reach) & (array <= q3 + reach)]
    low, high = min(q1, float(within.min())), max(q3, float(within.max()))
    outliers = tuple(float(value) for value in array if value < low or value > high)
    return Quartiles(low, q1, median, q3, high, outliers)
