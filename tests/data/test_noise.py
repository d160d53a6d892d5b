from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from layercut.data.noise import VARIANTS, class_noise, noise, shuffled_pixels, structured_noise
from support.fake_datasets import random_images

ROWS = np.arange(6)
PIXELS = random_images([0] * 6, seed=5, shape=(3, 9, 7)).images
ALL = pytest.mark.parametrize("variant", VARIANTS.values(), ids=VARIANTS)
Variant = Callable[..., NDArray[np.uint8]]


@ALL
def test_a_seed_gives_the_same_images_and_another_seed_others(variant: Variant) -> None:
    first = variant(PIXELS, 0, "train", ROWS)
    assert (first.shape, first.dtype) == (PIXELS.shape, np.uint8)
    np.testing.assert_array_equal(first, variant(PIXELS, 0, "train", ROWS))
    assert (first != variant(PIXELS, 1, "train", ROWS)).any()
    assert (first != PIXELS).any()


@ALL
def test_an_image_does_not_depend_on_the_piece_it_is_made_with(variant: Variant) -> None:
    whole = variant(PIXELS, 3, "train", ROWS)
    np.testing.assert_array_equal(whole[4:], variant(PIXELS[4:], 3, "train", ROWS[4:]))


@pytest.mark.parametrize("variant", [noise, structured_noise])
def test_training_and_test_images_get_different_noise(variant: Variant) -> None:
    assert (variant(PIXELS, 0, "train", ROWS) != variant(PIXELS, 0, "test", ROWS)).any()


def test_noise_knows_nothing_of_the_image_and_is_uniform() -> None:
    black = np.zeros((40, 1, 28, 28), dtype=np.uint8)
    made = noise(black, 0, "train", np.arange(40))
    np.testing.assert_array_equal(made, noise(black + 200, 0, "train", np.arange(40)))
    counts = np.bincount(made.ravel(), minlength=256)
    expected = made.size / 256
    chi_square = ((counts - expected) ** 2 / expected).sum()
    assert abs(chi_square - 255) < 5 * np.sqrt(2 * 255)


def test_structured_noise_keeps_the_shades_of_each_channel() -> None:
    made = structured_noise(PIXELS, 0, "train", ROWS)
    np.testing.assert_array_equal(np.sort(made.reshape(6, 3, -1)), np.sort(PIXELS.reshape(6, 3, -1)))


def test_neighbours_are_alike_in_structured_noise_and_not_in_noise() -> None:
    pixels = random_images([0] * 20, seed=1, shape=(1, 28, 28)).images

    def alikeness(images: NDArray[np.uint8]) -> float:
        return float(np.corrcoef(images[..., 1:].ravel(), images[..., :-1].ravel())[0, 1])

    assert alikeness(structured_noise(pixels, 0, "train", np.arange(20))) > 0.7
    assert abs(alikeness(noise(pixels, 0, "train", np.arange(20)))) < 0.05


def test_shuffled_pixels_are_moved_alike_in_every_image_channel_and_split() -> None:
    places = np.arange(63, dtype=np.uint8).reshape(1, 1, 9, 7)
    moved = shuffled_pixels(places, 0, "train", ROWS[:1]).ravel()
    assert sorted(moved) == list(range(63))
    for split in ("train", "test"):
        made = shuffled_pixels(PIXELS, 0, split, ROWS)
        np.testing.assert_array_equal(made.reshape(6, 3, 63), PIXELS.reshape(6, 3, 63)[:, :, moved])


def test_noise_is_the_same_on_every_machine() -> None:
    ramp = np.arange(12, dtype=np.uint8).reshape(1, 1, 3, 4)
    made = {name: variant(ramp, 7, "train", np.array([2])).ravel().tolist() for name, variant in VARIANTS.items()}
    assert made == FROZEN


FROZEN = {
    "noise": [134, 211, 178, 71, 104, 162, 26, 160, 246, 174, 12, 123],
    "structured_noise": [4, 10, 7, 1, 3, 9, 6, 0, 5, 11, 8, 2],
    "shuffled_pixels": [4, 2, 9, 3, 8, 1, 6, 0, 11, 7, 10, 5],
}


def taken_for(train: NDArray[np.uint8], labels: NDArray[np.int64], test: NDArray[np.uint8]) -> NDArray[np.int64]:
    """Return what a linear model, fitted by least squares, takes test images for."""
    images, unseen = (part.reshape(len(part), -1) / 255 - 0.5 for part in (train, test))
    weights, *_ = np.linalg.lstsq(images, np.eye(10)[labels], rcond=None)
    return np.asarray((unseen @ weights).argmax(1))


def test_a_linear_model_reads_class_noise_and_not_noise() -> None:
    """A tenth of the pixels are those of the class, in training and test images alike."""
    labels = np.arange(2000) % 10
    black = np.zeros((2000, 1, 28, 28), dtype=np.uint8)
    rows = np.arange(2000)
    parts = [class_noise(black, 0, split, rows, labels) for split in ("train", "test")]
    assert (taken_for(parts[0], labels, parts[1]) == labels).all()
    parts = [noise(black, 0, split, rows) for split in ("train", "test")]
    assert (taken_for(parts[0], labels, parts[1]) == labels).mean() < 0.2


def test_a_tenth_of_the_pixels_is_shared_by_a_class_and_the_rest_is_noise() -> None:
    labels = np.array([3, 3, 3, 7, 7])
    black = np.zeros((5, 1, 28, 28), dtype=np.uint8)
    made = class_noise(black, 1, "train", np.arange(5), labels).reshape(5, -1)
    assert (made[:3] == made[0]).all(0).sum() == pytest.approx(78, abs=2)
    test = class_noise(black, 1, "test", np.arange(5), labels).reshape(5, -1)
    assert (made[0] == test[0]).sum() == pytest.approx(78 + 706 / 256, abs=9)
    assert (made[0] == made[3]).sum() < 20
