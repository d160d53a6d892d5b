"""Test images that are nearly training images."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageEnhance, ImageFilter

from layercut.data.base import LabelledImages
from layercut.data.cache import load_dataset
from layercut.data.near_copies import near_copies
from layercut.data.subset import select_task
from layercut.plan.preflight import plan_with_data, plan_without_data
from layercut.plan.summary import describe, summarize
from support.fake_datasets import loaded
from support.tiny import tiny_study


def _scene(seed: int, side: int = 96) -> Image.Image:
    """Return smooth shapes of many colours."""
    noise = np.random.default_rng(seed).integers(0, 256, size=(12, 12, 3), dtype=np.uint8)
    return Image.fromarray(noise).resize((side, side), Image.Resampling.BICUBIC)


def _anew(image: Image.Image) -> Image.Image:
    file = io.BytesIO()
    image.save(file, "JPEG", quality=50)
    return Image.open(file)


def _cut(image: Image.Image) -> Image.Image:
    return image.crop((1, 1, 95, 95)).resize((96, 96))


CHANGES: dict[str, Callable[[Image.Image], Image.Image]] = {
    "saved anew": _anew,
    "darker": lambda image: ImageEnhance.Brightness(image).enhance(0.7),
    "cut": _cut,
    "smaller": lambda image: image.resize((40, 40)).resize((96, 96)),
    "blurred": lambda image: image.filter(ImageFilter.GaussianBlur(2)),
}


def _array(image: Image.Image) -> NDArray[np.uint8]:
    return np.asarray(image.convert("RGB")).transpose(2, 0, 1)


def _found(train: list[Image.Image], test: list[Image.Image]) -> list[tuple[int, int]]:
    parts = [
        LabelledImages(np.stack([_array(image) for image in images]), np.arange(len(images)) % 2)
        for images in (train, test)
    ]
    return [tuple(pair) for pair in near_copies(select_task(loaded(*parts, ("a", "b")), None))]


SCENES = [_scene(seed) for seed in range(6)]


@pytest.mark.parametrize("change", CHANGES)
def test_a_photograph_that_was_changed_a_little_is_found(change: str) -> None:
    test = [_scene(100), CHANGES[change](SCENES[3]), _scene(101), CHANGES[change](SCENES[0])]
    assert _found(SCENES, test) == [(1, 3), (3, 0)]


def test_other_photographs_are_not() -> None:
    assert _found(SCENES, [_scene(seed) for seed in range(200, 240)]) == []


def test_a_photograph_the_other_way_round_is_another() -> None:
    assert _found(SCENES, [scene.transpose(Image.Transpose.FLIP_LEFT_RIGHT) for scene in SCENES]) == []


def test_empty_pictures_of_different_shades_are_no_copies() -> None:
    assert (
        _found([Image.new("RGB", (96, 96), "white"), SCENES[0]], [Image.new("RGB", (96, 96), "grey"), SCENES[1]]) == []
    )


def test_equal_photographs_are_copies_and_not_near_ones() -> None:
    assert _found(SCENES, [SCENES[2], _scene(100)]) == []


def test_small_pictures_are_not_compared() -> None:
    small = [scene.resize((16, 16)) for scene in SCENES]
    assert _found(small, [_anew(small[0]), _anew(small[1])]) == []


def test_ants_and_bees_have_none(shared_data: Path, tmp_path: Path) -> None:
    options = {"path": str(shared_data / "ants-bees"), "image_size": 64}
    assert near_copies(select_task(load_dataset("folder", options, tmp_path, tmp_path, False), None)) == []


def test_a_plan_names_them(tmp_path: Path) -> None:
    for split, offset in (("train", 0), ("test", 50)):
        for index in range(8):
            folder = tmp_path / "photos" / split / "ab"[index % 2]
            folder.mkdir(parents=True, exist_ok=True)
            _scene(offset + index).save(folder / f"{split}{index}.png")
    _anew(_scene(3)).save(tmp_path / "photos" / "test" / "b" / "again.png")
    study = tiny_study(
        "source={random: true}",
        f"target={{dataset: folder, path: {tmp_path}/photos, image_size: 32}}",
        "transfer.fractions=[1.0]",
    )
    told = (
        "  data        photos: 1 test image is a near copy of a training image, which makes test accuracy look better "
        "than it is (test/b/again.png and train/b/train3.png); remove them, or keep what belongs together in one "
        "`group`"
    )
    for plan in (
        plan_without_data(study, tmp_path, tmp_path / "cache", "float32"),
        plan_with_data(study, tmp_path, tmp_path / "cache", "float32").plan,
    ):
        assert told in describe(summarize(study, plan)).splitlines()
