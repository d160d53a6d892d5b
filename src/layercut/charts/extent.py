"""Where an axis begins and ends, and how series share a place on it."""

from __future__ import annotations

import math

from layercut.charts.chart import Axis


def extent(axis: Axis) -> tuple[float, float] | None:
    """Return both ends: exponents on a log axis, half a category beyond the outer ones; None: automatic."""
    if axis.scale == "category":
        return (-0.5, len(axis.ticks) - 0.5)
    if axis.limits is None:
        return None
    return (math.log10(axis.limits[0]), math.log10(axis.limits[1])) if axis.scale == "log" else axis.limits


def dodge(axis: Axis, index: int, count: int) -> float:
    """Return how far series `index` of `count` moves aside (in decades on a log axis), to stay visible."""
    ends = extent(axis)
    return (index - (count - 1) / 2) * 0.012 * (ends[1] - ends[0]) if ends else 0.0
