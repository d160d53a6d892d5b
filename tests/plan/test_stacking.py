"""Which replicates make one model: from the plan alone, and part of what a trial is."""

from __future__ import annotations

import dataclasses

import pytest

from layercut.data.cache import default_cache_dir, default_data_dir
from layercut.plan.canonical import trial_key
from layercut.plan.preflight import plan_with_data
from layercut.plan.resolve import resolve_model
from layercut.plan.schedule import transfer_jobs
from layercut.plan.stacking import GROUP_BYTES, alone_warnings, group_size, member_bytes, why_alone, workers_on_gpu
from layercut.strategies.treatment import Treatment
from support.tiny import tiny_plan, tiny_study


def stacked_plan(*changes):
    return plan_with_data(tiny_study(*changes), default_data_dir(), default_cache_dir(), "float32", stacked=True).plan


def keys(plan):
    return {condition.key for condition in plan.conditions}


def trained_from(cut):
    """Three blocks of which those from a cut on are trained, the others frozen."""
    return Treatment(3, 3, (0, 1, 2), tuple(range(cut, 3)))


@pytest.fixture(scope="module")
def model_and_cost():
    """The tiny study's model."""
    condition = tiny_plan().plan.conditions[0]
    from layercut.data import DatasetInfo

    info = DatasetInfo(condition.task.class_names, (1, 8, 8), (100,) * 5, (20,) * 5, label="digits")
    return resolve_model(tiny_study(), 0, info)


@pytest.mark.parametrize(
    ("num_replicates", "expected"), [(1, None), (2, 2), (25, 25), (32, 32), (33, 17), (64, 32), (65, 22)]
)
def test_groups_are_as_equal_as_can_be_and_one_replicate_is_none(model_and_cost, num_replicates, expected):
    assert group_size(*model_and_cost, trained_from(0), 16, num_replicates) == expected


def test_large_models_make_small_groups_and_the_largest_none(model_and_cost):
    sizes = []
    for batch_size in (2**4, 2**14, 2**15, 2**18):
        sizes.append(group_size(*model_and_cost, trained_from(0), batch_size, 25))
        if sizes[-1] is not None:
            assert sizes[-1] * member_bytes(*model_and_cost, trained_from(0), batch_size) <= GROUP_BYTES
    assert sizes[0] == 25
    assert sizes[-1] is None
    assert 25 > sizes[1] > sizes[2] > 1
    assert "GiB" in why_alone(*model_and_cost, trained_from(0), 2**18)


def test_memory_grows_with_what_is_trained(model_and_cost):
    needed = [member_bytes(*model_and_cost, trained_from(cut), 16) for cut in range(4)]
    assert needed == sorted(needed, reverse=True)
    assert needed[3] > 0


def test_only_what_is_trained_may_not_draw_at_random(model_and_cost):
    model, cost = model_and_cost
    drawing = dataclasses.replace(model, random_blocks=("conv1",))
    assert "conv1 draw at random" in why_alone(drawing, cost, trained_from(0), 16)
    assert group_size(drawing, cost, trained_from(0), 16, 5) is None
    assert group_size(drawing, cost, trained_from(2), 16, 5) == 5


def test_what_is_not_stacked_is_declared_in_a_warning(model_and_cost):
    model, cost = model_and_cost
    drawing = dataclasses.replace(model, random_blocks=("conv2",))
    conditions = [
        dataclasses.replace(condition, model=drawing, group=None)
        for condition in stacked_plan("transfer.replicates=2", "transfer.strategies=[scratch, freeze]").conditions
    ]
    (warning,) = alone_warnings(conditions[:3], cost)
    assert warning.endswith(
        "3 conditions train their replicates one by one, not stacked: conv2 draw at random in training"
    )
    assert not list(alone_warnings(stacked_plan("transfer.replicates=2").conditions, cost))


def test_stacked_trials_have_keys_of_their_own_and_a_single_replicate_has_the_serial_one():
    serial = tiny_plan("transfer.replicates=4").plan
    assert not keys(serial) & keys(stacked_plan("transfer.replicates=4"))
    assert keys(serial) == keys(tiny_plan("transfer.replicates=5").plan) == keys(stacked_plan("transfer.replicates=1"))


def test_a_member_depends_on_the_size_of_its_group_and_so_does_its_key():
    assert not keys(stacked_plan("transfer.replicates=4")) & keys(stacked_plan("transfer.replicates=5"))


def test_stacked_and_serial_trials_do_not_share_features():
    serial, stacked = tiny_plan("transfer.replicates=4").plan, stacked_plan("transfer.replicates=4")
    assert len(serial.feature_sets) == len(stacked.feature_sets) == 1
    assert not set(serial.feature_sets) & set(stacked.feature_sets)


def test_a_group_with_a_replicate_to_do_is_carried_whole():
    plan = stacked_plan("transfer.replicates=40", "transfer.strategies=[scratch]")
    (condition,) = plan.conditions
    assert condition.group == 20
    done = {trial_key(condition.key, replicate) for replicate in range(40)}
    assert list(transfer_jobs(plan, done.__contains__)) == []
    done.remove(trial_key(condition.key, 23))
    (job,) = transfer_jobs(plan, done.__contains__)
    assert job.replicates == tuple(range(20, 40))


def test_a_plateau_trains_its_replicates_one_by_one_and_the_plan_says_why():
    plan = stacked_plan("transfer.replicates=4", "transfer.training.lr_schedule=plateau")
    assert {condition.group for condition in plan.conditions} == {None}
    (warning,) = [text for text in plan.warnings if "one by one" in text]
    assert "with lr_schedule plateau each has a learning rate of its own" in warning


def test_stacked_conditions_validate_every_epoch_and_keep_their_keys():
    needed = stacked_plan("transfer.replicates=2", "transfer.training.validate_epochs=as_needed")
    assert {condition.training.validate_epochs for condition in needed.conditions} == {"all"}
    assert keys(needed) == keys(stacked_plan("transfer.replicates=2"))


@pytest.mark.parametrize(("gibibytes", "workers"), [(8, 1), (24, 1), (48, 1), (80, 2), (141, 2), (288, 3)])
def test_a_gpu_gets_as_many_workers_as_their_estimated_memory_has_room(gibibytes, workers):
    assert workers_on_gpu(gibibytes * 2**30) == workers
