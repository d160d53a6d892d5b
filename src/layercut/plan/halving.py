"""Which pilots tell the best of several learning rates with the fewest trainings: a pure function of their scores.

Reference:
    Jamieson and Talwalkar 2016, "Non-stochastic Best Arm Identification and Hyperparameter Optimization": successive
    halving. We differ in the resource: a round doubles the replicates, not the epochs, because a training cut short
    favours the higher rates. And where a neighbour has chosen, only its rate and the ones beside it are tried; if its
    rate is the best of them, the two agree and no more is asked.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Mapping
from typing import NamedTuple


class Score(NamedTuple):
    """How one pilot does on its selection data."""

    accuracy: float
    """Or other metric of the study."""
    loss: float


DIVERGED = Score(-math.inf, math.inf)


class Pilot(NamedTuple):
    """One training that tells something about a rate."""

    rate: int
    """Its place in the ascending list."""
    number: int
    """Which repetition of it, from 0; pilots of one number have images and initial values in common."""


class Search(NamedTuple):
    """Where a search stands."""

    wanted: tuple[Pilot, ...]
    """What must be known before it can go on."""
    taken: int | None
    """Place of the rate that it chose; None: it goes on."""


def search(num_rates: int, start: int | None, seen: Mapping[Pilot, Score]) -> Search:
    """Return the next pilots of a search, or the place of the rate that was chosen.

    The best rate has the highest mean accuracy; of equal ones the lowest mean loss, then the lowest rate.

    Args:
        num_rates: how many there are, ascending.
        start: the place of the rate that a neighbour chose; None: every rate is tried.
        seen: scores so far; those that this search does not ask for play no part.
    """
    tried = set(range(num_rates)) if start is None else _around(start, num_rates)
    while True:
        if wanted := _missing(tried, range(1), seen):
            return Search(wanted, None)
        left = _ranked(tried, 1, seen)
        beyond = _around(left[0], num_rates) - tried
        if not beyond:
            break
        tried |= beyond
    if left[0] == start:
        return Search((), start)
    number = 1
    while len(left := left[: _half(len(left))]) > 1:
        number *= 2
        if wanted := _missing(left, range(number), seen):
            return Search(wanted, None)
        left = _ranked(left, number, seen)
    return Search((), left[0])


def most_repetitions(num_rates: int) -> int:
    """Return how often a search trains one rate at most; 0 where there is nothing to choose."""
    return max((number for _, number in _rounds(num_rates)), default=0)


def least_and_most(num_rates: int, started: bool) -> tuple[int, int]:
    """Return the least and the highest number of pilots of a search; `started`: where a neighbour's ended."""
    most, before = 0, 0
    for left, number in _rounds(num_rates):
        most, before = most + left * (number - before), number
    return (2 if started else most), most


def _rounds(num_rates: int) -> Iterator[tuple[int, int]]:
    """Yield how many rates are left in each round, and how often each was trained by its end."""
    left, number = num_rates, 1
    while left > 1:
        yield left, number
        left, number = _half(left), 2 * number


def _around(place: int, num_rates: int) -> set[int]:
    return {place - 1, place, place + 1} & set(range(num_rates))


def _half(number: int) -> int:
    return -(-number // 2)


def _missing(rates: Collection[int], numbers: range, seen: Mapping[Pilot, Score]) -> tuple[Pilot, ...]:
    asked = (Pilot(rate, number) for rate in sorted(rates) for number in numbers)
    return tuple(pilot for pilot in asked if pilot not in seen)


def _ranked(rates: Collection[int], number: int, seen: Mapping[Pilot, Score]) -> list[int]:
    """Return rates, the best first, by the mean of their first so many pilots."""

    def worth(rate: int) -> tuple[float, float, int]:
        scores = [seen[Pilot(rate, one)] for one in range(number)]
        if DIVERGED in scores:
            return math.inf, math.inf, rate
        return -math.fsum(one.accuracy for one in scores), math.fsum(one.loss for one in scores), rate

    return sorted(rates, key=worth)
