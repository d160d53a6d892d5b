from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from layercut.data.split_sizes import Validation, check_fractions, least_fraction, split_sizes, training_sizes
from layercut.data.splits import Split, fold_splits, sample_split, splits_hash
from layercut.errors import DataError

SIZES = st.lists(st.integers(20, 80), min_size=2, max_size=4)
FRACTIONS = st.floats(0.06, 1.0)
VALIDATIONS = st.sampled_from(["within", "full"])


def _labels(sizes: list[int]) -> np.ndarray[Any, np.dtype[np.int64]]:
    labels = np.repeat(np.arange(len(sizes)), sizes)
    return np.random.default_rng(0).permutation(labels)


def _split(
    labels: np.ndarray[Any, np.dtype[np.int64]],
    fraction: float,
    replicate: int = 0,
    seed: int = 0,
    *,
    validation: Validation = "within",
    val_split: float = 0.1,
) -> Split:
    num_classes = int(labels.max()) + 1
    return sample_split(labels, num_classes, fraction, replicate, seed, validation=validation, val_split=val_split)


def _sampled(split: Split) -> set[int]:
    return set(np.concatenate(split).tolist())


@given(sizes=SIZES, fraction=FRACTIONS, replicate=st.integers(0, 5), validation=VALIDATIONS)
def test_splits_are_disjoint_ascending_and_inside_the_task(
    sizes: list[int], fraction: float, replicate: int, validation: Validation
) -> None:
    labels = _labels(sizes)
    split = _split(labels, fraction, replicate, validation=validation)
    for part in split:
        assert part.dtype == np.int64
        assert (np.diff(part) > 0).all()
    assert len(_sampled(split)) == len(split.train) + len(split.validation)
    assert max(_sampled(split)) < len(labels)


@given(sizes=SIZES, fraction=FRACTIONS, val_split=st.floats(0.01, 0.99))
def test_within_takes_round_of_each_class_and_round_of_that_for_validation(
    sizes: list[int], fraction: float, val_split: float
) -> None:
    labels = _labels(sizes)
    split = _split(labels, fraction, val_split=val_split)
    sampled = [round(fraction * size) for size in sizes]
    kept = [round(val_split * count) for count in sampled]
    if not all(0 < share < count for share, count in zip(kept, sampled, strict=True)):
        kept = [0] * len(sizes)
    assert np.bincount(labels[split.validation], minlength=len(sizes)).tolist() == kept
    assert np.bincount(labels[split.train], minlength=len(sizes)).tolist() == [
        count - share for count, share in zip(sampled, kept, strict=True)
    ]


@given(sizes=SIZES, small=FRACTIONS, large=FRACTIONS, replicate=st.integers(0, 5))
def test_a_smaller_fraction_is_contained_in_a_larger_one(
    sizes: list[int], small: float, large: float, replicate: int
) -> None:
    small, large = sorted((small, large))
    labels = _labels(sizes)
    assert _sampled(_split(labels, small, replicate)) <= _sampled(_split(labels, large, replicate))
    full = [_split(labels, fraction, replicate, validation="full") for fraction in (small, large)]
    assert set(full[0].train.tolist()) <= set(full[1].train.tolist())


@given(
    sizes=SIZES,
    fractions=st.tuples(FRACTIONS, FRACTIONS),
    replicates=st.tuples(st.integers(0, 9), st.integers(0, 9)),
)
def test_full_validation_is_the_same_in_every_replicate_and_at_every_fraction(
    sizes: list[int], fractions: tuple[float, float], replicates: tuple[int, int]
) -> None:
    labels = _labels(sizes)
    first, second = (
        _split(labels, fraction, replicate, validation="full")
        for fraction, replicate in zip(fractions, replicates, strict=True)
    )
    np.testing.assert_array_equal(first.validation, second.validation)
    assert np.bincount(labels[first.validation]).tolist() == [round(0.1 * size) for size in sizes]
    assert not set(first.validation.tolist()) & set(second.train.tolist())


def test_full_fractions_are_of_what_validation_leaves() -> None:
    labels = _labels([100, 50])
    assert np.bincount(labels[_split(labels, 1.0, validation="full").train]).tolist() == [90, 45]
    assert np.bincount(labels[_split(labels, 0.1, validation="full").train]).tolist() == [9, 4]


def test_replicates_and_study_seeds_draw_different_images_and_repeat_exactly() -> None:
    labels = _labels([200, 200])
    hashes = [_split(labels, 0.1, replicate, seed).hash() for replicate in range(3) for seed in range(3)]
    assert len(set(hashes)) == 9
    assert _split(labels, 0.1, 2, 1).hash() == hashes[7]


def test_a_class_that_cannot_spare_an_image_means_no_validation_at_all() -> None:
    labels = _labels([100, 4])
    split = _split(labels, 1.0)
    assert len(split.validation) == 0
    assert len(split.train) == 104


def test_the_hash_sees_on_which_side_an_image_is() -> None:
    one, two = np.array([1]), np.array([2])
    assert (
        len(
            {
                Split(one, two).hash(),
                Split(two, one).hash(),
                Split(np.array([1, 2]), np.array([], int)).hash(),
            }
        )
        == 3
    )


def test_a_fraction_that_leaves_a_class_empty_names_class_fraction_and_what_is_usable() -> None:
    labels = _labels([100, 30])
    with pytest.raises(
        DataError, match=r"fraction 0.01 leaves no image of class 'cat'.*least usable fraction is 0\.017"
    ):
        sample_split(labels, 2, 0.01, 0, 0, validation="within", val_split=0.1, class_names=("dog", "cat"))
    with pytest.raises(DataError, match=r"fraction 0.01 leaves no image of class 'cat'.*0\.017"):
        check_fractions([100, 30], ("dog", "cat"), [1.0, 0.01])


def test_checking_beforehand_counts_what_full_validation_takes() -> None:
    check_fractions([100, 100], ("a", "b"), [0.0051], "within")
    with pytest.raises(DataError, match="which has 50 for training"):
        check_fractions([100, 100], ("a", "b"), [0.0051], "full", 0.5)


@pytest.mark.parametrize("fraction", [0.0, -0.1, 1.5, float("nan")])
def test_a_fraction_out_of_range_is_refused(fraction: float) -> None:
    with pytest.raises(DataError, match="a fraction must be in"):
        check_fractions([10, 10], ("a", "b"), [fraction])


def test_a_class_without_images_is_refused() -> None:
    with pytest.raises(DataError, match="class 'b' has no training image"):
        check_fractions([10, 0], ("a", "b"), [1.0])


@given(st.integers(1, 10**6))
def test_the_least_fraction_takes_an_image_and_three_quarters_of_it_none(count: int) -> None:
    least = least_fraction(count)
    assert round(least * count) >= 1
    assert round(0.75 * least * count) == 0
    assert least <= 1


def _folds(labels: np.ndarray[Any, np.dtype[np.int64]], fraction: float, num_folds: int) -> tuple[Split, list[Split]]:
    num_classes = int(labels.max()) + 1
    sample = _split(labels, fraction, validation="folds")
    return sample, fold_splits(sample, labels, num_classes, num_folds, 0, 0)


@given(sizes=st.lists(st.integers(2, 40), min_size=2, max_size=4), num_folds=st.integers(2, 7))
def test_every_image_is_held_out_once_by_a_model_that_knows_its_class(sizes: list[int], num_folds: int) -> None:
    labels = _labels(sizes)
    sample, folds = _folds(labels, 1.0, num_folds)
    assert np.array_equal(np.sort(np.concatenate([fold.validation for fold in folds])), sample.train)
    for fold in folds:
        assert np.array_equal(np.union1d(fold.train, fold.validation), sample.train)
        assert len(fold.train) + len(fold.validation) == len(sample.train)
        assert set(labels[fold.train]) == set(labels)


@given(sizes=st.lists(st.integers(2, 40), min_size=2, max_size=4), num_folds=st.integers(2, 7))
def test_folds_are_as_equal_as_can_be_as_a_whole_and_within_each_class(sizes: list[int], num_folds: int) -> None:
    labels = _labels(sizes)
    _, folds = _folds(labels, 1.0, num_folds)
    assert len(folds) == min(num_folds, len(labels))
    by_class = np.array([np.bincount(labels[fold.validation], minlength=len(sizes)) for fold in folds])
    assert np.ptp(by_class.sum(axis=1)) <= 1
    assert (np.ptp(by_class, axis=0) <= 1).all()


def test_the_only_image_of_a_class_is_trained_on_in_every_fold_and_held_out_in_none() -> None:
    labels = np.array([0, 1, 1, 1])
    _, folds = _folds(labels, 1.0, 5)
    assert sorted(np.concatenate([fold.validation for fold in folds]).tolist()) == [1, 2, 3]
    assert all(0 in fold.train for fold in folds)
    assert not _folds(np.array([0, 1, 2]), 1.0, 5)[1]


def test_folds_take_the_whole_sample_that_other_rules_take() -> None:
    labels = _labels([30, 50])
    assert set(_split(labels, 0.4, validation="folds").train.tolist()) == _sampled(_split(labels, 0.4))
    assert split_sizes([30, 50], 0.4, "folds") == (32, 32)
    assert training_sizes([30, 51], 0.4, "folds", 0.1, 5) == {32, 26, 25}
    sizes = {len(fold.train) for fold in _folds(_labels([30, 51]), 0.4, 5)[1]}
    assert sizes == {26, 25}


def test_replicates_divide_the_same_images_differently() -> None:
    labels = _labels([20, 20])
    sample = _split(labels, 1.0, validation="folds")
    one, other = (fold_splits(sample, labels, 2, 5, replicate, 0) for replicate in (0, 1))
    assert one[0].hash() != other[0].hash()
    assert splits_hash(sample, one) != splits_hash(sample, other)
    assert splits_hash(sample) == sample.hash()
