"""Conditions and numbers in words, the same in a report, a notebook and the terminal."""

from __future__ import annotations

import math
from collections.abc import Sequence

from layercut.figures.names import fraction_label
from layercut.stats import Context
from layercut.stats.boards import SourceCut

__all__ = [
    "condition_name",
    "conjunction",
    "context_label",
    "count",
    "duration",
    "fraction_label",
    "interval",
    "listing",
    "p_value",
    "percent",
    "points",
    "taken",
]

NOTHING = "–"
"""Stands where there is no number."""


def condition_name(strategy: str, cut: int | None) -> str:
    """Return the short name of a condition.

    Example:
        >>> condition_name("freeze_reinit", 4), condition_name("finetune", None)
        ('freeze_reinit at cut 4', 'finetune')
    """
    return strategy if cut is None else f"{strategy} at cut {cut}"


def context_label(context: Context, among: Sequence[Context]) -> str:
    """Return what tells a context from the others; empty where there are no others."""
    parts = [context.study] if len({other.study for other in among}) > 1 else []
    if len({other.source for other in among}) > 1 or len({other.target for other in among}) > 1:
        parts.append(f"{context.source} → {context.target}")
    if len({other.model for other in among}) > 1:
        parts.append(context.model)
    for place, (factor, level) in enumerate(context.factors):
        if len({other.factors[place] for other in among}) > 1:
            parts.append(f"{factor}: {level}")
    return ", ".join(parts)


def taken(scope: str, chosen: Sequence[SourceCut], most: int | None = None) -> str:
    """Return what a predictor takes in a row of the scoreboard: cuts, or cuts of sources.

    Example:
        >>> taken("cut", [SourceCut("a", "m", 1), SourceCut("a", "m", 3)])
        '1, 3'
        >>> taken("source", [SourceCut("a", "m", 1), SourceCut("b", "m", 3)])
        'a at cut 1; b at cut 3'
    """
    if scope == "cut":
        return ", ".join(str(one.cut) for one in chosen)
    names = [f"{one.source} at cut {one.cut}" for one in chosen]
    return "; ".join(names) if most is None else listing(names, most)


def percent(share: float, decimals: int = 1) -> str:
    """Return a share of 1 in per cent, such as `93.3 %`."""
    return NOTHING if math.isnan(share) else f"{percent_number(share, decimals)} %"


def percent_number(share: float, decimals: int = 1) -> str:
    """Return a share of 1 in per cent without the sign, such as `93.3`."""
    return NOTHING if math.isnan(share) else f"{100 * share:.{decimals}f}"


def rate(learning_rate: float) -> str:
    """Return a learning rate, such as `0.0003`."""
    return f"{learning_rate:g}"


def signed(difference: float) -> str:
    """Return a difference of shares in percentage points, signed, without unit: `+12.9`, `−0.4`, `0.0`."""
    text = f"{100 * difference:+.1f}"
    return NOTHING if math.isnan(difference) else "0.0" if float(text) == 0 else text.replace("-", "−")


def points(difference: float) -> str:
    """Return a difference of shares in percentage points, such as `+12.9 points`."""
    return f"{signed(difference)} points"


def interval(low: float, high: float) -> str:
    """Return a 95 % interval in percentage points; says so where there is none."""
    return span(low, high) if math.isnan(low) else f"95 % interval {span(low, high)}"


def span(low: float, high: float) -> str:
    """Return the ends of an interval in percentage points; says so where there is none."""
    return "no interval" if math.isnan(low) else f"{signed(low)} to {signed(high)}"


def p_value(p: float) -> str:
    """Return a p-value, such as `p = 0.014`, `p = 0.38` or `p < 0.001`."""
    if math.isnan(p):
        return p_number(p)
    return f"p {p_number(p)}" if p < 0.001 else f"p = {p_number(p)}"


def p_number(p: float) -> str:
    """Return a p-value as it stands in a column of them, such as `0.014` or `< 0.001`."""
    if math.isnan(p):
        return "no p-value"
    return "< 0.001" if p < 0.001 else f"{p:.3f}" if p < 0.1 else f"{p:.2f}"


def count(number: int, noun: str, plural: str = "") -> str:
    """Return `1 trial` or `1,200 trials`."""
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"


def listing(names: Sequence[str], most: int = 6) -> str:
    """Return `a, b and 3 more`."""
    if len(names) <= most:
        return ", ".join(names)
    return f"{', '.join(names[: most - 1])} and {len(names) - most + 1} more"


def conjunction(names: Sequence[str]) -> str:
    """Return `a`, `a and b` or `a, b and c`."""
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def duration(seconds: float) -> str:
    """Return a time with the two largest units, such as `1 h 12 min`."""
    if math.isnan(seconds):
        return NOTHING
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    first, second = (f"{hours} h", minutes and f"{minutes} min") if hours else (f"{minutes} min", rest and f"{rest} s")
    return f"{first} {second}" if second else first
