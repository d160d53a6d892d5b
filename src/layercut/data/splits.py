"""Which images of a task a replicate is trained and validated on: stratified, nested, paired.

n_c = round(f * N_c) images of each class c are sampled, those of a smaller fraction contained in those of a larger
one; validation images come from the sample (`within`) or, once a study, from all images (`full`), or the dataset has
some of its own (`given`). With `folds` the whole sample is for training, and every image of it is predicted once by a
model that has not seen it.
"""

from __future__ import annotations

import hashlib
import itertools
import math
from collections.abc import Sequence
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from layercut.errors import DataError
from layercut.seeding import derive_seed

Validation = Literal["within", "folds", "full", "given"]


class Split(NamedTuple):
    """Positions of a task's training images, Int64, ascending, disjoint."""

    train: NDArray[np.int64]
    validation: NDArray[np.int64]
    """Empty where a class cannot spare an image."""

    def hash(self) -> str:
        """Return 32 hexadecimal digits that tell whether two splits hold the same images."""
        digest = hashlib.sha256(f"{len(self.train)} {len(self.validation)} ".encode())
        for part in self:
            digest.update(part.astype("<i8").tobytes())
        return digest.hexdigest()[:32]


def splits_hash(sample: Split, folds: Sequence[Split] = ()) -> str:
    """Return the hash of a sample; with folds, of how they divide it, too."""
    if not folds:
        return sample.hash()
    return hashlib.sha256(" ".join(split.hash() for split in (sample, *folds)).encode()).hexdigest()[:32]


def sample_split(
    train_labels: NDArray[np.int64],
    num_classes: int,
    fraction: float,
    replicate: int,
    study_seed: int,
    *,
    validation: Validation,
    val_split: float,
    class_names: Sequence[str] | None = None,
    num_given: int = 0,
) -> Split:
    """Draw the training and validation images of one replicate.

    Args:
        train_labels: Int64 "n": class of each training image of the task, 0..num_classes-1.
        fraction: how much of the training images to use, in (0, 1]; of those left by validation where that is `full`.
        validation: `within` takes `round(val_split * n_c)` of each class's sample; `full` takes
            `round(val_split * N_c)` of the class, the same images in every replicate and at every fraction.
            Where a class would give none, or keep none to train on, there is no validation at all.
            `folds` takes none: `fold_splits` divides the sample. `given` takes those of the dataset.
        val_split: fraction of validation images, in (0, 1).
        class_names: for errors.
        num_given: so many of the last images are for validation alone: never trained on, and used with `given` only.

    Raises:
        DataError: the fraction leaves a class without an image; the message has the least usable fraction.
    """
    given = np.arange(len(train_labels) - num_given, len(train_labels))
    members = _members_by_class(train_labels[: len(train_labels) - num_given], num_classes)
    counts = [len(positions) for positions in members]
    names = class_names or [str(index) for index in range(num_classes)]
    check_fractions(counts, names, [fraction], validation, val_split)
    draw = _draw_full if validation == "full" else _draw_within
    if validation in ("folds", "given"):
        set_aside = [0] * num_classes
    else:
        set_aside = _validation_counts(
            _sample_counts(counts, fraction) if validation == "within" else counts, val_split
        )
    parts = [
        draw(_Class(index, positions, num_validation), fraction, replicate, study_seed)
        for index, (positions, num_validation) in enumerate(zip(members, set_aside, strict=True))
    ]
    return Split(
        np.sort(np.concatenate([part.train for part in parts])),
        given if validation == "given" else np.sort(np.concatenate([part.validation for part in parts])),
    )


def fold_splits(
    sample: Split,
    train_labels: NDArray[np.int64],
    num_classes: int,
    num_folds: int,
    replicate: int,
    study_seed: int,
) -> list[Split]:
    """Divide the training images of a `folds` sample: each split trains on all but one fold and validates on that.

    Folds are stratified and as equal as can be. An image that is the only one of its class is trained on in every
    fold and predicted in none: held out, its class would be unknown to the model.

    Args:
        sample: what `sample_split` drew.
        train_labels: Int64 "n", of all training images of the task.
        num_folds: at least 2.

    Returns:
        At most `num_folds` splits, fewer where fewer images can be held out; none where fewer than two can.
    """
    members = _members_by_class(train_labels[sample.train], num_classes)
    shuffled = [
        sample.train[positions[_permutation(len(positions), study_seed, "folds", replicate, label)]]
        for label, positions in enumerate(members)
        if len(positions) > 1
    ]
    held_out = np.concatenate([np.empty(0, dtype=np.int64), *shuffled])
    number = min(num_folds, len(held_out))
    folds = [np.sort(held_out[fold::number]) for fold in range(number)]
    return [Split(np.setdiff1d(sample.train, fold, assume_unique=True), fold) for fold in folds]


def check_fractions(
    counts: Sequence[int],
    class_names: Sequence[str],
    fractions: Sequence[float],
    validation: Validation = "within",
    val_split: float = 0.1,
) -> None:
    """Refuse fractions that leave a class without a training image; needs only the images of each class.

    Args:
        counts: training images of each class.
        fractions: each in (0, 1].

    Raises:
        DataError: names class and fraction, and the least usable fraction.
    """
    available = list(counts)
    if validation == "full":
        kept = _validation_counts(counts, val_split)
        available = [count - share for count, share in zip(counts, kept, strict=True)]
    count, name = min(zip(available, class_names, strict=True), key=lambda pair: pair[0])
    if count == 0:
        raise DataError(f"class {name!r} has no training image, so no fraction of it can be used")
    for fraction in fractions:
        if not 0 < fraction <= 1:
            raise DataError(f"a fraction must be in (0, 1]; got {fraction:g}")
        if _sample_counts([count], fraction) == [0]:
            raise DataError(
                f"fraction {fraction:g} leaves no image of class {name!r}, which has {count} for training; "
                f"the least usable fraction is {least_fraction(count):g}"
            )


def split_sizes(
    counts: Sequence[int],
    fraction: float,
    validation: Validation = "within",
    val_split: float = 0.1,
    num_given: int = 0,
) -> tuple[int, int]:
    """Return how many training and validation images a replicate has; needs only the images of each class.

    `counts` are without the `num_given` images for validation alone. With `folds` the validation images are those that
    are predicted by a fold: all that are not alone in their class.
    """
    totals = counts if validation == "full" else _sample_counts(counts, fraction)
    if validation == "folds":
        return sum(totals), sum(total for total in totals if total > 1)
    if validation == "given":
        return sum(totals), num_given
    kept = _validation_counts(totals, val_split)
    if validation == "within":
        return sum(totals) - sum(kept), sum(kept)
    return sum(_sample_counts([count - share for count, share in zip(counts, kept, strict=True)], fraction)), sum(kept)


def training_sizes(
    counts: Sequence[int], fraction: float, validation: Validation, val_split: float, num_folds: int
) -> set[int]:
    """Return how many images the models of one trial are trained on: one number, or also those of its folds."""
    num_train, num_held_out = split_sizes(counts, fraction, validation, val_split)
    number = min(num_folds, num_held_out)
    if validation != "folds" or number < 2:
        return {num_train}
    return {num_train, num_train - num_held_out // number, num_train + -num_held_out // number}


def least_fraction(count: int) -> float:
    """Return the least fraction, in two significant digits, that takes an image of a class of `count`.

    Example:
        >>> least_fraction(5421)
        9.3e-05
    """
    exact = 0.5 / count
    num_decimals = 1 - math.floor(math.log10(exact))
    steps = math.floor(exact * 10**num_decimals)
    while _sample_counts([count], steps / 10**num_decimals) == [0]:
        steps += 1
    return float(steps / 10**num_decimals)


class _Class(NamedTuple):
    label: int
    positions: NDArray[np.int64]
    num_validation: int


def _sample_counts(counts: Sequence[int], fraction: float) -> list[int]:
    return [round(fraction * count) for count in counts]


def _validation_counts(totals: Sequence[int], val_split: float) -> list[int]:
    """Return how many of each class are for validation; all 0 where a class cannot give one and keep one."""
    shares = [round(val_split * total) for total in totals]
    enough = all(0 < share < total for share, total in zip(shares, totals, strict=True))
    return shares if enough else [0] * len(shares)


def _draw_within(members: _Class, fraction: float, replicate: int, study_seed: int) -> Split:
    """Sample a class, then give the sampled images that come first in a second order to validation."""
    label, positions, num_validation = members
    order = _permutation(len(positions), study_seed, "sample", replicate, label)
    sampled = order[: round(fraction * len(positions))]
    priority = _permutation(len(positions), study_seed, "validation", replicate, label)
    sampled = sampled[np.argsort(priority[sampled])]
    return Split(positions[sampled[num_validation:]], positions[sampled[:num_validation]])


def _draw_full(members: _Class, fraction: float, replicate: int, study_seed: int) -> Split:
    """Set validation images of a class aside, the same in every replicate, then sample the rest."""
    label, positions, num_validation = members
    aside = _permutation(len(positions), study_seed, "validation", label)
    rest = np.sort(aside[num_validation:])
    order = rest[_permutation(len(rest), study_seed, "sample", replicate, label)]
    return Split(positions[order[: round(fraction * len(rest))]], positions[aside[:num_validation]])


def _permutation(length: int, study_seed: int, *purpose: str | int) -> NDArray[np.int64]:
    generator = np.random.Generator(np.random.PCG64(derive_seed(study_seed, *purpose)))
    return generator.permutation(length)


def _members_by_class(labels: NDArray[np.int64], num_classes: int) -> list[NDArray[np.int64]]:
    """Return the positions of each class, ascending."""
    by_class = np.argsort(labels, kind="stable")
    starts = np.searchsorted(labels[by_class], np.arange(num_classes + 1))
    return [by_class[start:stop] for start, stop in itertools.pairwise(starts)]
