"""From what contenders wrote to the numbers of the table.

A rival that did not run every trial is extrapolated, never silently: its study would take what starting takes,
and for each trial of the design the seconds of an epoch at that condition times the epochs that layercut ran for
the same trial (both stop by the same rule on the same images), and the seconds outside epochs of its whole trials.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from benchmarks.children import Child

Condition = tuple[str, int]
"""Strategy and cut."""


class Spread(NamedTuple):
    """Median, least and greatest over rounds."""

    median: float
    least: float
    greatest: float

    @classmethod
    def of(cls, values: Sequence[float]) -> Spread:
        """Summarize at least one value."""
        return cls(statistics.median(values), min(values), max(values))


class Agreement(NamedTuple):
    """Test accuracy of a rival less layercut's on the same trials: same images, other initial values and orders."""

    num_trials: int
    mean_difference: float
    standard_error: float | None
    """Of the mean, from the replicates' own scatter; None where nothing tells it."""

    @property
    def agrees(self) -> bool | None:
        """Whether the difference lies within three standard errors; None where that is unknown."""
        return None if not self.standard_error else abs(self.mean_difference) <= 3 * self.standard_error


class RivalRound(NamedTuple):
    """One round of a rival, as seconds."""

    study_seconds: float
    extrapolated: bool
    by_condition: dict[Condition, float]
    """Seconds of one trial, at the epochs that layercut ran."""
    check: float | None
    """Extrapolated over measured seconds of the trials that did run whole, from the epochs of other trials alone.

    None where there were none.
    """


def layercut_round(child: Child) -> dict[Condition, float]:
    """Return layercut's seconds a trial at each condition, as its share of all cores.

    A trial that was merged with another is counted at both names.
    """
    rows = child.answer["trials"]
    busy = sum(row["wall_seconds"] for row in rows if not row["merged"])
    share = child.seconds / busy if busy else 0.0
    return {
        condition: share * statistics.mean(row["wall_seconds"] for row in members)
        for condition, members in by_condition(rows).items()
    }


def seconds_outside_epochs(children: Iterable[Child]) -> float:
    """Return what a whole trial of a rival takes beside its epochs: building, loading, testing; 0 without any."""
    rows = [row for child in children for row in child.answer["trials"] if row["complete"]]
    return statistics.median(row["seconds"] - sum(row["epoch_seconds"]) for row in rows) if rows else 0.0


def rival_round(
    child: Child, epochs: dict[tuple[Condition, int], int], num_trials: int, outside_epochs: float
) -> RivalRound:
    """Return a rival's seconds for the whole design.

    `epochs` are layercut's for each condition and replicate, `outside_epochs` seconds of each trial.
    """
    rows = child.answer["trials"]
    rates = {condition: epoch_rate(trials) for condition, trials in by_condition(rows).items()}
    whole = [row for row in rows if row["complete"]]
    beside = child.seconds - _own_choices(child) - sum(row["seconds"] for row in rows)
    measured = sum(row["seconds"] for row in whole)
    if len(whole) == num_trials:
        seconds = {c: statistics.mean(t["seconds"] for t in trials) for c, trials in by_condition(whole).items()}
        return RivalRound(beside + measured, False, seconds, None)
    by_trial = {at: outside_epochs + rates[at[0]] * num_epochs for at, num_epochs in epochs.items()}
    seconds = {
        condition: statistics.mean(value for (c, _), value in by_trial.items() if c == condition) for condition in rates
    }
    timed = by_condition(row for row in rows if not row["complete"])
    foretold = sum(outside_epochs + epoch_rate(timed[_condition(row)]) * row["num_epochs"] for row in whole)
    return RivalRound(beside + sum(by_trial.values()), True, seconds, foretold / measured if measured else None)


def epoch_rate(trials: Sequence[dict[str, Any]]) -> float:
    """Return the median seconds of an epoch, first epochs left out where there are others."""
    later = [seconds for trial in trials for seconds in trial["epoch_seconds"][1:]]
    return statistics.median(later or [trial["epoch_seconds"][0] for trial in trials])


def agreement(ours: Iterable[dict[str, Any]], theirs: Iterable[dict[str, Any]]) -> Agreement | None:
    """Compare the trials that both ran whole; None where there are none."""
    ours = list(ours)
    accuracy = {(_condition(row), row["replicate"]): row["test_accuracy"] for row in ours}
    rows = {(_condition(row), row["replicate"]): row["test_accuracy"] for row in theirs if row.get("complete", True)}
    differences = [value - accuracy[at] for at, value in rows.items() if at in accuracy]
    if not differences:
        return None
    scatter = replicate_deviation(ours)
    error = None if scatter is None else scatter * math.sqrt(2 / len(differences))
    return Agreement(len(differences), statistics.mean(differences), error)


def replicate_deviation(rows: Iterable[dict[str, Any]]) -> float | None:
    """Return the standard deviation of test accuracy between replicates of a condition, pooled over conditions."""
    groups = [[row["test_accuracy"] for row in members] for members in by_condition(rows).values()]
    variances = [statistics.variance(values) for values in groups if len(values) > 1]
    return math.sqrt(statistics.mean(variances)) if variances else None


def by_condition(rows: Iterable[dict[str, Any]]) -> dict[Condition, list[dict[str, Any]]]:
    """Group rows by strategy and cut."""
    groups: dict[Condition, list[dict[str, Any]]] = {}
    for row in rows:
        groups.setdefault(_condition(row), []).append(row)
    return groups


def _condition(row: dict[str, Any]) -> Condition:
    return row["strategy"], row["cut"]


def _own_choices(child: Child) -> float:
    """Return the seconds in which a rival found out what suits it; a practitioner does that once."""
    return float(child.answer.get("choice_seconds", 0.0))
