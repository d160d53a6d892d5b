"""The limits of an axis, and how series share a position on it."""

from __future__ import annotations

import math
from itertools import pairwise

from layercut.charts.chart import Axis, Panel

GROUP_WIDTH = 0.84
"""What all boxes or bars at one category take of it together."""

_LEAST_COLUMNS = 5
_MOST_LETTERS, _LONG_LABEL = 42, 12

_MOST_BOXES = 14
_MOST_LARGE_POINTS = 60

_STEP = 0.012
_MOST_OF_GAP = 0.5


def extent(axis: Axis) -> tuple[float, float] | None:
    """Return both ends: exponents on a log axis, half a category beyond the outer ones; None: automatic."""
    if axis.scale == "category":
        return (-0.5, len(axis.ticks) - 0.5)
    if axis.limits is None:
        return None
    return (math.log10(axis.limits[0]), math.log10(axis.limits[1])) if axis.scale == "log" else axis.limits


def dodge(axis: Axis, index: int, count: int) -> float:
    """Return how far series `index` of `count` moves aside (in decades on a log axis), to stay visible.

    All of them together take at most half of the gap between the two nearest ticks.
    """
    ends = extent(axis)
    if not ends or not axis.ticks:
        return 0.0
    places = sorted(math.log10(tick.at) if axis.scale == "log" else tick.at for tick in axis.ticks)
    gap = min((high - low for low, high in pairwise(places)), default=math.inf)
    step = min(_STEP * (ends[1] - ends[0]), _MOST_OF_GAP * gap / max(count - 1, 1))
    return (index - (count - 1) / 2) * step


def line_aside(panel: Panel, index: int) -> float:
    """Return how far line `index` of a panel moves aside: only those whose points stand for themselves."""
    line = panel.lines[index]
    alone = line.connected and line.marked and line.spread == "bars"
    return dodge(panel.x, index, len(panel.lines)) if alone else 0.0


def moved(panel: Panel, x: float, aside: float) -> float:
    """Return `x` moved aside by what `dodge` says."""
    return x * 10**aside if panel.x.scale == "log" else x + aside


def beside(index: int, count: int) -> float:
    """Return how far box or bar `index` of `count` stands from the middle of its category."""
    return (index - (count - 1) / 2) * GROUP_WIDTH / count


def picture_grid(panel: Panel) -> tuple[int, int]:
    """Return how many rows and columns the pictures of a panel are laid out in."""
    columns = panel.picture_columns or max(_LEAST_COLUMNS, math.ceil(math.sqrt(len(panel.pictures))))
    return math.ceil(len(panel.pictures) / columns), columns


def crowded(axis: Axis, most_letters: float = _MOST_LETTERS) -> bool:
    """Whether the labels of a category axis would run into each other if they lay flat.

    `most_letters`: how many of them together there is room for.
    """
    lengths = [len(tick.label) for tick in axis.ticks]
    long = max(lengths, default=0) > _LONG_LABEL and len(lengths) > 1
    return axis.scale == "category" and (long or sum(lengths) > most_letters)


def crowded_boxes(panel: Panel) -> bool:
    """Whether boxes stand so close that letters above them must stand upright."""
    return len(panel.boxes) * len(panel.x.ticks) > _MOST_BOXES


def crowded_points(panel: Panel) -> bool:
    """Whether so many lone points lie in a panel that they must be small."""
    return sum(len(line.points) for line in panel.lines if not line.connected) > _MOST_LARGE_POINTS
