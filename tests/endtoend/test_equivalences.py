"""Every claimed equivalence of design points, both sides trained: identical bits."""

from __future__ import annotations

import dataclasses

import pytest

from layercut.records import exact_content
from layercut.stages.transfer import run_trial
from layercut.strategies import STRATEGIES
from layercut.strategies.treatment import treatment
from support.tiny import EVERY_NAME, context_with_sources, one_condition, tiny_plan

NUM_BLOCKS = 3

WITHOUT_NORMS = "norm_only"
"""Trains the head alone in the model of these tests, which has no norms; `tests/stages/test_partial.py` has one."""

EVERY = f"transfer.strategies=[{', '.join(EVERY_NAME)}]"

CLAIMS = [
    ((keep_hidden, scale), name, cut, *STRATEGIES[name].canonical(cut, NUM_BLOCKS, keep_hidden)[:2])
    for keep_hidden in (False, True)
    for scale in (1.0, 0.25)
    for name in EVERY_NAME
    for cut in range(NUM_BLOCKS + 1)
    if STRATEGIES[name].canonical(cut, NUM_BLOCKS, keep_hidden)[:2] != (name, cut)
]


@pytest.fixture(scope="module")
def study(request, tmp_path_factory):
    """A plan with a trained source; whether a hidden dense layer is kept, and the scale of what is kept."""
    keep_hidden, scale = request.param
    head = f"transfer.head={'keep_hidden' if keep_hidden else 'replace'}"
    checked = tiny_plan("model.hidden=16", head, f"transfer.training.kept_lr_scale={scale}", EVERY)
    return checked, context_with_sources(checked, tmp_path_factory.mktemp("study"))


def trained_as(study, measured, strategy, cut):
    """Train a design point under its own strategy and cut, not under those it is merged with."""
    checked, context = study
    feature_set = next(condition.feature_set for condition in checked.plan.conditions if condition.feature_set)
    written_out = dataclasses.replace(
        measured,
        strategy=strategy,
        cut=cut,
        source=checked.plan.sources[0].key if STRATEGIES[strategy].transfers else None,
        feature_set=feature_set if treatment(STRATEGIES[strategy], cut, NUM_BLOCKS).trunk else None,
        training=next(condition.training for condition in checked.plan.conditions if condition.strategy == "finetune"),
    )
    return exact_content(run_trial(written_out, 0, "trial", context))


@pytest.mark.parametrize(("study", "strategy", "cut", "first", "first_cut"), CLAIMS, indirect=["study"])
def test_a_merged_design_point_gives_the_bits_of_the_trial_it_is_merged_with(study, strategy, cut, first, first_cut):
    checked, context = study
    measured = one_condition(checked, first, first_cut)
    expected = exact_content(run_trial(measured, 0, "trial", context))
    assert trained_as(study, measured, strategy, cut) == expected


@pytest.mark.parametrize("study", [(False, 1.0), (False, 0.25)], indirect=True)
def test_design_points_that_are_not_merged_give_other_bits(study):
    checked, _ = study
    names = [name for name in checked.plan.names if not name.merged and name.strategy != WITHOUT_NORMS]
    measured = [one_condition(checked, name.strategy, name.cut) for name in names]
    results = {trained_as(study, condition, condition.strategy, condition.cut) for condition in measured}
    controls, probes, train_block, cutless = NUM_BLOCKS - 1, NUM_BLOCKS + 1, NUM_BLOCKS - 1, 5
    assert len(results) == len(measured) == 5 * NUM_BLOCKS - 1 + controls + probes + train_block + cutless


@pytest.mark.parametrize("study", [(False, 0.25)], indirect=True)
def test_what_is_kept_is_scaled_above_and_below_the_cut_and_nothing_else(study):
    """The scale belongs to the plan of these: without it they would be other trials, or the same where none is kept."""
    checked, context = study
    plain = tiny_plan("model.hidden=16", EVERY).plan
    for condition in checked.plan.conditions:
        if condition.strategy == WITHOUT_NORMS:
            continue
        point = (condition.strategy, condition.cut)
        (same,) = [other for other in plain.conditions if (other.strategy, other.cut) == point]
        unscaled = dataclasses.replace(condition, training=same.training)
        ours, theirs = (exact_content(run_trial(each, 0, "trial", context)) for each in (condition, unscaled))
        keeps = STRATEGIES[condition.strategy].kept(condition.cut, NUM_BLOCKS)
        trained = STRATEGIES[condition.strategy].trained(condition.cut, NUM_BLOCKS)
        assert (ours != theirs) == bool(set(keeps) & set(trained)) == condition.treatment.learns_from_kept, point
