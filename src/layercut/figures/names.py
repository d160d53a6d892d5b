"""What conditions are called in figures and reports, and how they look: one name, colour and marker each."""

from __future__ import annotations

from collections.abc import Iterable

from layercut.charts.chart import Axis, Dash, Marker, Style, Tick
from layercut.charts.palette import BLUE, GREEN, ORANGE, PURPLE, SKY, VERMILLION, sequential
from layercut.stats.tables import STRATEGY_ORDER

_STRATEGY_STYLES = {
    "scratch": Style("ink", "cross", "dash"),
    "freeze_reinit": Style(BLUE, "circle"),
    "freeze": Style(SKY, "square"),
    "reinit": Style(VERMILLION, "triangle"),
    "finetune": Style(GREEN, "diamond"),
    "freeze_truncate": Style(PURPLE, "triangle_down"),
    "truncate": Style(ORANGE, "plus"),
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
_OTHER = Style("muted", "star", "dot")


def strategies_in_order(names: Iterable[str]) -> list[str]:
    """Return strategy names in the fixed order of every figure; those of third parties last."""
    order = {name: place for place, name in enumerate(STRATEGY_ORDER)}
    return sorted(set(names), key=lambda name: (order.get(name, len(order)), name))


def strategy_style(strategy: str) -> Style:
    """Return the style of a strategy; those of third parties share a neutral one."""
    return _STRATEGY_STYLES.get(strategy, _OTHER)


def cut_style(cut: int, num_blocks: int) -> Style:
    """Return the style of a cut: from dark to light, none too dark for a dark page; markers and dashes in turn."""
    return Style(
        sequential(0.17 + 0.83 * cut / max(num_blocks, 1)), _MARKERS[cut % len(_MARKERS)], _DASHES[cut % len(_DASHES)]
    )


def fraction_label(fraction: float) -> str:
    """Return a fraction in per cent.

    Example:
        >>> [fraction_label(f) for f in (0.001, 0.125, 1.0)]
        ['0.1 %', '12.5 %', '100 %']
    """
    return f"{100 * fraction:.6g} %"


def cut_axis(cuts: Iterable[int]) -> Axis:
    """Return a category axis with one place a cut."""
    return Axis(
        "Blocks kept from the source (cut)",
        scale="category",
        ticks=tuple(Tick(place, str(cut)) for place, cut in enumerate(cuts)),
    )


def padded(low: float, high: float, least: float = 1.0) -> tuple[float, float]:
    """Return limits a little wider than the data, at least `least` wide."""
    margin = max(0.04 * (high - low), (least - (high - low)) / 2, least / 10)
    return low - margin, high + margin
