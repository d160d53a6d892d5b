"""Which design points are one trial: counted for every depth."""

from __future__ import annotations

import pytest

from layercut.strategies import STRATEGIES

SIX = ["freeze_reinit", "freeze", "reinit", "finetune", "freeze_truncate", "truncate"]


def distinct(strategies: list[str], num_blocks: int, keep_hidden: bool = False) -> set[tuple[str, int, bool]]:
    points = {STRATEGIES["scratch"].canonical(0, num_blocks, keep_hidden)}
    for name in strategies:
        points |= {STRATEGIES[name].canonical(cut, num_blocks, keep_hidden) for cut in range(num_blocks + 1)}
    return points


@pytest.mark.parametrize("num_blocks", range(1, 13))
def test_five_strategies_and_scratch_are_4b_distinct_conditions(num_blocks):
    assert len(distinct(SIX[:5], num_blocks)) == 4 * num_blocks


@pytest.mark.parametrize("num_blocks", range(1, 13))
def test_with_truncate_they_are_5b_minus_1(num_blocks):
    assert len(distinct(SIX, num_blocks)) == 5 * num_blocks - 1


def test_conditions_that_keep_nothing_do_not_depend_on_the_source():
    assert STRATEGIES["freeze_reinit"].canonical(0, 6, False) == ("scratch", 0, False)
    assert STRATEGIES["freeze_truncate"].canonical(0, 6, False) == ("truncate", 0, False)


def test_a_kept_hidden_layer_keeps_reinit_at_cut_0_apart_from_scratch():
    assert STRATEGIES["freeze_reinit"].canonical(0, 6, True) == STRATEGIES["reinit"].canonical(0, 6, True)
    assert STRATEGIES["reinit"].canonical(0, 6, True) == ("reinit", 0, True)


@pytest.mark.parametrize("keep_hidden", [False, True])
@pytest.mark.parametrize("name", STRATEGIES.names())
def test_a_canonical_name_is_its_own(name, keep_hidden):
    for cut in range(7):
        first, at, _ = STRATEGIES[name].canonical(cut, 6, keep_hidden)
        assert STRATEGIES[first].canonical(at, 6, keep_hidden)[:2] == (first, at)
