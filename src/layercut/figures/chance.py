"""The line at chance level in figures of accuracy or another metric (`metrics.chance`)."""

from __future__ import annotations

from layercut.charts import LegendEntry, Reference, Style
from layercut.figures.study_tables import StudyTables
from layercut.metrics import ACCURACY
from layercut.stats.metric import known_chance, metric_of

_STYLE = Style("muted", dash="dot")
_REACH = 0.5
"""An axis grows by so much of its length, at the most, to show the line."""


def chance_of(tables: StudyTables) -> float | None:
    """Return chance level in per cent; None where the plan does not tell."""
    told = known_chance(tables.results.attrs.get("plan") or {}, tables.results)
    shares = {told.get(target) for target in tables.results["target"].unique()}
    share = shares.pop() if len(shares) == 1 else None
    return None if share is None else 100 * float(share)


def down_to_chance(limits: tuple[float, float], chance: float | None) -> tuple[float, float]:
    """Return limits that reach down to chance where it is near.

    Example:
        >>> down_to_chance((30.0, 80.0), 20.0), down_to_chance((90.0, 96.0), 20.0)
        ((19.0, 80.0), (90.0, 96.0))
    """
    low, high = limits
    if chance is None or not low - _REACH * (high - low) <= chance < low + 1:
        return limits
    return min(low, chance - 1.0), high


def chance_lines(limits: tuple[float, float], chance: float | None) -> tuple[Reference, ...]:
    """Return the line, where it lies within the limits of an axis."""
    return (Reference(chance, "chance", _STYLE),) if chance is not None and limits[0] <= chance <= limits[1] else ()


def chance_entries(drawn: bool) -> list[LegendEntry]:
    """Return the legend entry of the line, if it is drawn."""
    return [LegendEntry("chance", _STYLE, "reference")] if drawn else []


def chance_caption(tables: StudyTables, chance: float | None, drawn: bool) -> str:
    """Return what a caption says of chance."""
    if chance is None:
        return ""
    guessing = (
        "the share of the most frequent class" if metric_of(tables.results) == ACCURACY else "what guessing gives"
    )
    what = f"chance, {guessing} ({chance:.1f} %)"
    return f" Dotted grey line: {what}." if drawn else f" Below all axes: {what}."
