"""Weight files of somebody else's: read, or refused with what was expected, what came and what to do."""

from __future__ import annotations

import math

import pytest
import torch
from torch import nn

from layercut.checkpoints import load_foreign_weights, tensors_hash
from layercut.errors import CheckpointError, SpecError
from layercut.plan.preflight import plan_without_data
from layercut.plan.source_models import build_for, read_weights
from support.tiny import tiny_plan, tiny_study

EXPECTED = "expected a .safetensors file, or a .pth file that holds only tensors"


@pytest.fixture
def path(tmp_path):
    """Where a test writes its file."""
    return tmp_path / "weights.pth"


@pytest.fixture
def values():
    """What the tiny study's model holds."""
    (job,) = tiny_plan("source={random: true}").plan.sources
    return build_for(job.model, num_classes=5, seed=0).state_dict()


def save_text(path, text):
    path.write_text(text, encoding="utf-8")


def save_half(path, content):
    torch.save(content, path)
    path.write_bytes(path.read_bytes()[:500])


@pytest.mark.parametrize(
    ("save", "content", "got"),
    [
        (save_text, "abcde", "got not a PyTorch file, or a damaged one"),
        (save_text, "hello world" * 100, "got not a PyTorch file, or a damaged one"),
        (save_text, "", "got not a PyTorch file, or a damaged one"),
        (save_half, {"a": torch.zeros(400)}, "got not a PyTorch file, or a damaged one"),
        (lambda path, it: torch.save(it, path), nn.Linear(1, 1), r"got a pickled object \(torch\.nn\S*\.Linear\)"),
        (lambda path, it: torch.save(it, path), {"epoch": 3, "net": {}}, r"epoch \(int\), net \(dict\) are no tensors"),
    ],
)
def test_what_holds_no_tensors_is_refused_with_what_it_is_and_how_to_write_one(path, save, content, got):
    save(path, content)
    with pytest.raises(CheckpointError, match=rf"{path} .*{EXPECTED}.*{got}.*`torch\.save\(model\.state_dict") as error:
        load_foreign_weights(path)
    assert len(str(error.value).splitlines()) == 1


@pytest.mark.parametrize(("number", "what"), [(math.nan, "NaN"), (math.inf, "infinite"), (-math.inf, "infinite")])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
def test_numbers_that_are_none_are_refused_with_the_name_that_holds_them(path, number, what, dtype):
    weight = torch.ones(3, 4, dtype=dtype)
    weight[1, 2] = number
    torch.save({"fine": torch.ones(2), "conv1.weight": weight}, path)
    with pytest.raises(CheckpointError, match=rf"{path}: conv1\.weight holds {what}.*\(1 of 12 values\)"):
        load_foreign_weights(path)


def test_a_mask_of_attention_and_large_float64_are_no_such_numbers(path):
    mask = torch.full((3, 3), -math.inf).triu(1)
    torch.save({"mask": mask, "large": torch.full((1,), 1e300, dtype=torch.float64)}, path)
    assert load_foreign_weights(path).keys() == {"mask", "large"}


def test_a_file_that_a_wrapper_saved_gives_the_same_source(path, values):
    torch.save({f"module.{name}": value for name, value in values.items()}, path)
    (job,) = tiny_plan(f"source={{checkpoint: {path}}}").plan.sources
    assert tensors_hash(read_weights(job.model, job.weights)) == tensors_hash(values)


def test_plan_and_run_refuse_a_file_that_does_not_fit_in_the_same_words(path, values, tmp_path):
    torch.save(values, path)
    study = tiny_study("model.channels=16", f"source={{checkpoint: {path}}}")
    with pytest.raises(SpecError, match=rf"`source\[0\]\.checkpoint`.* the weights in {path} do not fit") as planned:
        plan_without_data(study, tmp_path, tmp_path, "float32")
    with pytest.raises(SpecError) as run:
        tiny_plan("model.channels=16", f"source={{checkpoint: {path}}}")
    assert str(planned.value) == str(run.value)
    assert "expected (16, 1, 3, 3), got (8, 1, 3, 3)" in str(run.value)
    assert f"the file has {len(values)} tensors: blocks.conv0.conv.weight (8, 1, 3, 3)" in str(run.value)


@pytest.mark.parametrize("content", [b"", b"abcde", b"\x10" + bytes(7) + b"not json at all."])
def test_a_damaged_file_of_somebody_elses_is_not_to_be_deleted(tmp_path, content):
    path = tmp_path / "weights.safetensors"
    path.write_bytes(content)
    with pytest.raises(CheckpointError, match=r"cannot read .*\.safetensors as weights: .*download or write it again"):
        load_foreign_weights(path)
