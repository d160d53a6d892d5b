from __future__ import annotations

import numpy as np
import pytest

from layercut.data.holdout import hold_out_test
from layercut.errors import DataError
from support.fake_datasets import random_images


def test_the_test_share_is_stratified_disjoint_and_complete() -> None:
    labels = np.repeat([0, 1, 2], [50, 10, 5])
    everything = random_images(labels, seed=0)
    train, test = hold_out_test(everything, ("a", "b", "c"), 0.2)
    assert np.bincount(test.labels).tolist() == [10, 2, 1]
    together = np.concatenate([train.images, test.images]).reshape(len(labels), -1)
    assert len(np.unique(together, axis=0)) == len(labels)


def test_the_test_share_is_the_same_every_time() -> None:
    everything = random_images(np.repeat([0, 1], 20), seed=0)
    first, second = (hold_out_test(everything, ("a", "b"), 0.3) for _ in range(2))
    np.testing.assert_array_equal(first.test.images, second.test.images)


@pytest.mark.parametrize("test_split", [0.1, 0.95])
def test_a_class_too_small_for_both_parts_is_refused(test_split: float) -> None:
    everything = random_images([0] * 30 + [1] * 3, seed=0)
    with pytest.raises(DataError, match="class 'b' has 3 images"):
        hold_out_test(everything, ("a", "b"), test_split)
