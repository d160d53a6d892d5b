"""Sources: trained, read from a file, or random."""

from __future__ import annotations

import pytest
import torch

from layercut.checkpoints import load_checkpoint, save_checkpoint, tensors_hash
from layercut.errors import CheckpointError
from layercut.stages.source import run_source
from tiny import context_with_sources, tiny_plan


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
    with pytest.raises(CheckpointError, match=r"expected \(16, 1, 3, 3\), got \(8, 1, 3, 3\)"):
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
