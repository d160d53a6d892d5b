"""Plans: counted against hand-made numbers."""

from __future__ import annotations

import pytest

from layercut.errors import SpecError
from layercut.plan.schedule import transfer_jobs
from layercut.plan.summary import describe, summarize
from support.tiny import tiny_plan, tiny_study


def test_all_strategies_over_three_blocks_are_25_names_and_14_conditions():
    plan = tiny_plan().plan
    assert (len(plan.names), len(plan.conditions)) == (6 * 4 + 1, 5 * 3 - 1)
    assert sum(not name.merged for name in plan.names) == len(plan.conditions)


def test_fractions_factors_and_replicates_multiply():
    checked = tiny_plan(
        "transfer.fractions=[0.1, 0.5]",
        "transfer.replicates={up_to: {0.1: 4, 1: 3}}",
        "transfer.factors={rate: {low: {lr: 0.001}, high: {lr: 0.01}}, size: {small: {batch_size: 8}}}",
    )
    summary = summarize(tiny_study("transfer.fractions=[0.1, 0.5]", "transfer.replicates=4"), checked.plan)
    assert summary["conditions_distinct"] == 14 * 2 * 2
    assert summary["trials_distinct"] == 14 * 2 * (4 + 3)
    assert {tuple(name.factors.items()) for name in checked.plan.names} == {
        (("rate", "low"), ("size", "small")),
        (("rate", "high"), ("size", "small")),
    }


def test_conditions_that_keep_nothing_are_shared_by_all_sources():
    one = tiny_plan().plan
    two = tiny_plan("source=[{dataset: digits, classes: [0, 1, 2]}, {random: true}]").plan
    shared = [condition for condition in two.conditions if condition.source is None]
    assert len(two.conditions) == 2 * len(one.conditions) - len(shared)
    assert {condition.strategy for condition in shared} == {"scratch", "truncate"}


def test_a_key_does_not_depend_on_what_else_the_study_asks_for():
    small = {
        condition.key for condition in tiny_plan("transfer.cuts=[2]", "transfer.strategies=[freeze]").plan.conditions
    }
    large = {condition.key for condition in tiny_plan("transfer.fractions=[0.2, 1.0]").plan.conditions}
    assert small < large


@pytest.mark.parametrize(
    "change",
    ["seed=4", "transfer.training.lr=0.02", "transfer.validation=full", "normalization.mean=0.4", "model.channels=9"],
)
def test_a_key_changes_with_whatever_changes_the_result(change):
    before = {condition.key for condition in tiny_plan().plan.conditions}
    assert not before & {condition.key for condition in tiny_plan(change).plan.conditions}


def test_a_classification_report_does_not_make_another_trial():
    before = {condition.key for condition in tiny_plan().plan.conditions}
    after = tiny_plan("transfer.training.classification_report=true").plan
    assert before == {condition.key for condition in after.conditions}


def test_a_cut_above_the_last_block_is_refused():
    with pytest.raises(
        SpecError, match=r"`transfer\.cuts\[1\]` given with --set: expected a number of blocks in 0\.\.3 .*; got 9"
    ):
        tiny_plan("transfer.cuts=[1, 9]")


def test_jobs_carry_every_pending_replicate_once():
    plan = tiny_plan("transfer.replicates=7").plan
    jobs = list(transfer_jobs(plan, is_done=lambda key: False))
    carried = [(job.condition.key, replicate) for job in jobs for replicate in job.replicates]
    assert len(carried) == len(set(carried)) == 14 * 7
    assert list(transfer_jobs(plan, is_done=lambda key: True)) == []


def test_comparisons_that_cannot_become_significant_are_named():
    study = tiny_study("transfer.replicates=5", "transfer.strategies=[scratch, freeze]")
    plan = tiny_plan("transfer.replicates=5", "transfer.strategies=[scratch, freeze]").plan
    summary = summarize(study, plan)
    assert summary["unattainable"] == [
        {
            "strategy": "freeze",
            "fraction": 0.2,
            "comparisons": 4,
            "replicates": 5,
            "least_p": 0.25,
            "needed_replicates": 8,
        }
    ]
    assert "8 are needed" in describe(summary)


def test_shared_classes_of_source_and_target_are_a_warning():
    long = "transfer.training.min_steps=100"
    plan = tiny_plan("target.classes=[4, 5, 6]", "transfer.validation=folds", long).plan
    assert plan.warnings == (
        "source and target digits[4,5,6] share the classes 4 of digits: the target is not new to the source",
    )


def test_two_sources_of_one_name_are_told_apart_in_results(tmp_path):
    zeros_and_ones = "{dataset: digits, classes: [0, 1]"
    plan = tiny_plan(f"source=[{{random: true}}, {zeros_and_ones}}}, {zeros_and_ones}, test_split: 0.3}}]").plan
    assert {name.source for name in plan.names} == {"random weights", "digits[0,1]", "digits[0,1] #2"}
