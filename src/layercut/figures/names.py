"""How figures and reports name and draw conditions: one name, colour and marker each."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from zlib import crc32

from layercut.charts.chart import Axis, Dash, LegendEntry, Line, Marker, Style, Tick
from layercut.charts.palette import BLUE, GREEN, MAGENTA, OLIVE, ORANGE, PURPLE, SKY, VERMILLION, sequential
from layercut.stats.tables import STRATEGY_ORDER

_STRATEGY_STYLES = {
    "scratch": Style("ink", "cross", "dash"),
    "freeze_reinit": Style(BLUE, "circle"),
    "freeze": Style(SKY, "square"),
    "reinit": Style(VERMILLION, "triangle"),
    "finetune": Style(GREEN, "diamond"),
    "freeze_truncate": Style(PURPLE, "triangle_down"),
    "truncate": Style(ORANGE, "plus"),
    "scratch_truncate": Style("muted", "plus", "dash"),
    "linear_probe": Style(PURPLE, "star", "dot"),
    "lp_finetune": Style(GREEN, "star", "dashdot"),
    "train_block": Style(MAGENTA, "circle", "dash"),
    "norm_only": Style(MAGENTA, "square", "dot"),
    "layer_decay": Style(GREEN, "triangle", "dash"),
    "l2_sp": Style(GREEN, "square", "dot"),
    "bias_only": Style(OLIVE, "diamond", "dot"),
    "gradual_unfreeze": Style(OLIVE, "triangle_down", "dashdot"),
}
_MARKERS: tuple[Marker, ...] = (
    "circle",
    "square",
    "diamond",
    "triangle",
    "triangle_down",
    "plus",
    "cross",
    "star",
)
_DASHES: tuple[Dash, ...] = ("solid", "dash", "dot", "dashdot")
_LEAST_GAP = 0.1
_OTHERS = tuple(
    style
    for dash in ("dashdot", "dot", "dash", "solid")
    for marker in _MARKERS
    for color in (MAGENTA, OLIVE, ORANGE, VERMILLION, SKY, BLUE, PURPLE)
    if (style := Style(color, marker, dash)) not in _STRATEGY_STYLES.values()
)
"""Styles of strategies from other packages, and of those that a study file gives a label."""


def strategies_in_order(names: Iterable[str]) -> list[str]:
    """Return strategy names in the fixed order of every figure; those of third parties last."""
    order = {name: place for place, name in enumerate(STRATEGY_ORDER)}
    return sorted(set(names), key=lambda name: (order.get(name, len(order)), name))


def strategy_style(strategy: str) -> Style:
    """Return the style of a strategy; one that is not ours has one that follows from its name, in every figure."""
    return _STRATEGY_STYLES.get(strategy) or _OTHERS[crc32(strategy.encode()) % len(_OTHERS)]


def cut_style(cut: int, num_blocks: int) -> Style:
    """Return the style of a cut: from dark to light, none too dark for a dark page; markers and dashes in turn."""
    return Style(
        sequential(0.17 + 0.83 * cut / max(num_blocks, 1)), _MARKERS[cut % len(_MARKERS)], _DASHES[cut % len(_DASHES)]
    )


def cut_line_name(cut: int | None) -> str:
    """Return the name of the line of a cut; None: of a strategy that does the same at every cut."""
    return "any cut" if cut is None else f"cut {cut}"


def cut_entries(lines: Iterable[Mapping[int | None, Line]], others: Iterable[Line] = ()) -> list[LegendEntry]:
    """Return the legend of lines by cut: the cuts in order, then what is the same at every cut, then others."""
    by_cut = {cut: line for own in lines for cut, line in own.items()}
    order = sorted(by_cut, key=lambda cut: (cut is None, cut or 0))
    return [LegendEntry(line.name, line.style, "line") for line in (*(by_cut[cut] for cut in order), *others)]


def fraction_label(fraction: float) -> str:
    """Return a fraction in per cent.

    Example:
        >>> [fraction_label(f) for f in (0.001, 0.125, 1.0)]
        ['0.1 %', '12.5 %', '100 %']
    """
    return f"{100 * fraction:.6g} %"


def fraction_axis(fractions: Sequence[float]) -> Axis:
    """Return a log axis with a tick at each fraction (sorted); ticks too close to their right neighbour stay blank."""
    limits = (fractions[0] / 1.6, fractions[-1] * 1.6)
    span = math.log10(limits[1] / limits[0])
    ticks: list[Tick] = []
    right = math.inf
    for fraction in reversed(fractions):
        near = math.log10(right / fraction) < _LEAST_GAP * span
        right = right if near else fraction
        ticks.append(Tick(fraction, "" if near else fraction_label(fraction)))
    return Axis("Fraction of the target's training images", scale="log", ticks=tuple(reversed(ticks)), limits=limits)


def cut_axis(cuts: Iterable[int | str]) -> Axis:
    """Return a category axis with one place a cut."""
    return Axis(
        "Blocks kept from the source (cut)",
        scale="category",
        ticks=tuple(Tick(place, str(cut)) for place, cut in enumerate(cuts)),
    )


def epoch_axis(last: int) -> Axis:
    """Return an axis of epochs 1 to `last` with whole ticks, which also suit a log scale."""
    step = next(step * scale for scale in (1, 10, 100, 1000, 10_000) for step in (1, 2, 5) if last <= 7 * step * scale)
    ticks = dict.fromkeys((1, *range(step, last + 1, step)))
    return Axis("Epoch", ticks=tuple(Tick(epoch, str(epoch)) for epoch in ticks))


def size_axis(title: str, least: float, most: float) -> Axis:
    """Return a log axis for numbers such as 1,200 or 3,400,000, labelled 1 k, 10 k, 1 M."""
    limits = (least / 1.3, most * 1.3)
    steps = (1,) if most > 300 * least else (1, 3) if most > 5 * least else (1, 1.5, 2, 3, 5, 7)
    first, last = math.floor(math.log10(limits[0])), math.ceil(math.log10(limits[1]))
    places = [step * 10.0**power for power in range(first, last + 1) for step in steps]
    ticks = tuple(Tick(place, _short(place)) for place in places if limits[0] <= place <= limits[1])
    return Axis(title, scale="log", ticks=ticks, limits=limits)


def _short(number: float) -> str:
    for factor, letter in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if number >= factor:
            return f"{number / factor:g} {letter}"
    return f"{number:g}"


def layer_axis(layers: Iterable[str]) -> Axis:
    """Return a category axis with one place a layer."""
    ticks = tuple(Tick(place, layer) for place, layer in enumerate(layers))
    return Axis("Layer of the source model", scale="category", ticks=ticks)


def estimate_note(row: Mapping[str, Any]) -> str:
    """Return mean and interval of a row of `stats.estimates` in words, for hovering."""
    mean, low, high = (100 * float(row[name]) for name in ("mean", "low", "high"))
    interval = "no interval: one replicate" if math.isnan(low) else f"95 % interval {low:.1f} to {high:.1f}"
    return f"{mean:.1f} % ({interval}, {int(row['num_replicates'])} replicates)"


def bounds(row: Mapping[str, Any]) -> tuple[float | None, float | None]:
    """Return the interval of a row of `stats.estimates` in per cent; None without one (a single replicate)."""
    low, high = 100 * float(row["low"]), 100 * float(row["high"])
    return (None, None) if math.isnan(low) else (low, high)


def padded(low: float, high: float, least: float = 1.0) -> tuple[float, float]:
    """Return limits a little wider than the data, at least `least` wide."""
    margin = max(0.04 * (high - low), (least - (high - low)) / 2, least / 10)
    return low - margin, high + margin
