"""Trials of one condition as one model: the same decisions as one by one, and what happens when one fails."""

from __future__ import annotations

import dataclasses

import pytest
import torch

import layercut.stages.stacked
import layercut.stages.trial
from layercut.data.cache import default_cache_dir, default_data_dir
from layercut.data.splits import sample_split
from layercut.plan.jobs import TransferJob
from layercut.plan.preflight import plan_with_data
from layercut.records import FailureRecord, TrialRecord
from layercut.stages.run import run_job
from layercut.stages.stacked import run_members, run_stacked
from layercut.stages.transfer import run_trial
from layercut.strategies import STRATEGIES
from layercut.strategies.base import head_of
from support.tiny import EVERY_NAME, context_with_sources, one_condition, tiny_plan, tiny_study

LOSS_TOLERANCE = 1e-3
"""Relative, after several epochs; decisions are equal."""

STACKED = [name for name in EVERY_NAME if head_of(STRATEGIES[name]) == "trained"]
"""A head that is solved has no steps that members could share."""

CHANGES = (
    "transfer.replicates=3",
    "transfer.training.epochs=5",
    "transfer.training.classification_report=true",
    f"transfer.strategies=[{', '.join(STACKED)}]",
)
DESIGNS = [
    (name, cut) for name in STACKED for cut in range(4) if STRATEGIES[name].canonical(cut, 3, False)[:2] == (name, cut)
]


def stacked_plan(*changes):
    return plan_with_data(tiny_study(*changes), default_data_dir(), default_cache_dir(), "float32", stacked=True)


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    """The plan with and without stacking, and a context with the source that both have."""
    checked = tiny_plan(*CHANGES)
    return checked, stacked_plan(*CHANGES), context_with_sources(checked, tmp_path_factory.mktemp("study"))


def whole_job(condition):
    return TransferJob("job", condition, tuple(range(condition.num_replicates)))


def stacked_records(study, strategy="freeze_reinit", cut=1):
    _, stacked, context = study
    return run_stacked(whole_job(one_condition(stacked, strategy, cut)), context)


@pytest.mark.parametrize(("strategy", "cut"), DESIGNS)
def test_a_member_takes_the_decisions_of_its_serial_trial(study, strategy, cut):
    serial, _, context = study
    condition = one_condition(serial, strategy, cut)
    for replicate, ours in enumerate(stacked_records(study, strategy, cut)):
        alone = run_trial(condition, replicate, "trial", context)
        assert isinstance(ours, TrialRecord)
        assert ours.key != alone.key
        differing = {
            field.name
            for field in dataclasses.fields(TrialRecord)
            if getattr(ours, field.name) != getattr(alone, field.name)
        }
        assert differing <= {"key", "condition", "wall_seconds", "curve", "test_loss", "validation_loss"}
        assert ours.test_loss == pytest.approx(alone.test_loss, rel=LOSS_TOLERANCE)
        assert ours.validation_loss == pytest.approx(alone.validation_loss, rel=LOSS_TOLERANCE)
        for point, other in zip(ours.curve, alone.curve, strict=True):
            assert point.train_loss == pytest.approx(other.train_loss, rel=LOSS_TOLERANCE)
            assert point.validation_loss == pytest.approx(other.validation_loss, rel=LOSS_TOLERANCE)
            assert (point.train_accuracy, point.validation_accuracy) == (
                other.train_accuracy,
                other.validation_accuracy,
            )


def test_every_strategy_and_cut_is_compared():
    seven, smaller, one_block, whole = (
        5 * 3 - 1,
        2,
        2,
        ["norm_only", "bias_only", "layer_decay", "l2_sp", "gradual_unfreeze"],
    )
    assert len(DESIGNS) == seven + smaller + one_block + len(whole)


def test_a_group_is_one_value_and_a_serial_trial_is_one(study):
    serial, stacked, context = study
    (group,) = run_job(whole_job(one_condition(stacked, "freeze_truncate", 2)), context)
    assert [record.replicate for record in group] == [0, 1, 2]
    one_by_one = list(run_job(whole_job(one_condition(serial, "freeze_truncate", 2)), context))
    assert [record.replicate for record in one_by_one] == [0, 1, 2]


def test_members_without_equally_many_images_are_refused(study, monkeypatch):
    def uneven(labels, num_classes, fraction, replicate, *others, **options):
        split = sample_split(labels, num_classes, fraction, replicate, *others, **options)
        return split._replace(train=split.train[:-1]) if replicate == 1 else split

    monkeypatch.setattr(layercut.stages.trial, "sample_split", uneven)
    _, stacked, context = study
    with pytest.raises(ValueError, match="the same number of images; got from 128 to 129"):
        run_members(whole_job(one_condition(stacked, "scratch", 0)), context)


def test_a_member_that_diverges_is_a_failure_and_the_others_have_results(study, monkeypatch):
    expected = stacked_records(study)
    prepare = layercut.stages.stacked.prepare_trial

    def disturbed(condition, replicate, key, context):
        trial = prepare(condition, replicate, key, context)
        if replicate == 1:
            torch.nn.init.constant_(trial.parts.body.head.out.weight, float("inf"))
        return trial

    monkeypatch.setattr(layercut.stages.stacked, "prepare_trial", disturbed)
    records = stacked_records(study)
    assert isinstance(records[1], FailureRecord)
    assert (records[1].kind, records[1].key, records[1].replicate) == ("diverged", expected[1].key, 1)
    for member in (0, 2):
        assert dataclasses.replace(records[member], wall_seconds=None) == dataclasses.replace(
            expected[member], wall_seconds=None
        )


def test_a_frozen_trunk_that_changed_is_noticed(study, monkeypatch):
    evaluate = layercut.stages.stacked.evaluate_stack
    prepared = []

    def prepare(*arguments):
        prepared.append(layercut.stages.trial.prepare_trial(*arguments))
        return prepared[-1]

    def evaluate_and_touch_the_trunk(*arguments):
        prepared[0].parts.trunk.frozen.blocks[0].conv.bias.data[0] += 1e-6
        return evaluate(*arguments)

    monkeypatch.setattr(layercut.stages.stacked, "prepare_trial", prepare)
    monkeypatch.setattr(layercut.stages.stacked, "evaluate_stack", evaluate_and_touch_the_trunk)
    assert [record.frozen_unchanged for record in stacked_records(study)] == [False] * 3


def test_an_exception_is_a_failure_of_every_member(study, monkeypatch):
    def fail(*arguments):
        raise MemoryError("no memory left")

    _, stacked, context = study
    condition = one_condition(stacked, "scratch", 0)
    monkeypatch.setattr(layercut.stages.stacked, "train_stacked", fail)
    records = run_stacked(whole_job(condition), dataclasses.replace(context, reraise=False))
    assert {(record.kind, record.message) for record in records} == {("out_of_memory", "no memory left")}
    assert [record.replicate for record in records] == [0, 1, 2]
    assert len({record.key for record in records}) == 3
    assert {record.condition for record in records} == {condition.key}
