"""Cut 0 of an imported study is its baseline: nothing is transferred there, and the same trials stand in two files."""

from __future__ import annotations

import dataclasses
from collections import defaultdict
from collections.abc import Sequence

from layercut.interop.mp_tl_study.findings import ConditionPoint, NamedTrial, point_of

_EQUAL_AT_CUT_0 = ("freeze_reinit", "reinit")
"""Strategies that keep nothing of the source at cut 0."""


def merged_with_baselines(trials: Sequence[NamedTrial]) -> list[NamedTrial]:
    """Return all trials in their order, those at cut 0 that are baselines as another name of the same record."""
    equal = _equal_baselines(trials)
    merged = list(trials)
    for position, baseline in equal.items():
        name, trial = trials[baseline]
        shared = dataclasses.replace(trials[position].name, condition=name.condition, merged=True)
        merged[position] = NamedTrial(shared, trial)
    return merged


def _equal_baselines(trials: Sequence[NamedTrial]) -> dict[int, int]:
    """Return the trials at cut 0 and the baseline that each of them is, by position.

    Only where all trials of a condition equal their baselines bit for bit: single equal numbers may be luck.
    """
    conditions: dict[ConditionPoint, dict[int, list[int]]] = defaultdict(lambda: defaultdict(list))
    for position, (name, trial) in enumerate(trials):
        conditions[point_of(name)][trial.replicate].append(position)
    found: dict[int, int] = {}
    for point, replicates in conditions.items():
        baselines = conditions.get(point._replace(strategy="scratch"))
        if point.cut == 0 and point.strategy in _EQUAL_AT_CUT_0 and baselines:
            pairs = [(positions, baselines.get(replicate, [])) for replicate, positions in replicates.items()]
            if all(_equal(trials, *pair) for pair in pairs):
                found |= {here[0]: there[0] for here, there in pairs}
    return found


def _equal(trials: Sequence[NamedTrial], here: Sequence[int], there: Sequence[int]) -> bool:
    values = [(trials[i].trial.train_accuracy, trials[i].trial.test_accuracy) for i in (*here, *there)]
    return len(here) == len(there) == 1 and values[0] == values[1]
