"""Every claimed equivalence of design points, both sides trained: identical bits."""

from __future__ import annotations

import dataclasses

import pytest

from layercut.records import exact_content
from layercut.stages.transfer import run_trial
from layercut.strategies import STRATEGIES
from tiny import context_with_sources, one_condition, tiny_plan

NUM_BLOCKS = 3

CLAIMS = [
    (keep_hidden, name, cut, *STRATEGIES[name].canonical(cut, NUM_BLOCKS, keep_hidden)[:2])
    for keep_hidden in (False, True)
    for name in STRATEGIES
    for cut in range(NUM_BLOCKS + 1)
    if STRATEGIES[name].canonical(cut, NUM_BLOCKS, keep_hidden)[:2] != (name, cut)
]


@pytest.fixture(scope="module")
def study(request, tmp_path_factory):
    """A plan with a trained source; the parameter says whether a hidden dense layer is kept."""
    head = "keep_hidden" if request.param else "replace"
    checked = tiny_plan("model.hidden=16", f"transfer.head={head}")
    return checked, context_with_sources(checked, tmp_path_factory.mktemp("study"))


def trained_as(study, measured, strategy, cut):
    """Train a design point under its own strategy and cut, not under those it is merged with."""
    checked, context = study
    bank = next(condition.bank for condition in checked.plan.conditions if condition.bank)
    written_out = dataclasses.replace(
        measured,
        strategy=strategy,
        cut=cut,
        source=checked.plan.sources[0].key if STRATEGIES[strategy].transfers else None,
        bank=bank if STRATEGIES[strategy].frozen and cut > 0 else None,
    )
    return exact_content(run_trial(written_out, 0, "trial", context))


@pytest.mark.parametrize(("study", "strategy", "cut", "first", "first_cut"), CLAIMS, indirect=["study"])
def test_a_merged_design_point_gives_the_bits_of_the_trial_it_is_merged_with(study, strategy, cut, first, first_cut):
    checked, context = study
    measured = one_condition(checked, first, first_cut)
    expected = exact_content(run_trial(measured, 0, "trial", context))
    assert trained_as(study, measured, strategy, cut) == expected


@pytest.mark.parametrize("study", [False], indirect=True)
def test_design_points_that_are_not_merged_give_other_bits(study):
    checked, _ = study
    measured = [one_condition(checked, name.strategy, name.cut) for name in checked.plan.names if not name.merged]
    results = {trained_as(study, condition, condition.strategy, condition.cut) for condition in measured}
    assert len(results) == len(measured) == 5 * NUM_BLOCKS - 1
