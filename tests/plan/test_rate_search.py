"""Which pilots a search of learning rates asks for, and what it takes."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from layercut.plan.rate_search import DIVERGED, Pilot, least_and_most, middle, most_repetitions, search

World = Callable[[Pilot], float]
MANY = 10**9
"""So many images that any lead is clear."""


def run(num_rates: int, world: World, start: int | None = None, num_judged: int = MANY) -> tuple[int, list[Pilot]]:
    """Answer a search's questions until it takes a rate; return that, and what it asked, in order."""
    begin = middle(num_rates) if start is None else start
    seen: dict[Pilot, float] = {}
    while True:
        wanted, taken = search(num_rates, begin, num_judged, seen)
        if taken is not None:
            return taken, list(seen)
        assert wanted
        assert not set(wanted) & set(seen)
        seen |= {pilot: world(pilot) for pilot in wanted}


def table(accuracies: Mapping[int, list[float]]) -> World:
    """Return a world in which each rate has these accuracies, one a repetition."""
    return lambda pilot: accuracies[pilot.rate][pilot.number]


def once(*rates: int) -> list[Pilot]:
    return [Pilot(rate, 0) for rate in rates]


def test_a_search_begins_at_the_middle_and_the_rates_beside_it():
    assert run(5, table({1: [0.5], 2: [0.8], 3: [0.7]})) == (2, once(1, 2, 3))
    assert (middle(2), middle(3), middle(4)) == (0, 1, 1)


def test_it_climbs_until_what_lies_beyond_is_worse():
    assert run(6, table({1: [0.1], 2: [0.5], 3: [0.6], 4: [0.7], 5: [0.65]})) == (4, once(1, 2, 3, 4, 5))


def test_a_lead_by_chance_takes_no_other_rate():
    """One image of 24 more, and the same again: five images' worth is what 24 scatter by."""
    world = table({0: [0.5], 1: [19 / 24, 19 / 24], 2: [20 / 24, 19 / 24]})
    taken, asked = run(3, world, num_judged=24)
    assert taken == 1
    assert asked == [*once(0, 1, 2), Pilot(1, 1), Pilot(2, 1)]


def test_the_same_lead_on_many_images_takes_it_at_once():
    assert run(3, table({0: [0.5], 1: [19 / 24], 2: [20 / 24]}), num_judged=2400) == (2, once(0, 1, 2))


def test_a_lead_that_one_repetition_leaves_open_is_settled_by_both():
    """Four of 24 are 1.3 standard errors; eight of 48 are 1.8, and four of 48 are 0.9, two 0.4."""
    first = {0: [0.5], 1: [14 / 24], 2: [18 / 24]}
    holds = table(first | {1: [14 / 24, 14 / 24], 2: [18 / 24, 18 / 24]})
    assert run(3, holds, num_judged=24)[0] == 2
    fades = table(first | {1: [14 / 24, 16 / 24], 2: [18 / 24, 14 / 24]})
    assert run(3, fades, num_judged=24)[0] == 1


def test_what_a_neighbour_took_stands_in_the_place_of_the_middle():
    assert run(5, table({0: [0.5], 1: [0.8], 2: [0.7]}), start=1) == (1, once(0, 1, 2))


def test_of_equal_accuracies_the_start_is_kept_without_another_pilot():
    assert run(3, lambda pilot: 0.8) == (1, once(0, 1, 2))


def test_a_start_that_diverged_is_left_for_the_best_other():
    """It leads by nothing: there is nothing to lead."""
    assert run(3, lambda pilot: 0.2 if pilot.rate == 0 else DIVERGED, num_judged=2) == (0, once(0, 1, 2))
    assert run(3, lambda pilot: DIVERGED)[0] in range(3)


def test_a_rate_of_which_any_pilot_diverged_is_not_taken():
    world = table({0: [0.1], 1: [0.5, 0.5]})
    fails = lambda pilot: world(pilot) if pilot.rate < 2 else (0.55 if pilot.number == 0 else DIVERGED)  # noqa: E731
    assert run(3, fails, num_judged=24)[0] == 1


def test_few_right_answers_that_are_all_alike_are_not_certain():
    """All of three images right, against two: without a floor the error of the one would be nothing."""
    _, asked = run(2, table({0: [2 / 3, 1.0], 1: [1.0, 1.0]}), num_judged=3)
    assert Pilot(1, 1) in asked


def test_scores_that_a_search_did_not_ask_for_play_no_part():
    world = table({0: [0.5], 1: [0.8], 2: [0.7]})
    seen = {pilot: world(pilot) for pilot in once(0, 1, 2)}
    stray = {Pilot(4, 0): 1.0, Pilot(0, 1): 1.0, Pilot(2, 1): 1.0}
    assert search(5, 1, 24, seen | stray) == search(5, 1, 24, seen)


steps = st.lists(st.integers(1, 9), min_size=8, max_size=8)


@given(st.integers(2, 8), st.integers(0, 7), steps, st.none() | st.integers(0, 7))
def test_with_images_enough_and_one_peak_it_takes_what_trying_everything_takes(
    num_rates: int, peak: int, falls: list[int], start: int | None
):
    """The oracle is brute force: every rate, every repetition, the best mean."""
    peak, start = peak % num_rates, None if start is None else start % num_rates
    accuracies = [1 - sum(falls[min(peak, rate) : max(peak, rate)]) / 100 for rate in range(num_rates)]
    taken, asked = run(num_rates, lambda pilot: accuracies[pilot.rate], start)
    assert taken == max(range(num_rates), key=accuracies.__getitem__)
    assert all(pilot.number < most_repetitions(num_rates) for pilot in asked)


@given(
    st.integers(2, 8),
    st.none() | st.integers(0, 7),
    st.lists(st.integers(0, 9), min_size=64, max_size=64),
    st.integers(2, 300),
)
def test_every_search_ends_within_its_bounds(num_rates: int, start: int | None, values: list[int], num_judged: int):
    start = None if start is None else start % num_rates
    world = lambda pilot: values[8 * pilot.rate + pilot.number] / 10  # noqa: E731
    taken, asked = run(num_rates, world, start, num_judged)
    least, most = least_and_most(num_rates, started=start is not None)
    assert 0 <= taken < num_rates
    assert least <= len(asked) <= most


@pytest.mark.parametrize(
    ("num_rates", "alone", "started"),
    [(1, (0, 0), (0, 0)), (2, (2, 4), (2, 4)), (3, (3, 5), (2, 5)), (5, (3, 7), (2, 7))],
)
def test_how_many_pilots_a_search_needs(num_rates: int, alone: tuple[int, int], started: tuple[int, int]):
    assert least_and_most(num_rates, started=False) == alone
    assert least_and_most(num_rates, started=True) == started
