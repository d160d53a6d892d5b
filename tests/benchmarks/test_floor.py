"""The floor counts each operation that had to be done, once."""

from __future__ import annotations

import pytest
import torch
from benchmarks.floor import Work, needed_validations, plan_work
from benchmarks.layers import conv_shapes, first_layer_flops

from layercut.data.cache import default_cache_dir, default_data_dir
from layercut.data.cache_entry import open_cached
from layercut.data.subset import restrict, select_task
from layercut.models.base import seeded_build
from layercut.models.measured import plan_model
from layercut.models.plain_cnn import PLAIN_CNN, PlainCnnOptions
from layercut.plan.canonical import trial_key
from layercut.plan.preflight import CheckedPlan, plan_with_data
from layercut.records import EpochPoint, TrialRecord
from layercut.spec import parse_study

STUDY = """
name: floor
source: {random: true}
target: {dataset: digits}
model: {name: plain_cnn, depth: 2, channels: 4, pool_every: 2}
transfer: {cuts: [1, 2], strategies: [scratch, freeze_reinit], fractions: [0.5], replicates: 2, validation: full}
"""
CONV0 = 2 * 8 * 8 * 4 * 9
CONV1 = 2 * 8 * 8 * 4 * 4 * 9
HEAD = 2 * 4 * 4 * 4 * 10


@pytest.fixture(scope="module")
def checked() -> CheckedPlan:
    return plan_with_data(parse_study(STUDY), default_data_dir(), default_cache_dir(), "float32")


def work_of(checked: CheckedPlan, wanted: list[tuple[str, int, int]]) -> tuple[Work, TrialRecord]:
    """Return the work of some finished trials, each strategy, cut and replicate, and the last one's record."""
    names = {(name.strategy, name.cut): name.condition for name in checked.plan.names}
    records = [
        TrialRecord(
            trial_key(names[strategy, cut], replicate),
            names[strategy, cut],
            replicate,
            1.0,
            1.0,
            1.0,
            num_epochs=3,
            curve=tuple(EpochPoint(epoch, 1.0, 1.0, 0.1, 1.0) for epoch in (1, 2, 3)),
            num_train_images=700,
            num_validation_images=180,
            num_test_images=360,
        )
        for strategy, cut, replicate in wanted
    ]

    def open_task(task):  # type: ignore[no-untyped-def]
        return restrict(open_cached(checked.datasets[task.fingerprint]), task.classes)

    return plan_work(checked.plan, records, open_task, needed_validations), records[-1]


def test_a_scratch_trial_trains_everything_but_the_images(checked: CheckedPlan) -> None:
    work, _ = work_of(checked, [("scratch", 0, 0)])
    forward = CONV0 + CONV1 + HEAD
    assert work.features == 0
    assert work.training == 3 * 700 * (3 * forward - CONV0)
    assert work.evaluation == forward * (3 * 180 + 700 + 360)


def test_above_a_frozen_trunk_only_the_tail_is_trained(checked: CheckedPlan) -> None:
    work, _ = work_of(checked, [("freeze_reinit", 1, 0)])
    assert work.training == 3 * 700 * (3 * (CONV1 + HEAD) - CONV1)
    work, _ = work_of(checked, [("freeze_reinit", 2, 0)])
    assert work.training == 3 * 700 * 2 * HEAD


def test_features_are_counted_once_for_each_image_that_some_trial_uses(checked: CheckedPlan) -> None:
    task = select_task(open_cached(next(iter(checked.datasets.values()))), None)
    one, _ = work_of(checked, [("freeze_reinit", 2, 0)])
    both_cuts, _ = work_of(checked, [("freeze_reinit", 1, 0), ("freeze_reinit", 2, 0)])
    both_replicates, _ = work_of(checked, [("freeze_reinit", 2, 0), ("freeze_reinit", 2, 1)])
    assert one.features == both_cuts.features < both_replicates.features
    num_images = both_replicates.features / (CONV0 + CONV1)
    assert num_images == int(num_images) <= len(task.train_index) + len(task.test_index)


def test_an_epoch_that_was_left_needs_as_many_images_as_the_best_one_has_wrong() -> None:
    curve = (EpochPoint(1, 1.0, 0.5, 0.3, 0.8), EpochPoint(2, 1.0, 0.5), EpochPoint(3, 1.0, 0.5, 0.2, 0.9))
    trial = TrialRecord("k", "c", 0, 0.5, 0.9, 0.9, num_epochs=3, curve=curve, num_validation_images=200)
    assert needed_validations(trial) == 200 + 20 + 200
    without = TrialRecord("k", "c", 0, 0.5, None, 0.9, num_epochs=3, curve=curve[1:2] * 3, num_validation_images=0)
    assert needed_validations(without) == 0


def test_evaluation_runs_at_the_rate_of_its_precision() -> None:
    work = Work(features=2, training=4, evaluation=6)
    rates = {"float32": 1.0, "bfloat16": 2.0}
    assert work.total == 12
    assert work.seconds(rates, "float32") == 12
    assert work.seconds(rates, "bf16_eval") == 9
    assert work.seconds(rates, "bf16") == 6


def test_layers_have_the_operations_that_plans_count() -> None:
    options = PlainCnnOptions()
    planned = plan_model(PLAIN_CNN, options, (1, 28, 28), 5)
    model = seeded_build(PLAIN_CNN, options, (1, 28, 28), 5, seed=0)
    assert first_layer_flops(model, (1, 28, 28)) == [*planned.block_flops, planned.head_flops[-1]]
    shapes = conv_shapes(model, (1, 28, 28))
    assert {shape.flops for shape in shapes} == set(planned.block_flops)
    assert [shape.side for shape in shapes] == [28, 28, 14, 7]
    assert torch.is_grad_enabled()
