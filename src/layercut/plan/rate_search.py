"""Which pilots tell the best of several learning rates with the fewest trainings: a pure function of their scores.

Few labels tell rates apart badly, and a list is written around a rate that is known to do. So a search begins at the
middle of the list, or at what a neighbour took, tries the rates beside it, and climbs while an end of what it tried is
the best. Another rate is taken only where its lead is more than noise; where one repetition leaves that open, the two
are repeated.

Reference:
    Jamieson and Talwalkar 2016, "Non-stochastic Best Arm Identification and Hyperparameter Optimization": rates that
    are still in question get more repetitions. We differ in the resource, replicates in place of epochs, because a
    training cut short favours the higher rates; and in where a search begins, and what it takes when nothing is clear.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from typing import NamedTuple

DIVERGED = -math.inf
"""In the place of an accuracy."""

MOST_REPETITIONS = 2
"""Of one rate."""

LEAST_LEAD = 0.5
"""In standard errors of the difference of two accuracies of as many images each, as if those were not the same images.
They are, so the difference scatters less: this is about one standard error of it."""

CLEAR_LEAD = 1.5
"""Likewise, after one repetition: no other is needed."""


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


def middle(num_rates: int) -> int:
    """Return where a search begins that has no neighbour: the middle place, of two the lower."""
    return (num_rates - 1) // 2


def search(num_rates: int, start: int, num_judged: int, seen: Mapping[Pilot, float]) -> Search:
    """Return the next pilots of a search, or the place of the rate that was chosen.

    Of equally accurate rates the one nearest to the start is the best, then the lower one.

    Args:
        num_rates: how many there are, ascending.
        start: the place of the rate that is taken where no other is better than by chance.
        num_judged: on how many images one pilot is judged.
        seen: accuracies so far, or values of another metric of the study; those that this search does not ask for
            play no part.
    """
    tried = _around(start, num_rates)
    while True:
        if wanted := _missing(tried, 1, seen):
            return Search(wanted, None)
        best = min(tried, key=lambda rate: (-seen[Pilot(rate, 0)], abs(rate - start), rate))
        beyond = _around(best, num_rates) - tried
        if not beyond:
            break
        tried |= beyond
    if best == start or _lead(best, start, 1, num_judged, seen) > CLEAR_LEAD:
        return Search((), best)
    if wanted := _missing({start, best}, MOST_REPETITIONS, seen):
        return Search(wanted, None)
    leads = _lead(best, start, MOST_REPETITIONS, num_judged, seen) > LEAST_LEAD
    return Search((), best if leads else start)


def least_and_most(num_rates: int, started: bool) -> tuple[int, int]:
    """Return the least and the highest number of pilots of a search; `started`: where a neighbour's ended."""
    if num_rates < 2:
        return 0, 0
    start = 0 if started else middle(num_rates)
    return len(_around(start, num_rates)), num_rates + 2 * (MOST_REPETITIONS - 1)


def most_repetitions(num_rates: int) -> int:
    """Return how often a search trains one rate at most; 0 where there is nothing to choose."""
    return MOST_REPETITIONS if num_rates > 1 else 0


def _around(place: int, num_rates: int) -> set[int]:
    return {place - 1, place, place + 1} & set(range(num_rates))


def _missing(rates: Collection[int], repetitions: int, seen: Mapping[Pilot, float]) -> tuple[Pilot, ...]:
    asked = (Pilot(rate, number) for rate in sorted(rates) for number in range(repetitions))
    return tuple(pilot for pilot in asked if pilot not in seen)


def _lead(rate: int, start: int, repetitions: int, num_judged: int, seen: Mapping[Pilot, float]) -> float:
    """Return by how many standard errors a rate is better than that of the start."""
    ours, theirs = (
        math.fsum(seen[Pilot(place, number)] for number in range(repetitions)) / repetitions for place in (rate, start)
    )
    if DIVERGED in (ours, theirs):
        return math.inf if ours > theirs else -math.inf
    number = repetitions * num_judged
    # as if one more of both had been right and one wrong: all right of a few is not without error
    shares = [(number * mean + 1) / (number + 2) for mean in (ours, theirs)]
    return (ours - theirs) / math.sqrt(math.fsum(share * (1 - share) / number for share in shares))
