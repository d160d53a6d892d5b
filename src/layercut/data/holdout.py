"""A held-out test split for datasets that have none of their own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from layercut.data.base import LabelledImages, RawImages
from layercut.data.groups import group_numbers, held_out_groups
from layercut.data.pieces import select_images
from layercut.errors import DataError
from layercut.seeding import derive_seed
from layercut.spec.base import StrictSpec

DEFAULT_TEST_SPLIT = 0.2


class HoldoutOptions(StrictSpec):
    """Options of a dataset that may have no test split of its own."""

    test_split: float = Field(
        default=DEFAULT_TEST_SPLIT,
        gt=0,
        lt=1,
        description="Fraction of each class set aside as test images where the dataset has no test split of its own.",
    )


class Holdout(NamedTuple):
    """Training and test images of one dataset."""

    train: RawImages
    test: RawImages


def hold_out_test(everything: LabelledImages | RawImages, class_names: Sequence[str], test_split: float) -> Holdout:
    """Keep `round(test_split * N_c)` images of each class c for testing.

    Which ones depends on the number of images only, not on the study's seed: every study of a dataset
    is tested on the same images. Order within both parts is that of `everything`.

    Raises:
        DataError: a class is too small to give an image to each part.
    """
    held_out = share_of_classes(everything.labels, class_names, test_split)
    return Holdout(_take(everything, ~held_out), _take(everything, held_out))


def share_of_classes(labels: NDArray[np.int64], class_names: Sequence[str], test_split: float) -> NDArray[np.bool_]:
    """Return which images `hold_out_test` keeps for testing: Bool "n".

    Raises:
        DataError: a class is too small to give an image to each part.
    """
    counts = np.bincount(labels, minlength=len(class_names)).tolist()
    held_out = np.zeros(len(labels), dtype=bool)
    for index, count in enumerate(holdout_counts(counts, class_names, test_split)):
        members = np.flatnonzero(labels == index)
        held_out[_generator(index).permutation(members)[:count]] = True
    return held_out


def share_of_groups(
    labels: NDArray[np.int64], groups: Sequence[str], class_names: Sequence[str], test_split: float
) -> NDArray[np.bool_]:
    """Return which images are kept for testing where groups stay whole: Bool "n".

    Groups come in an order that depends on their number only, and are taken as `held_out_groups` does.

    Raises:
        DataError: a class is too small, or its groups are too few, to give images to each part.
    """
    num_classes, numbers = len(class_names), group_numbers(groups)
    totals = np.bincount(labels, minlength=num_classes)
    wanted = holdout_counts(totals.tolist(), class_names, test_split)
    order = np.random.Generator(np.random.PCG64(derive_seed(0, "test groups"))).permutation(numbers.max() + 1)
    held_out = held_out_groups(labels, numbers, wanted, np.argsort(order))
    given = np.bincount(labels[held_out], minlength=num_classes)
    for label in np.flatnonzero((given == 0) | (given == totals)).tolist():
        num_groups = len(set(numbers[labels == label].tolist()))
        raise DataError(
            f"class {class_names[label]!r} has {num_groups} group{'s' if num_groups > 1 else ''}: whole groups cannot "
            "be split between training and test; add groups, or provide separate test images"
        )
    return held_out


def holdout_counts(counts: Sequence[int], class_names: Sequence[str], test_split: float) -> list[int]:
    """Return how many images of each class `hold_out_test` keeps for testing.

    Raises:
        DataError: a class is too small to give an image to each part.
    """
    num_test = [round(test_split * count) for count in counts]
    for name, count, share in zip(class_names, counts, num_test, strict=True):
        if not 0 < share < count:
            raise DataError(
                f"class {name!r} has {count} images: a test split of {test_split:g} would take {share},  "
                f"but training and test need at least one each; add images, or change `test_split`"
            )
    return num_test


def _generator(class_index: int) -> np.random.Generator:
    return np.random.Generator(np.random.PCG64(derive_seed(0, "test share", class_index)))


def _take(everything: LabelledImages | RawImages, mask: NDArray[np.bool_]) -> RawImages:
    return RawImages(select_images(everything.images, mask), everything.labels[mask])
