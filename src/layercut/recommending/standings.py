"""What fresh replicates say of the recommended condition and its rivals, read from the ledgers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

from layercut.recommending.arms import Arm, ArmTrial, Seen
from layercut.recommending.certificate import FIRST_FRESH, LOOKS, RivalStanding, standing
from layercut.recommending.journal import Journal

Read = Callable[[Iterable[ArmTrial]], list[Seen]]
"""Returns what was done of trials."""


def rivals(journal: Journal, seen: Sequence[Seen], best: Arm) -> list[Arm]:
    """Return all other arms that were tried and have a score, in the order of arms."""
    failed = {one.key for one in seen if one.failed}
    judged = {one.key for one in seen if one.score is not None} - failed
    return [arm for arm in journal.arms if arm.key in judged and arm != best]


def standings(journal: Journal, read: Read, best: Arm, margin: float) -> list[RivalStanding]:
    """Return what fresh replicates say so far of each rival.

    A training that fails has nothing right.
    """
    others = rivals(journal, read(journal.trials), best) if journal.num_held_out else []
    fresh = read(ArmTrial(arm.key, FIRST_FRESH + i) for arm in [best, *others] for i in range(LOOKS[-1]))
    values: dict[str, dict[int, float]] = {arm.key: {} for arm in [best, *others]}
    for one in fresh:
        values[one.key][one.replicate] = one.score or 0.0
    return [standing(arm.key, _row(values[best.key]), _row(values[arm.key]), margin) for arm in others]


def seconds_needed(
    journal: Journal, best: Arm, found: Sequence[RivalStanding], seconds: Mapping[str, float], size: int
) -> float:
    """Return how long it takes until every rival that is left has so many pairs, by the seconds of a trial of each."""
    open_ones = [one for one in found if not one.is_shown]
    done = min((one.num_pairs for one in open_ones), default=0)
    each = seconds[best.key] + sum(seconds[one.key] for one in open_ones)
    return each * max(0, size - done) / journal.num_workers


def _row(values: dict[int, float]) -> list[float]:
    """Return values of the first fresh replicates, as far as none is missing."""
    row: list[float] = []
    while FIRST_FRESH + len(row) in values:
        row.append(values[FIRST_FRESH + len(row)])
    return row
