"""Images that belong together are on one side of every division."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.model_selection import StratifiedGroupKFold

from layercut.data.cache import load_dataset
from layercut.data.cache_entry import LoadedDataset
from layercut.data.content import Content, fingerprint
from layercut.data.groups import GroupCounts, count_groups, group_folds
from layercut.data.split_sizes import Validation, split_sizes, training_sizes
from layercut.data.splits import Split, fold_splits, sample_split, splits_hash
from layercut.data.subset import restrict, select_task, task_info
from layercut.data.view import ViewOptions, apply_view
from layercut.errors import DataError
from support.fake_datasets import random_images, write_image

Ints = np.ndarray[Any, np.dtype[np.int64]]
IMAGES = st.lists(st.tuples(st.integers(0, 2), st.integers(0, 9)), min_size=3, max_size=60)
"""Class and group of each image; a group may have images of several classes, a class may be in one group."""
FRACTIONS = st.floats(0.2, 1.0)


def _drawn(images: list[tuple[int, int]]) -> tuple[Ints, Ints]:
    """Return labels and groups in which every class has an image."""
    labels, groups = np.array([*images, (0, 0), (1, 1), (2, 2)], dtype=np.int64).T
    return labels, groups


def _split(
    labels: Ints, groups: Ints | None, validation: Validation, fraction: float = 1.0, replicate: int = 0, seed: int = 0
) -> Split:
    return sample_split(labels, 3, fraction, replicate, seed, validation=validation, val_split=0.2, groups=groups)


def _least(labels: Ints, fraction: float) -> float:
    """Return a fraction that leaves each class an image."""
    return max(fraction, 0.6 / np.bincount(labels, minlength=3).min())


@given(images=IMAGES, fraction=FRACTIONS, num_folds=st.integers(2, 6), seed=st.integers(0, 3))
def test_no_group_is_on_both_sides_of_a_fold(
    images: list[tuple[int, int]], fraction: float, num_folds: int, seed: int
) -> None:
    labels, groups = _drawn(images)
    sample = _split(labels, groups, "folds", min(1, _least(labels, fraction)), seed=seed)
    for fold in fold_splits(sample, labels, 3, num_folds, 0, seed, groups):
        assert not set(groups[fold.train]) & set(groups[fold.validation])
        assert len(fold.train)
        assert len(fold.validation)


@given(images=IMAGES, num_folds=st.integers(2, 6))
def test_every_image_of_a_class_in_several_groups_is_held_out_once_and_no_other(
    images: list[tuple[int, int]], num_folds: int
) -> None:
    labels, groups = _drawn(images)
    folds = fold_splits(_split(labels, groups, "folds"), labels, 3, num_folds, 0, 0, groups)
    several = [label for label in range(3) if len(set(groups[labels == label])) > 1]
    held_out = np.concatenate([np.empty(0, dtype=np.int64), *(fold.validation for fold in folds)])
    assert sorted(held_out.tolist()) == np.flatnonzero(np.isin(labels, several)).tolist()


@given(
    images=IMAGES,
    fraction=FRACTIONS,
    validation=st.sampled_from(["within", "full"]),
    replicate=st.integers(0, 2),
)
def test_no_group_is_in_training_and_validation_and_no_class_is_left_out(
    images: list[tuple[int, int]], fraction: float, validation: Validation, replicate: int
) -> None:
    labels, groups = _drawn(images)
    try:
        split = _split(labels, groups, validation, min(1, _least(labels, fraction)), replicate)
    except DataError as error:
        assert validation == "full"
        assert "leaves no image of class" in str(error)
        return
    assert not set(groups[split.train]) & set(groups[split.validation])
    assert set(labels[split.train]) == {0, 1, 2}
    assert set(labels[split.validation]) in (set(), {0, 1, 2})


def test_validation_comes_near_to_its_share_of_each_class_and_takes_whole_groups() -> None:
    rng = np.random.default_rng(0)
    labels, groups = rng.integers(0, 3, 600), rng.integers(0, 60, 600)
    for validation in ("within", "full"):
        split = _split(labels, groups, validation)
        wanted = [round(0.2 * count) for count in np.bincount(labels)]
        np.testing.assert_allclose(np.bincount(labels[split.validation]), wanted, atol=6)
        assert len(split.train) + len(split.validation) == 600


def test_the_images_of_a_sample_are_those_that_are_drawn_without_groups() -> None:
    rng = np.random.default_rng(0)
    labels, groups = rng.integers(0, 3, 300), rng.integers(0, 30, 300)
    for validation in ("within", "folds"):
        assert set(np.concatenate(_split(labels, groups, validation, 0.4))) == set(
            np.concatenate(_split(labels, None, validation, 0.4))
        )


def test_full_validation_is_of_the_same_groups_in_every_replicate_and_at_every_fraction() -> None:
    rng = np.random.default_rng(0)
    labels, groups = rng.integers(0, 3, 300), rng.integers(0, 30, 300)
    splits = [_split(labels, groups, "full", fraction, replicate) for fraction in (0.3, 1.0) for replicate in (0, 1)]
    assert len({tuple(split.validation) for split in splits}) == 1
    assert set(splits[0].train) < set(splits[2].train)


def test_the_seed_and_the_replicate_decide_how_groups_are_divided() -> None:
    rng = np.random.default_rng(0)
    labels, groups = rng.integers(0, 3, 300), rng.integers(0, 30, 300)
    sample = _split(labels, groups, "folds")

    def hashed(replicate: int, seed: int) -> str:
        return splits_hash(sample, fold_splits(sample, labels, 3, 5, replicate, seed, groups))

    assert hashed(0, 0) == hashed(0, 0)
    assert len({hashed(0, 0), hashed(1, 0), hashed(0, 1)}) == 3


def _inequality(labels: Ints, fold: Ints) -> float:
    """Return how unequal the shares of the classes in the folds are, as scikit-learn measures it."""
    counts = np.array([np.bincount(labels[fold == one], minlength=3) for one in range(5)])
    return float(np.std(counts / counts.sum(axis=0), axis=0).mean())


def test_folds_are_as_balanced_by_class_as_those_of_scikit_learn() -> None:
    ours, theirs = [], []
    for seed in range(30):
        rng = np.random.default_rng(seed)
        patients = rng.choice(40, 400, p=rng.dirichlet(np.ones(40)))
        groups = np.unique(patients, return_inverse=True)[1]
        labels = np.where(rng.random(400) < 0.8, groups % 3, rng.integers(0, 3, 400))
        ours.append(_inequality(labels, group_folds(labels, groups, 3, 5, rng).fold))
        fold = np.empty(400, dtype=np.int64)
        divided = StratifiedGroupKFold(5, shuffle=True, random_state=seed).split(labels, labels, groups)
        for number, (_, unseen) in enumerate(divided):
            fold[unseen] = number
        theirs.append(_inequality(labels, fold))
    assert np.mean(ours) <= 1.02 * np.mean(theirs)


def test_no_fold_gets_all_groups_of_a_class_while_another_can_take_one() -> None:
    labels = np.array([0] * 40 + [1] * 2 + [2] * 2)
    groups = np.array([*range(40), 50, 51, 60, 61])
    for seed in range(10):
        for fold in fold_splits(_split(labels, groups, "folds"), labels, 3, 2, 0, seed, groups):
            assert set(labels[fold.train]) == {0, 1, 2}


def test_a_group_of_a_class_alone_in_it_leaves_training_while_its_other_images_are_held_out() -> None:
    labels, groups = np.array([0, 0, 1, 1, 1, 1, 2]), np.array([7, 7, 7, 8, 8, 9, 5])
    folds = fold_splits(_split(labels, groups, "folds"), labels, 3, 5, 0, 0, groups)
    assert sorted(np.concatenate([fold.validation for fold in folds])) == [2, 3, 4, 5]
    assert {tuple(fold.validation): tuple(fold.train) for fold in folds} == {
        (2,): (3, 4, 5, 6),
        (3, 4): (0, 1, 2, 5, 6),
        (5,): (0, 1, 2, 3, 4, 6),
    }


def test_without_two_groups_of_each_class_nothing_validates() -> None:
    labels, groups = np.repeat([0, 1, 2], 20), np.array([*range(40), *[50] * 20])
    for validation in ("within", "full"):
        split = _split(labels, groups, validation)
        assert (len(split.train), len(split.validation)) == (60, 0)


def test_a_fraction_for_which_full_validation_leaves_too_little_is_refused() -> None:
    labels, groups = np.repeat([0, 1, 2], 10), np.repeat(np.arange(6), 5)
    assert len(_split(labels, groups, "full", 0.2).train) == 3
    with pytest.raises(DataError, match=r"fraction 0\.08 leaves no image of class '0', which has 5 for training"):
        _split(labels, groups, "full", 0.08)


def _patients(root: Path) -> Path:
    """Write ten patients, each with images of two classes; the last two are for tests."""
    rows = ["file_name,label,group,split"]
    for name, index in itertools.product("ab", range(30)):
        write_image(root / f"{name}{index:02}.png")
        rows.append(f"{name}{index:02}.png,{name},p{index % 10},{'train' if index % 10 < 8 else 'test'}")
    (root / "metadata.csv").write_text("\n".join(rows), encoding="utf-8")
    return root


def _load(root: Path, **options: object) -> LoadedDataset:
    return load_dataset("folder", {"path": str(root), **options}, root.parent, root.parent / "cache", False)


def test_groups_travel_through_the_cache_to_the_task(tmp_path: Path) -> None:
    root = _patients(tmp_path / "photos")
    made, opened = _load(root), _load(root)
    assert opened.groups is not None
    assert opened.groups.tolist() == [index % 10 for index in range(30) if index % 10 < 8] * 2
    task = restrict(opened, [1])
    assert task.groups is not None
    assert task.groups.tolist() == opened.groups[opened.train.labels == 1].tolist()
    assert made.fingerprint == opened.fingerprint
    assert fingerprint(opened.content._replace(groups=None)) != opened.fingerprint


def test_a_dataset_without_groups_has_the_fingerprint_that_it_always_had(tmp_path: Path) -> None:
    root = _patients(tmp_path / "photos")
    with_groups = _load(root)
    table = root / "metadata.csv"
    table.write_text(table.read_text().replace("group", "camera"), encoding="utf-8")
    without = _load(root)
    assert without.groups is None
    assert without.fingerprint == fingerprint(with_groups.content._replace(groups=None))


def test_a_view_keeps_the_groups_of_the_images_that_it_keeps() -> None:
    train, test = random_images([0, 1, 2, 2, 1, 0], 0), random_images([0, 1, 2], 1)
    content = Content(train, test, ("a", "b", "c"), groups=np.array([5, 6, 7, 8, 9, 5]))
    for options, kept in (
        ({"variant": "noise"}, [5, 6, 7, 8, 9, 5]),
        ({"groups": {"x": ["c"], "y": ["a"]}}, [5, 7, 8, 5]),
    ):
        seen = apply_view(content, ViewOptions.model_validate(options)).groups
        assert seen is not None
        assert seen.tolist() == kept


def test_a_plan_counts_groups_with_and_without_the_images(tmp_path: Path) -> None:
    loaded = _load(_patients(tmp_path / "photos"))
    info = task_info(loaded, None, "photos")
    assert info.groups == select_task(loaded, None).info("photos").groups
    assert info.groups is not None
    assert (info.groups.by_class, info.groups.number) == ((8, 8), 8)


def test_sizes_that_a_plan_expects_are_an_upper_bound_of_those_that_are_trained() -> None:
    rng = np.random.default_rng(0)
    labels, groups = rng.integers(0, 3, 90), rng.integers(0, 12, 90)
    counts = np.bincount(labels).tolist()
    for validation in ("within", "full", "folds"):
        expected = training_sizes(counts, 0.7, validation, 0.2, 5, count_groups(labels, groups, 3))
        sample = _split(labels, groups, validation, 0.7)
        folds = fold_splits(sample, labels, 3, 5, 0, 0, groups) if validation == "folds" else []
        assert {len(split.train) for split in (sample, *folds)} <= set(expected)
    assert split_sizes([10, 10], 1.0, "folds", groups=GroupCounts((1, 4), 4)) == (20, 10)
    assert split_sizes([10, 10], 1.0, "within", groups=GroupCounts((1, 4), 4)) == (20, 0)
