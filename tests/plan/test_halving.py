"""Which pilots a search of learning rates asks for, and what it takes."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from layercut.plan.halving import DIVERGED, Pilot, Score, least_and_most, most_repetitions, search

World = Callable[[Pilot], Score]


def run(num_rates: int, start: int | None, world: World) -> tuple[int, list[Pilot]]:
    """Answer a search's questions until it takes a rate; return that, and what it asked, in order."""
    seen: dict[Pilot, Score] = {}
    while True:
        wanted, taken = search(num_rates, start, seen)
        if taken is not None:
            return taken, list(seen)
        assert wanted
        assert not set(wanted) & set(seen)
        seen |= {pilot: world(pilot) for pilot in wanted}


def table(accuracies: Mapping[int, list[float]]) -> World:
    """Return a world in which each rate has these accuracies, one a repetition."""
    return lambda pilot: Score(accuracies[pilot.rate][pilot.number], 1.0)


def test_a_search_by_hand():
    """Five rates, of which three go on to a second pilot, and two to a third and fourth."""
    world = table({
        0: [0.5], 1: [0.8, 0.6], 2: [0.7, 0.9, 0.7, 0.7], 3: [0.75, 0.75, 0.9, 0.9], 4: [0.6],
    })  # fmt: skip
    taken, asked = run(5, None, world)
    assert asked[:5] == [Pilot(rate, 0) for rate in range(5)]
    assert asked[5:8] == [Pilot(1, 1), Pilot(2, 1), Pilot(3, 1)]  # means now 0.7, 0.8, 0.75
    assert asked[8:] == [Pilot(2, 2), Pilot(2, 3), Pilot(3, 2), Pilot(3, 3)]  # 0.75 and 0.825
    assert taken == 3


def test_the_first_pilots_alone_would_have_taken_another_rate():
    taken, _ = run(3, None, table({0: [0.6, 0.9], 1: [0.7, 0.5], 2: [0.1]}))
    assert taken == 0


def test_a_rate_that_a_neighbour_took_is_kept_if_the_rates_beside_it_are_worse():
    taken, asked = run(5, 1, table({0: [0.5], 1: [0.8], 2: [0.7]}))
    assert (taken, asked) == (1, [Pilot(0, 0), Pilot(1, 0), Pilot(2, 0)])


def test_a_search_from_a_neighbour_climbs_until_what_lies_beyond_is_worse():
    accuracies = {1: [0.1], 0: [0.05], 2: [0.5, 0.5], 3: [0.6, 0.8, 0.7, 0.7], 4: [0.55, 0.65, 0.5, 0.5]}
    taken, asked = run(5, 1, table(accuracies))
    assert asked[:5] == [Pilot(0, 0), Pilot(1, 0), Pilot(2, 0), Pilot(3, 0), Pilot(4, 0)]
    assert taken == 3


def test_equal_accuracies_are_told_apart_by_loss_and_then_the_lower_rate_is_taken():
    losses = {0: 0.5, 1: 0.4, 2: 0.4}
    assert run(3, None, lambda pilot: Score(0.8, losses[pilot.rate]))[0] == 1


def test_a_rate_at_which_a_pilot_diverged_is_taken_only_if_all_did():
    assert run(2, None, lambda pilot: DIVERGED if pilot.rate == 1 else Score(0.0, 9.0))[0] == 0
    assert run(3, None, lambda pilot: DIVERGED)[0] == 0
    once = lambda pilot: DIVERGED if pilot == Pilot(2, 1) else Score(0.1 * pilot.rate, 1.0)  # noqa: E731
    assert run(3, None, once)[0] == 1


def test_scores_that_a_search_did_not_ask_for_play_no_part():
    world = table({0: [0.5], 1: [0.8], 2: [0.7]})
    seen = {Pilot(rate, 0): world(Pilot(rate, 0)) for rate in range(3)}
    stray = {Pilot(4, 0): Score(1.0, 0.0), Pilot(0, 1): Score(1.0, 0.0), Pilot(0, 2): Score(1.0, 0.0)}
    assert search(5, 1, seen | stray) == search(5, 1, seen)


steps = st.lists(st.integers(1, 9), min_size=8, max_size=8)


@given(st.integers(2, 8), st.integers(0, 7), steps, st.none() | st.integers(0, 7))
def test_where_repetitions_agree_and_there_is_one_peak_it_takes_what_trying_everything_takes(
    num_rates: int, peak: int, falls: list[int], start: int | None
):
    """The oracle is brute force: every rate, every repetition, the best mean."""
    peak, start = peak % num_rates, None if start is None else start % num_rates
    accuracies = [1 - sum(falls[min(peak, rate) : max(peak, rate)]) / 100 for rate in range(num_rates)]
    taken, asked = run(num_rates, start, lambda pilot: Score(accuracies[pilot.rate], 1.0))
    assert taken == max(range(num_rates), key=accuracies.__getitem__)
    least, most = least_and_most(num_rates, started=start is not None)
    assert least <= len(asked) <= most
    assert all(pilot.number < most_repetitions(num_rates) for pilot in asked)


@given(st.integers(2, 8), st.none() | st.integers(0, 7), st.lists(st.integers(0, 9), min_size=64, max_size=64))
def test_every_search_ends_within_its_bounds(num_rates: int, start: int | None, values: list[int]):
    start = None if start is None else start % num_rates
    taken, asked = run(num_rates, start, lambda pilot: Score(values[8 * pilot.rate + pilot.number] / 10, 1.0))
    least, most = least_and_most(num_rates, started=start is not None)
    assert 0 <= taken < num_rates
    assert least <= len(asked) <= most


@pytest.mark.parametrize(("num_rates", "pilots"), [(1, 0), (2, 2), (3, 5), (4, 6), (5, 12)])
def test_how_many_pilots_a_search_without_a_neighbour_needs(num_rates: int, pilots: int):
    assert least_and_most(num_rates, started=False) == (pilots, pilots)
