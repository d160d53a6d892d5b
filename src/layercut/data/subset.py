"""A task: a dataset restricted to some classes, relabelled, without training images that are test images."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from layercut.data.base import DatasetInfo
from layercut.data.cache_entry import LoadedDataset
from layercut.data.classes import resolve_classes
from layercut.data.groups import GroupCounts, count_groups
from layercut.errors import DataError
from layercut.keys import content_key


@dataclass(frozen=True, eq=False)
class Task:
    """A dataset restricted to some classes; indices instead of copies of the images."""

    dataset: LoadedDataset
    train_index: NDArray[np.int64]
    """Int64 "n", ascending: the task's images in `dataset.train`, without duplicates."""
    train_labels: NDArray[np.int64]
    """Int64 "n", each in 0..num_classes-1, in the order the classes were given."""
    test_index: NDArray[np.int64]
    """Int64 "m", ascending: the task's images in `dataset.test`."""
    test_labels: NDArray[np.int64]
    class_names: tuple[str, ...]
    num_duplicates_dropped: int
    """Training images that equal a test image or an earlier training image of the task."""
    fingerprint: str
    """Hash of the dataset's fingerprint and the classes in their order."""
    num_validation: int = 0
    """So many of the last training images are for validation alone."""
    groups: NDArray[np.int64] | None = None
    """Int64 "n": training images of one number belong together; None where each stands for itself."""

    @property
    def num_classes(self) -> int:
        """Return the number of classes."""
        return len(self.class_names)

    def info(self, label: str) -> DatasetInfo:
        """Return what a plan needs to know, duplicates dropped."""
        train, test = (
            tuple(np.bincount(labels, minlength=self.num_classes).tolist())
            for labels in (self.train_labels[: len(self.train_labels) - self.num_validation], self.test_labels)
        )
        groups = _group_counts(self.train_labels, self.groups, self.num_validation, self.num_classes)
        shape = self.dataset.info().image_shape
        return DatasetInfo(self.class_names, shape, train, test, self.num_validation, groups, label)


def task_info(dataset: DatasetInfo | LoadedDataset, classes: Sequence[int | str] | None, label: str) -> DatasetInfo:
    """Return what a plan needs to know of a task, from published or read counts; duplicates are not dropped.

    Raises:
        DataError: as `resolve_classes`.
    """
    info = dataset.info() if isinstance(dataset, LoadedDataset) else dataset
    chosen = resolve_classes(classes, info.class_names)
    return DatasetInfo(
        tuple(info.class_names[index] for index in chosen),
        info.image_shape,
        tuple(info.train_counts[index] for index in chosen),
        tuple(info.test_counts[index] for index in chosen),
        info.num_validation,
        _chosen_groups(dataset, chosen) if isinstance(dataset, LoadedDataset) else None,
        label,
    )


def _chosen_groups(dataset: LoadedDataset, chosen: Sequence[int]) -> GroupCounts | None:
    if dataset.groups is None:
        return None
    new_label = _new_labels(dataset, chosen)[dataset.train.labels]
    trained_on = np.flatnonzero(new_label[: len(new_label) - dataset.num_validation] >= 0)
    return count_groups(new_label[trained_on], dataset.groups[trained_on], len(chosen))


def _group_counts(
    labels: NDArray[np.int64], groups: NDArray[np.int64] | None, num_validation: int, num_classes: int
) -> GroupCounts | None:
    trained_on = slice(len(labels) - num_validation)
    return None if groups is None else count_groups(labels[trained_on], groups[trained_on], num_classes)


def _new_labels(dataset: LoadedDataset, chosen: Sequence[int]) -> NDArray[np.int64]:
    """Return the label that each class of a dataset gets; -1 of those left out."""
    new_label = np.full(len(dataset.class_names), -1, dtype=np.int64)
    new_label[list(chosen)] = np.arange(len(chosen))
    return new_label


def select_task(dataset: LoadedDataset, classes: Sequence[int | str] | None) -> Task:
    """Restrict a dataset to some classes, relabelled 0, 1, ... in the order given; all where None.

    Training images that equal a test image of the task, or an earlier training image of it, are dropped, and those
    that equal an image for validation; test images never are.

    Raises:
        DataError: as `resolve_classes`; or dropping duplicates leaves a class without training images.
    """
    return restrict(dataset, resolve_classes(classes, dataset.class_names))


def restrict(dataset: LoadedDataset, chosen: Sequence[int]) -> Task:
    """Do as `select_task` for classes by their indices, whatever they are called.

    Raises:
        DataError: dropping duplicates leaves a class without training images.
    """
    class_names = tuple(dataset.class_names[index] for index in chosen)
    new_label = _new_labels(dataset, chosen)
    candidates = np.flatnonzero(new_label[dataset.train.labels] >= 0)
    test_index = np.flatnonzero(new_label[dataset.test.labels] >= 0)
    for_validation = candidates >= len(dataset.train.labels) - dataset.num_validation
    kept = _first_and_unseen(dataset.train_hashes[candidates], dataset.test_hashes[test_index], for_validation)
    train_index = candidates[kept]
    train_labels = new_label[dataset.train.labels[train_index]]
    num_validation = int(for_validation[kept].sum())
    trained_on = train_labels[: len(train_labels) - num_validation]
    emptied = np.flatnonzero(np.bincount(trained_on, minlength=len(chosen)) == 0)
    if len(emptied):
        raise DataError(
            f"class {class_names[emptied[0]]!r} has no training image that is not a copy of a test image or "
            f"of another training image; correct the data"
        )
    return Task(
        dataset,
        train_index,
        train_labels,
        test_index,
        new_label[dataset.test.labels[test_index]],
        class_names,
        len(candidates) - len(train_index),
        content_key("task", {"dataset": dataset.fingerprint, "classes": list(chosen)}),
        num_validation,
        None if dataset.groups is None else np.asarray(dataset.groups[train_index]),
    )


def _first_and_unseen(
    train_hashes: NDArray[np.uint8], test_hashes: NDArray[np.uint8], for_validation: NDArray[np.bool_]
) -> NDArray[np.bool_]:
    """Return which training images are the first of their content and equal no test image: Bool "n".

    Images for validation count as earlier than those that are trained on.
    """
    order = np.argsort(~for_validation, kind="stable")
    both = np.concatenate([test_hashes, train_hashes[order]])
    _, first = np.unique(both.view("V16").ravel(), return_index=True)
    unique = np.zeros(len(both), dtype=bool)
    unique[first] = True
    kept = np.empty(len(order), dtype=bool)
    kept[order] = unique[len(test_hashes) :]
    return kept
