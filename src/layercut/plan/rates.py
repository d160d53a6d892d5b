"""Learning rates that are chosen: which pilots are next, and what conditions are once they are known.

A condition whose training names several rates is open until its pilots have told. What is taken is a function of the
plan's conditions and of the ledger's pilots, whatever ran where and when. From then on the condition is the one that a
study of that one rate has, with its key and its records. The searches of one strategy at one fraction begin at the
middle cut and the middle rate, and go on to both sides, each from what the nearest cut before it took.
"""

from __future__ import annotations

import dataclasses
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple, TypeVar

from layercut.plan.canonical import condition_key, pilot_key, row_key, search_key
from layercut.plan.jobs import Condition, PilotJob
from layercut.plan.piloting import as_pilot, rule_of
from layercut.plan.rate_search import DIVERGED, Pilot, least_and_most, middle, most_repetitions, search
from layercut.records import ConditionName, PilotRecord

T = TypeVar("T")


class RateChoice(NamedTuple):
    """What a ledger's pilots tell of a plan's conditions."""

    pilots: tuple[PilotJob, ...]
    """What must be known next."""
    taken: Mapping[str, float]
    """By key of the open condition."""
    failed: Mapping[str, str]
    """Open conditions whose search cannot go on, and why."""


class PilotCount(NamedTuple):
    """How many pilots a condition may need."""

    least: int
    most: int


def choose_rates(
    conditions: Iterable[Condition], records: Iterable[PilotRecord], failed: Mapping[str, str]
) -> RateChoice:
    """Return what the pilots so far tell.

    Args:
        conditions: of the whole plan, as the study asks for them, rates open.
        records: pilots of any study; those that no search asks for play no part.
        failed: keys of pilots that gave no result, and of sources that could not be made, with the reason. What began
            from such a search begins anew.
    """
    scores = {record.key: _score(record) for record in records}
    pilots: dict[str, PilotJob] = {}
    taken: dict[str, float] = {}
    lost: dict[str, str] = {}
    waiting: set[str] = set()
    for condition, start in searches(conditions):
        if start is not None and start.key in waiting:
            waiting.add(condition.key)
            continue
        if condition.source is not None and condition.source in failed:
            lost[condition.key] = failed[condition.source]
            continue
        wanted, place = _search(condition, None if start is None else taken.get(start.key), scores)
        why = next((failed[job.key] for job in wanted if job.key in failed), None)
        if place is not None:
            taken[condition.key] = condition.rates[place]
        elif why is not None:
            lost[condition.key] = why
        else:
            waiting.add(condition.key)
            pilots |= {job.key: job for job in wanted}
    return RateChoice(tuple(sorted(pilots.values(), key=lambda job: -job.flops)), taken, lost)


def with_rates(
    conditions: Iterable[Condition], names: Iterable[ConditionName], taken: Mapping[str, float]
) -> tuple[tuple[Condition, ...], tuple[ConditionName, ...]]:
    """Return conditions and names with the rates that open ones took; conditions that are now equal are one."""
    chosen = {one.key: at_rate(one, taken[one.key]) if one.key in taken else one for one in conditions}
    known: set[str] = set()
    renamed = []
    for name in names:
        condition = chosen[name.condition]
        rate = taken.get(name.condition, name.learning_rate)
        merged = condition.key in known
        renamed.append(dataclasses.replace(name, condition=condition.key, merged=merged, learning_rate=rate))
        known.add(condition.key)
    distinct = {condition.key: condition for condition in chosen.values()}
    return tuple(distinct.values()), tuple(renamed)


def at_rate(condition: Condition, rate: float) -> Condition:
    """Return an open condition at one rate: what a study has that names no other."""
    closed = dataclasses.replace(condition, rates=(), training=dataclasses.replace(condition.training, lr=rate))
    return dataclasses.replace(closed, key=condition_key(closed))


def named_rate(condition: Condition) -> dict[str, Any]:
    """Return what the name of a design point says about the rate of its condition."""
    if condition.rates:
        return {"rates": condition.rates, "search": search_key(as_pilot(condition))}
    return {} if condition.head == "solved" else {"learning_rate": condition.training.lr}


def num_pilots(conditions: Iterable[Condition]) -> dict[str, PilotCount]:
    """Return how many pilots each open one of a plan's conditions may need, by key."""
    return {
        condition.key: PilotCount(*least_and_most(len(condition.rates), started=start is not None))
        for condition, start in searches(conditions)
    }


def searches(conditions: Iterable[Condition]) -> Iterator[tuple[Condition, Condition | None]]:
    """Yield the open conditions, each with the one whose choice it begins from, which comes before it."""
    rows: dict[str, list[Condition]] = {}
    for condition in conditions:
        if condition.rates:
            rows.setdefault(row_key(condition), []).append(condition)
    for row in rows.values():
        yield from _from_the_middle(sorted(row, key=lambda condition: condition.cut))


def _from_the_middle(row: Sequence[T]) -> Iterator[tuple[T, T | None]]:
    """Yield the middle of a row, then the middles of both sides, and so on; each with the nearest one before it.

    Example:
        >>> list(_from_the_middle("abcde"))
        [('c', None), ('b', 'c'), ('e', 'c'), ('a', 'b'), ('d', 'c')]
    """
    spans, placed = deque([(0, len(row))]), list[int]()
    while spans:
        low, high = spans.popleft()
        if low < high:
            middle = (low + high) // 2
            nearest = min(placed, key=lambda place: (abs(place - middle), place), default=None)
            yield row[middle], None if nearest is None else row[nearest]
            placed.append(middle)
            spans += [(low, middle), (middle + 1, high)]


def _search(
    condition: Condition, start_rate: float | None, scores: Mapping[str, float]
) -> tuple[list[PilotJob], int | None]:
    """Return the pilots that the search of a condition needs next, or the place of the rate that it took."""
    piloted, rates = as_pilot(condition), condition.rates
    key = search_key(piloted)
    keys = {
        Pilot(place, number): pilot_key(key, rate, _replicate(number))
        for place, rate in enumerate(rates)
        for number in range(most_repetitions(len(rates)))
    }
    seen = {pilot: scores[own] for pilot, own in keys.items() if own in scores}
    start = middle(len(rates)) if start_rate is None else rates.index(start_rate)
    wanted, place = search(len(rates), start, rule_of(condition).num_judged, seen)
    jobs = [
        PilotJob(keys[pilot], key, at_rate(piloted, rates[pilot.rate]), _replicate(pilot.number)) for pilot in wanted
    ]
    return jobs, place


def _replicate(number: int) -> int:
    """Return the replicate of a pilot: below 0, so that no reported one has its images and initial values."""
    return -1 - number


def _score(record: PilotRecord) -> float:
    return DIVERGED if record.diverged or record.judged is None else record.judged
