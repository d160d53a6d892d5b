"""What the weights of a file were trained on: named in the study file, and read only where something needs it."""

from __future__ import annotations

import pytest

from layercut.checkpoints import save_checkpoint
from layercut.errors import SpecError
from layercut.models import MODELS
from layercut.models.base import seeded_build
from support.tiny import tiny_plan


@pytest.fixture
def weights(tmp_path):
    """A weight file of the tiny study's model."""
    family = MODELS["plain_cnn"]
    model = seeded_build(family, family.options(depth=3, channels=8), (1, 8, 8), 5, seed=0)
    path = tmp_path / "weights.safetensors"
    save_checkpoint(path, model.state_dict())
    return path


def test_a_dataset_that_nothing_needs_is_not_read(weights, tmp_path, monkeypatch):
    """FashionMNIST is not on this machine, and nobody looks at its images."""
    monkeypatch.setenv("LAYERCUT_DATA", str(tmp_path / "no data"))
    plan = tiny_plan(f"source={{checkpoint: {weights}, dataset: fashion_mnist, classes: [0, 1]}}", "probes=[knn]").plan
    assert [job.kind for job in plan.sources] == ["import"]
    assert {job.dataset for job in plan.probes} == {"target"}


def test_a_folder_that_nothing_needs_may_be_elsewhere(weights, tmp_path):
    folder = f"dataset: folder, path: {tmp_path / 'elsewhere'}, image_size: 8, channels: 1"
    plan = tiny_plan(f"source={{checkpoint: {weights}, {folder}}}").plan
    assert [job.label for job in plan.sources] == ["weights.safetensors"]


def test_probes_of_the_source_look_at_the_dataset_that_is_named_with_its_options(weights):
    named = "dataset: digits, classes: [0, 1], variant: noise"
    plan = tiny_plan(f"source={{checkpoint: {weights}, {named}}}", "probes=[{name: knn, images: source}]").plan
    assert {job.task.label for job in plan.probes} == {"digits[0,1] noise"}


@pytest.mark.parametrize(
    ("named", "words"),
    [
        ("dataset: fashion_mnits", "did you mean 'fashion_mnist'"),
        ("dataset: fashion_mnist, colour: red", "colour"),
        ("dataset: fashion_mnist, classes: [0, 11]", "11"),
        ("dataset: folder", "path"),
        ("datasset: digits", "datasset only beside `dataset`.*did you mean 'dataset'"),
    ],
)
def test_a_dataset_that_cannot_be_is_refused_though_nothing_reads_it(weights, named, words):
    with pytest.raises(SpecError, match=words):
        tiny_plan(f"source={{checkpoint: {weights}, {named}}}")


def test_weights_trained_on_another_folder_share_no_classes_with_the_target(weights, tmp_path):
    """Both are called `folder`; they are the same images only where they have the same path."""
    other = f"source={{checkpoint: {weights}, dataset: digits, variant: noise}}"
    same = f"source={{checkpoint: {weights}, dataset: digits}}"
    assert not any("share" in text for text in tiny_plan(other).plan.warnings)
    assert any("share" in text for text in tiny_plan(same).plan.warnings)
