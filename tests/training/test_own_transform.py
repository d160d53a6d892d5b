"""Transforms of the user's own code as augmentations."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import pytest
import torch

from layercut import run_study
from layercut.errors import SpecError
from layercut.models.own_code import locate
from layercut.plan.canonical import _training
from layercut.spec import load_study
from layercut.training.augment import augment, epoch_draws
from layercut.training.own_transform import OwnTransform, apply_own, try_own
from support.tiny import tiny_plan, tiny_study

SHAPE = (3, 6, 8)
IMAGES = torch.randint(0, 256, (10, *SHAPE), dtype=torch.uint8, generator=torch.Generator().manual_seed(1))


def own(name, module="own_transforms"):
    code = locate(f"{module}:{name}", Path(__file__).parents[1] / "support")
    return OwnTransform(f"{module}:{name}", code.sha256, str(code.folder))


@pytest.mark.parametrize("name", ["mirrored", "drawn"])
def test_what_happens_to_an_image_follows_from_its_draw_alone(name):
    steps = ["flip", own(name)]
    draws = epoch_draws(steps, 10, seed=1, epoch=1)
    together = augment(IMAGES, steps, draws)
    for chosen in (slice(0, 3), slice(3, 10), slice(9, 10)):
        assert torch.equal(augment(IMAGES[chosen], steps, draws[chosen]), together[chosen])
    assert not torch.equal(together, augment(IMAGES, steps, epoch_draws(steps, 10, seed=1, epoch=2)))


def test_images_of_one_batch_are_changed_differently():
    same = IMAGES[:1].expand(10, -1, -1, -1)
    changed = apply_own(own("drawn"), same, epoch_draws([own("drawn")], 10, 0, 1))
    assert len({int(image[0, 0, 0]) for image in changed}) > 3


def test_global_generators_are_left_as_they_were():
    def state():
        return torch.random.get_rng_state().tolist(), np.random.get_state()[1].tolist(), random.getstate()

    before = state()
    apply_own(own("drawn"), IMAGES, torch.rand(10, 1, generator=torch.Generator(), dtype=torch.float64))
    assert state() == before


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("normalised", r"like the one it was given, uint8 \(3, 6, 8\).*got float32 \(3, 6, 8\): leave out `ToDtype`"),
        ("cropped", r"got uint8 \(3, 5, 8\).*keep the size"),
        ("broken", "own_transforms:broken failed: ValueError: no such image"),
        ("lost", "got a NoneType"),
        ("restless", "gives two different images under one seed"),
        ("absent", "augmentation: own_transforms has no function 'absent'"),
    ],
)
def test_what_cannot_augment_is_refused_with_what_to_do(name, told):
    with pytest.raises(SpecError, match=told):
        try_own(own(name), SHAPE)


def test_the_plan_tries_a_transform_before_anything_runs():
    with pytest.raises(SpecError, match=r"augmentation.*leave out `ToDtype`"):
        tiny_plan("transfer.training.augmentation=[{function: 'own_transforms:normalised', folder: tests/support}]")


def test_a_module_that_is_not_there_is_named_with_the_key(tmp_path):
    with pytest.raises(SpecError, match=r"`transfer.training.augmentation`.*no module nowhere; looked in"):
        tiny_plan("transfer.training.augmentation=['nowhere:train']")


def test_the_code_is_part_of_the_key_and_its_place_is_not(tmp_path):
    plain = tiny_plan("transfer.training.augmentation=[{function: 'own_transforms:drawn', folder: tests/support}]").plan
    (config,) = {condition.training for condition in plain.conditions}
    assert _training(config)["augmentation"] == ([own("drawn").function, own("drawn").sha256],)


def test_the_module_lies_beside_the_study_file(tmp_path):
    text = "name: a\nsource: {random: true}\ntarget: {dataset: digits}\nmodel: {name: mlp}\ntransfer:\n"
    (tmp_path / "a.yaml").write_text(text + "  training: {augmentation: [flip, mine:train]}\n", encoding="utf-8")
    flip, mine = load_study(tmp_path / "a.yaml").transfer.training.augmentation
    assert (flip, mine.function, Path(mine.folder)) == ("flip", "mine:train", tmp_path)


def test_a_slip_in_a_name_is_told_as_before():
    with pytest.raises(SpecError, match=r"`transfer.training.augmentation\[0\]`.*'flip', 'crop'"):
        load_study("digits", ["transfer.training.augmentation=[flipp]"])


@pytest.mark.slow
def test_records_do_not_depend_on_who_transforms(tmp_path):
    changes = [
        "transfer.training={lr: 0.01, epochs: 2, batch_size: 16, augmentation: "
        "[flip, {function: 'own_transforms:mirrored', folder: tests/support}]}",
        "transfer.strategies=[scratch, freeze]",
        "transfer.cuts=[1]",
        "transfer.fractions=[0.3]",
        "transfer.replicates=2",
    ]
    study = tiny_study(*changes)
    here = run_study(study, tmp_path / "here", executor="serial")
    there = run_study(study, tmp_path / "there", executor="processes", workers=1)
    assert here.num_finished == here.num_trials
    assert here.records_hash == there.records_hash


def test_albumentations_are_seeded_by_their_own_rule(tmp_path, monkeypatch):
    pytest.importorskip("albumentations", reason="albumentations is not installed")
    (tmp_path / "by_albumentations.py").write_text(
        "import albumentations as A\ntrain = A.Compose([A.HorizontalFlip(p=0.5), A.RandomBrightnessContrast(p=1)])\n",
        encoding="utf-8",
    )
    code = locate("by_albumentations:train", tmp_path)
    transform = OwnTransform("by_albumentations:train", code.sha256, str(tmp_path))
    try_own(transform, SHAPE)
    draws = epoch_draws([transform], 10, 0, 1)
    together = apply_own(transform, IMAGES, draws)
    assert torch.equal(apply_own(transform, IMAGES[4:6], draws[4:6]), together[4:6])
    assert not torch.equal(together, IMAGES)
