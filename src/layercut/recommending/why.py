"""Why one condition is recommended and not another, and how surely: a sentence each."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence

from layercut.figures import words
from layercut.recommending.told import ArmScore, arm_name, what_to_do, within_one_error
from layercut.records import TrialRecord

MOST_NAMED = 5

_MOST_CUTS = 7


def is_judged(row: ArmScore) -> bool:
    """Return whether a condition has a score on images that were held out."""
    return not row.failed and not math.isnan(row.score)


def how_sure(own: ArmScore, rows: Sequence[ArmScore], same: Sequence[ArmScore]) -> Iterator[str]:
    """Yield how many of the other conditions the labelled images rule out, and which they do not."""
    num_others = sum(row is not own for row in filter(is_judged, rows))
    if not num_others:
        return
    others = words.count(num_others, "other condition")
    if not same:
        yield f"How sure: clearly better than the {others} tried (an exact sign test for each, at 5 %)."
        return
    ruled_out = f"{num_others - len(same)}" if len(same) < num_others else "none"
    names = [f"{arm_name(row.arm)}, {words.percent(row.score)}" for row in sorted(same, key=lambda row: -row.score)]
    yield (
        f"How sure: these labels rule out {ruled_out} of the {others} tried. They cannot tell it apart from: "
        f"{'; '.join(names[:MOST_NAMED])}{more(names)}."
    )


def features_by_depth(own: ArmScore, rows: Sequence[ArmScore]) -> Iterator[str]:
    """Yield how good the features are after each cut, by the classifiers solved on them."""
    heads = [row for row in rows if is_judged(row) and row.arm.solved and row.arm.model == own.arm.model]
    if len(heads) < 2:
        return
    best = sorted(sorted(heads, key=lambda row: -row.score)[:_MOST_CUTS], key=lambda row: row.arm.cut)
    cuts = words.conjunction([str(row.arm.cut) for row in best])
    scores = words.conjunction([words.percent_number(row.score) for row in best])
    which = "" if len(best) == len(heads) else f" (the best {len(best)} of {len(heads)} cuts)"
    yield f"Features by depth{which}: a linear classifier after {cuts} blocks has {scores} %."


def best_of_each(own: ArmScore, rows: Sequence[ArmScore]) -> Iterator[str]:
    """Yield the best condition of each strategy, where several were tried."""
    best: dict[str, ArmScore] = {}
    judged = [row for row in rows if is_judged(row) and row.arm.model == own.arm.model]
    for row in sorted(judged, key=lambda row: (-row.score, row is not own)):
        best.setdefault(row.arm.strategy, row)
    if len(best) > 1:
        names = [f"{arm_name(row.arm)}, {words.percent(row.score)}" for row in best.values()]
        yield f"Best of each strategy tried: {'; '.join(names)}."


def by_model(rows: Sequence[ArmScore]) -> Iterator[str]:
    """Yield the best condition of each model, where there are several."""
    best: dict[str, ArmScore] = {}
    for row in sorted(filter(is_judged, rows), key=lambda row: -row.score):
        best.setdefault(row.arm.model, row)
    if len(best) > 1:
        parts = [f"{arm_name(row.arm)}, {words.percent(row.score)}" for row in best.values()]
        yield f"The best that was tried of each model: {'; '.join(parts)}."


def cheaper(
    own: ArmScore, same: Sequence[ArmScore], records: Mapping[str, TrialRecord], num_images: float
) -> Iterator[str]:
    """Yield the smallest model within one standard error, where it saves a fifth of the parameters."""
    sizes = {row.arm.key: records[row.arm.key].num_parameters or 0 for row in [own, *same] if row.arm.key in records}
    offered = [row for row in same if row.arm.key in sizes and within_one_error(own, row, num_images)]
    if not offered or not sizes.get(own.arm.key):
        return
    least = min(offered, key=lambda row: (sizes[row.arm.key], -row.score))
    share = sizes[least.arm.key] / sizes[own.arm.key]
    if share < 0.8:
        what = what_to_do(least.arm)
        parameters = "less than 1 %" if share < 0.01 else words.percent(share, 0)
        yield (
            f"Smaller, and within one standard error ({words.percent(least.score)}, {parameters} of the parameters): "
            f"{what[0].lower()}{what[1:]}."
        )


def more(names: Sequence[str]) -> str:
    """Return how many names there are beyond those that are listed."""
    return f"; and {len(names) - MOST_NAMED} more" if len(names) > MOST_NAMED else ""
