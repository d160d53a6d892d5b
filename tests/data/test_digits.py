from __future__ import annotations

from pathlib import Path

import numpy as np
from sklearn.datasets import load_digits

from layercut.data.digits import DIGITS
from layercut.data.holdout import HoldoutOptions


def test_digits_are_scaled_to_the_full_range_of_a_byte() -> None:
    train, test, names = DIGITS.read(HoldoutOptions(), Path(), False)
    assert train.images.shape == (1797, 1, 8, 8)
    assert (train.images.min(), train.images.max()) == (0, 255)
    assert test is None
    assert names == tuple("0123456789")


def test_scaling_loses_nothing_and_labels_are_those_of_scikit_learn() -> None:
    train, _, _ = DIGITS.read(HoldoutOptions(), Path(), False)
    theirs = load_digits()
    np.testing.assert_array_equal(np.rint(train.images[:, 0] * (16 / 255)), theirs.images)
    np.testing.assert_array_equal(train.labels, theirs.target)
