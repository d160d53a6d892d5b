from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from layercut.data import cache
from layercut.data.cache import load_dataset
from layercut.data.cache_entry import LoadedDataset
from layercut.data.content import Content
from layercut.data.digits import DIGITS
from layercut.data.holdout import HoldoutOptions
from layercut.data.noise import class_noise, noise
from layercut.data.reading import known_info, parse_view
from layercut.data.view import ViewOptions, apply_view
from layercut.errors import DataError, SpecError
from support.fake_datasets import made, random_images, write_folder

EVEN_ODD = {"even": [0, 2, 4, 6, 8], "odd": [1, 3, 5, 7, 9]}


def _content(channels: int = 1) -> Content:
    train, test = (random_images([0, 1, 2, 0, 1], seed, (channels, 6, 8)) for seed in (0, 1))
    return Content(train, test, ("a", "b", "c"))


def _seen(content: Content, **keys: Any) -> Content:
    seen = apply_view(content, ViewOptions(**keys))
    return seen._replace(train=made(seen.train), test=made(seen.test))


def _load(tmp_path: Path, **options: Any) -> LoadedDataset:
    return load_dataset("digits", options, tmp_path, tmp_path / "cache", False)


def test_groups_become_classes_in_their_order_and_the_rest_is_left_out() -> None:
    content = _content()
    train, _, names, *_ = _seen(content, groups={"c": ["c"], "first": [0]})
    assert names == ("c", "first")
    assert train.labels.tolist() == [1, 0, 1]
    np.testing.assert_array_equal(train.images, content.train.images[[0, 2, 3]])


def test_the_order_of_groups_is_part_of_what_a_dataset_is(tmp_path: Path) -> None:
    one = _load(tmp_path, groups=EVEN_ODD)
    other = _load(tmp_path, groups=dict(reversed(EVEN_ODD.items())))
    assert (one.class_names, other.class_names) == (("even", "odd"), ("odd", "even"))
    assert one.fingerprint != other.fingerprint


@pytest.mark.parametrize(
    ("groups", "message"),
    [
        ({"x": ["a"], "y": ["d"]}, "class 'd' is not in the dataset"),
        ({"x": ["a", 1], "y": ["b"]}, "each class in one group; 'b' appears more than once"),
    ],
)
def test_impossible_groups_are_refused(groups: dict[str, Any], message: str) -> None:
    with pytest.raises(DataError, match=message):
        _seen(_content(), groups=groups)


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"variant": "salt"}, "`variant`"),
        ({"noise_seed": 3}, "`noise_seed`: expected a `variant`, which this seed belongs to"),
        ({"groups": {"all": [0, 1]}}, "`groups`"),
        ({"groups": {"x": [], "y": [0]}}, "at least one class in each"),
        ({"channels": 4}, "`channels`"),
    ],
)
def test_impossible_keys_are_refused_before_anything_is_read(
    tmp_path: Path, keys: dict[str, Any], message: str
) -> None:
    with pytest.raises(SpecError, match=message):
        _load(tmp_path, **keys)
    assert not (tmp_path / "cache").exists()


def test_grey_is_repeated_and_colour_becomes_luma() -> None:
    grey, colour = _content(1), _content(3)
    np.testing.assert_array_equal(_seen(grey, channels=3).train.images, np.repeat(grey.train.images, 3, axis=1))
    red, green, blue = colour.train.images.astype(float).transpose(1, 0, 2, 3)
    luma = 0.299 * red + 0.587 * green + 0.114 * blue
    seen = _seen(colour, channels=1).train.images
    assert seen.shape == (5, 1, 6, 8)
    assert np.abs(seen[:, 0] - luma).max() <= 0.51


@pytest.mark.parametrize("resize", ["crop", "stretch", "pad"])
def test_images_are_resized_as_pillow_does(resize: str) -> None:
    content = _content()
    seen = _seen(content, image_size=12, resize=resize).train.images
    assert seen.shape == (5, 1, 12, 12)
    if resize == "stretch":
        expected = Image.fromarray(content.train.images[2, 0]).resize((12, 12), Image.Resampling.BILINEAR)
        np.testing.assert_array_equal(seen[2, 0], np.asarray(expected))
    if resize == "pad":
        assert (seen[:, :, [0, -1]] == 0).all()


def test_images_that_have_the_shape_already_are_the_same_dataset(tmp_path: Path) -> None:
    assert _load(tmp_path, image_size=8, channels=1).fingerprint == _load(tmp_path).fingerprint


def test_noise_is_of_the_final_pixels() -> None:
    content = _content()
    seen = _seen(content, image_size=12, variant="noise", noise_seed=4)
    np.testing.assert_array_equal(
        seen.test.images, noise(np.zeros((5, 1, 12, 12), dtype=np.uint8), 4, "test", np.arange(5))
    )
    np.testing.assert_array_equal(seen.train.labels, content.train.labels)


def test_what_is_known_beforehand_is_what_is_read(tmp_path: Path) -> None:
    options = {"groups": EVEN_ODD, "image_size": [10, 12], "channels": 3, "variant": "structured_noise"}
    assert _load(tmp_path, **options).info() == known_info("digits", options)


def test_a_view_is_made_once_from_the_dataset_as_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = _load(tmp_path, variant="noise")
    plain = _load(tmp_path)
    assert first.fingerprint != plain.fingerprint
    assert first.folder != plain.folder

    def forbidden(*args: object) -> None:
        raise AssertionError("made again")

    monkeypatch.setattr(cache, "apply_view", forbidden)
    assert _load(tmp_path, variant="noise").folder == first.folder


def test_a_dataset_that_has_a_key_itself_gets_it(tmp_path: Path) -> None:
    write_folder(tmp_path / "images", {"a": 5, "b": 5})
    options = {"path": str(tmp_path / "images"), "image_size": 4, "variant": "noise"}
    assert parse_view("folder", options).identity == [["noise", 0]]
    assert load_dataset("folder", options, tmp_path, tmp_path / "cache", False).info().image_shape == (3, 4, 4)


def test_a_dataset_as_it_is_has_the_fingerprint_that_it_always_had(tmp_path: Path) -> None:
    plain = _load(tmp_path)
    assert DIGITS.info(HoldoutOptions()) == plain.info()
    assert plain.fingerprint == FINGERPRINT_OF_DIGITS


FINGERPRINT_OF_DIGITS = "8bef2121ff9f6630a63101e02a3e1b7c2a963723cb591ef11ca3cd62b4a774a3"


def test_class_noise_knows_the_class_of_an_image_wherever_it_is_taken() -> None:
    """Grouped classes keep the noise of the classes that they are made of."""
    content = _content()
    rows, labels = np.arange(5), content.train.labels
    expected = class_noise(np.asarray(content.train.images), 0, "train", rows, labels)
    seen = apply_view(content, ViewOptions(variant="class_noise"))
    np.testing.assert_array_equal(seen.train.images[3:4], expected[3:4])
    grouped = _seen(content, variant="class_noise", groups={"c": ["c"], "first": ["a"]})
    np.testing.assert_array_equal(grouped.train.images, expected[(labels == 0) | (labels == 2)])
