"""Conditions and numbers in words, the same in a report, a notebook and the terminal."""

from __future__ import annotations

import math
from collections.abc import Sequence

from layercut.figures.names import fraction_label
from layercut.stats import Context
from layercut.stats.boards import SourceCut
from layercut.stats.design import CUTLESS

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
    "phrase",
    "points",
    "taken",
]

NOTHING = "–"
"""Stands where there is no number."""


def phrase(strategy: str, cut: int, num_blocks: int, names: Sequence[str] = ()) -> str:
    """Return what to do, as a sentence begins; `names` are those of the blocks, where they are known.

    Example:
        >>> phrase("freeze_reinit", 4, 6)
        'Keep 4 of 6 blocks, frozen, and re-initialise the rest'
        >>> phrase("truncate", 1, 2, ["conv0", "conv1"])
        'Keep 1 of 2 blocks (up to conv0), train them further, and remove the rest'
    """
    named = f" (up to {names[cut - 1]})" if 0 < cut < len(names) else ""
    kept = f"{cut} of {num_blocks} blocks{named}"
    whole = strategy == "scratch_truncate" and cut == num_blocks
    if strategy == "scratch" or whole or (cut == 0 and strategy in ("freeze_reinit", "reinit")):
        return "Train from scratch"
    if strategy == "finetune" or (strategy == "freeze" and cut == 0):
        return f"Keep all {num_blocks} blocks and train them further"
    if strategy in ("freeze_truncate", "truncate", "scratch_truncate") and cut == 0:
        return "Remove all blocks and train the head on the pixels"
    head_alone = strategy == "train_block" and cut == 0
    if head_alone or (cut == num_blocks and strategy in ("freeze_reinit", "freeze", "freeze_truncate")):
        return f"Keep all {num_blocks} blocks, frozen, and train a new head"
    if cut == num_blocks and strategy in ("reinit", "truncate"):
        return f"Keep all {num_blocks} blocks and train them further"
    sentences = {
        "train_block": f"Keep all {num_blocks} blocks, train block {cut} further and freeze the others",
        "norm_only": f"Keep all {num_blocks} blocks and train only their norms further",
        "layer_decay": f"Keep all {num_blocks} blocks and train them further, each slower than the one above it",
        "l2_sp": f"Keep all {num_blocks} blocks and train them further, drawn back to the source's values",
        "gradual_unfreeze": f"Keep all {num_blocks} blocks and train them further, from the top on, group after group",
        "bias_only": f"Keep all {num_blocks} blocks and train only their biases further",
        "freeze_reinit": f"Keep {kept}, frozen, and re-initialise the rest",
        "freeze": f"Keep all {num_blocks} blocks, freeze the first {cut}{named} and train the rest further",
        "reinit": f"Keep {kept}, train them further, and re-initialise the rest",
        "freeze_truncate": f"Keep {kept}, frozen, and remove the rest",
        "truncate": f"Keep {kept}, train them further, and remove the rest",
        "lp_finetune": f"Keep all {num_blocks} blocks, solve a linear probe on them, and train everything from there",
        "linear_probe": _probed(cut, num_blocks, kept),
        "scratch_truncate": f"Remove all blocks but the first {cut}{named} and train the smaller network from scratch",
    }
    other = f"Keep all {num_blocks} blocks" if cut == num_blocks else f"Cut after {kept}"
    return sentences.get(strategy, f"{other} with strategy {strategy}")


def _probed(cut: int, num_blocks: int, kept: str) -> str:
    if cut in (0, num_blocks):
        on = f"Keep all {num_blocks} blocks, frozen, and solve a linear probe on them"
        return on if cut else "Solve a linear probe on the pixels"
    return f"Keep {kept}, frozen, remove the rest, and solve a linear probe"


def condition_name(strategy: str, cut: int) -> str:
    """Return the short name of a condition, such as `freeze_reinit at cut 4`."""
    return strategy if strategy in CUTLESS else f"{strategy} at cut {cut}"


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
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s"
