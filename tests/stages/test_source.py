"""Sources: trained, read from a file, or random."""

from __future__ import annotations

import dataclasses

import pytest
import torch

from layercut.checkpoints import load_checkpoint, save_checkpoint, tensors_hash
from layercut.errors import CheckpointError, SpecError
from layercut.stages.source import run_source
from support.tiny import context_with_sources, tiny_plan


def test_a_trained_source_leaves_a_checkpoint_and_a_record(tmp_path):
    checked = tiny_plan()
    context = context_with_sources(checked, tmp_path)
    (record,) = run_source(checked.plan.sources[0], context)
    values, digest = load_checkpoint(context.checkpoint(record.key))
    assert record.checkpoint_hash == digest == tensors_hash(values)
    assert 0 < record.test_accuracy <= 1
    assert len(record.curve) == record.num_epochs == 2


def test_weights_saved_by_torch_become_a_source(tmp_path):
    checked = tiny_plan()
    trained = context_with_sources(checked, tmp_path / "trained")
    values, _ = trained.open_source(checked.plan.sources[0].key)
    torch.save(values, tmp_path / "weights.pth")
    imported = tiny_plan(f"source={{checkpoint: {tmp_path}/weights.pth}}")
    context = context_with_sources(imported, tmp_path / "imported")
    again, _ = context.open_source(imported.plan.sources[0].key)
    assert tensors_hash(again) == tensors_hash(values)


def test_weights_that_do_not_fit_are_refused_with_both_shapes(tmp_path):
    checked = tiny_plan()
    context = context_with_sources(checked, tmp_path)
    values, _ = context.open_source(checked.plan.sources[0].key)
    torch.save(values, tmp_path / "weights.pth")
    with pytest.raises(SpecError, match=r"`source\[0\]\.checkpoint`.*expected \(16, 1, 3, 3\), got \(8, 1, 3, 3\)"):
        tiny_plan("model.channels=16", f"source={{checkpoint: {tmp_path}/weights.pth}}")


def test_random_sources_of_one_study_are_equal_and_of_another_seed_are_not(tmp_path):
    hashes = []
    for index, seed in enumerate((3, 3, 4)):
        checked = tiny_plan("source={random: true}", f"seed={seed}")
        context = context_with_sources(checked, tmp_path / str(index))
        hashes.append(context.open_source(checked.plan.sources[0].key)[1])
    assert hashes[0] == hashes[1] != hashes[2]


def test_a_checkpoint_that_changed_on_disk_is_noticed(tmp_path):
    path = tmp_path / "one.safetensors"
    save_checkpoint(path, {"a": torch.zeros(4)})
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    with pytest.raises(CheckpointError, match="changed after it was written"):
        load_checkpoint(path)


def test_a_truncated_checkpoint_is_refused(tmp_path):
    path = tmp_path / "one.safetensors"
    save_checkpoint(path, {"a": torch.zeros(400)})
    path.write_bytes(path.read_bytes()[:-7])
    with pytest.raises(CheckpointError, match="damaged"):
        load_checkpoint(path)


CHECKPOINTS = "pretraining={lr: 0.01, epochs: 2, threads: 1, patience: null, checkpoints: [0, batch 2, epoch 1, last]}"


def test_every_checkpoint_is_written_by_one_training_with_the_weights_of_its_moment(tmp_path):
    checked = tiny_plan(CHECKPOINTS)
    context = context_with_sources(checked, tmp_path)
    (job,) = checked.plan.sources
    hashes = [context.open_source(point.key)[1] for point in job.points]
    assert len(set(hashes)) == 4
    records = list(run_source(job, context))
    assert [record.source for record in records] == [point.label for point in job.points]
    assert [record.checkpoint_hash for record in records] == hashes
    assert [record.num_epochs for record in records] == [0, 0, 1, 2]
    shorter = tiny_plan(CHECKPOINTS.replace("[0, batch 2, epoch 1, last]", "[0]").replace("epochs: 2", "epochs: 1"))
    other = context_with_sources(shorter, tmp_path / "shorter")
    assert other.open_source(shorter.plan.sources[0].points[0].key)[1] == hashes[0], "initial values are the seed's"


def test_the_last_checkpoint_is_that_of_a_training_without_others(tmp_path):
    plain = tiny_plan(CHECKPOINTS.replace("[0, batch 2, epoch 1, last]", "[last]"))
    context = context_with_sources(plain, tmp_path / "plain")
    every = context_with_sources(tiny_plan(CHECKPOINTS), tmp_path / "every")
    key = plain.plan.sources[0].key
    assert every.open_source(key)[1] == context.open_source(key)[1]


def test_a_training_that_ends_before_a_checkpoint_is_a_failure_that_names_it(tmp_path):
    checked = tiny_plan(CHECKPOINTS)
    context = dataclasses.replace(context_with_sources(checked, tmp_path), reraise=False)
    (job,) = checked.plan.sources
    config = dataclasses.replace(job.training, checkpoints=("batch 2",))
    (failure,) = run_source(dataclasses.replace(job, training=config), context)
    assert failure.message == "the training ended before its checkpoint at 0"


@pytest.mark.parametrize("source", ["{dataset: digits, classes: [0, 1, 2, 3, 4]}", "{random: true}"])
def test_each_seed_has_weights_of_its_own(tmp_path, source):
    checked = tiny_plan(f"source={source}", "pretraining.seeds=[0, 1]")
    context = context_with_sources(checked, tmp_path)
    hashes = [context.open_source(job.key)[1] for job in checked.plan.sources]
    first = tiny_plan(f"source={source}")
    alone = context_with_sources(first, tmp_path / "alone")
    assert hashes[0] == alone.open_source(first.plan.sources[0].key)[1]
    assert hashes[0] != hashes[1]
