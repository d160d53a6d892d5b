from __future__ import annotations

import numpy as np
import pytest

from layercut.data.base import LabelledImages
from layercut.data.statistics import count_shades, training_statistics
from layercut.data.subset import select_task
from layercut.errors import DataError
from support.fake_datasets import loaded, random_images


def test_mean_and_deviation_are_those_of_numpy_for_each_channel() -> None:
    train, test = random_images([0, 1, 2] * 400, 0, (3, 5, 4)), random_images([0, 1, 2], 1, (3, 5, 4))
    task = select_task(loaded(train, test, ("a", "b", "c")), ["c", "a"])
    pixels = train.images[np.isin(train.labels, [0, 2])] / 255
    statistics = training_statistics(task)
    np.testing.assert_allclose(statistics.mean, pixels.mean(axis=(0, 2, 3)), rtol=1e-12)
    np.testing.assert_allclose(statistics.std, pixels.std(axis=(0, 2, 3)), rtol=1e-12)


def test_they_do_not_depend_on_the_order_of_images_nor_on_test_images() -> None:
    train = random_images([0, 1] * 700, 0)
    backwards = LabelledImages(train.images[::-1], train.labels[::-1])
    tests = [random_images([0, 1], seed) for seed in (1, 2)]
    first, second = (
        training_statistics(select_task(loaded(part, test, ("a", "b")), None))
        for part, test in zip((train, backwards), tests, strict=True)
    )
    assert first == second


def test_a_case_by_hand() -> None:
    images = np.array([[[[0, 255]]], [[[255, 255]]]], dtype=np.uint8)
    part = LabelledImages(images, np.array([0, 1]))
    test = LabelledImages(images[:, :, :, ::-1] // 2, np.array([0, 1]))
    mean, std = training_statistics(select_task(loaded(part, test, ("a", "b")), None))
    assert mean == (0.75,)
    assert std == pytest.approx((np.sqrt(3) / 4,), rel=1e-15)


def test_images_of_one_shade_have_no_deviation() -> None:
    images = np.full((2, 1, 2, 2), 9, dtype=np.uint8)
    images[:, 0, 0, 0] = [9, 9]
    dataset = loaded(LabelledImages(images[:1], np.array([0])), random_images([0, 1], 1, (1, 2, 2)), ("a", "b"))
    assert count_shades(images, np.array([0]))[0, 9] == 4
    task = select_task(
        loaded(
            LabelledImages(np.stack([images[0], images[0] + 1]), np.array([0, 1])), dataset.test, dataset.class_names
        ),
        None,
    )
    object.__setattr__(task, "train_index", np.array([0]))
    with pytest.raises(DataError, match="the same value in channel 0"):
        training_statistics(task)
