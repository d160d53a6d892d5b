"""The training and validation images of each replicate: stratified, nested, paired.

n_c = round(f * N_c) images of each class c are sampled, those of a smaller fraction contained in those of a larger
one; validation images come from the sample (`within`) or, once a study, from all images (`full`), or the dataset has
some of its own (`given`). With `folds` the whole sample is for training, and every image of it is predicted once by a
model that has not seen it. Images of one group are never on both sides.
"""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from layercut.data.groups import group_folds, held_out_groups
from layercut.data.split_sizes import Validation, check_fractions, sample_count, sample_counts, validation_counts
from layercut.seeding import derive_seed


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
    groups: NDArray[np.int64] | None = None,
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
        groups: Int64 "n": images of one number belong together. The sample is drawn image by image all the same;
            of it (`within`), or before it of all images (`full`), whole groups are taken for validation, which come
            near to the same share of each class. Where that leaves a class without, there is no validation at all.

    Raises:
        DataError: the fraction leaves a class without an image; the message has the least usable fraction.
    """
    given = np.arange(len(train_labels) - num_given, len(train_labels))
    members = _members_by_class(train_labels[: len(train_labels) - num_given], num_classes)
    counts = [len(positions) for positions in members]
    names = class_names or [str(index) for index in range(num_classes)]
    check_fractions(counts, names, [fraction], validation, val_split)
    if groups is not None and validation in ("within", "full"):
        return _draw_grouped(
            members, names, groups, fraction, replicate, study_seed, whole=validation == "full", val_split=val_split
        )
    draw = _draw_full if validation == "full" else _draw_within
    if validation in ("folds", "given"):
        set_aside = [0] * num_classes
    else:
        set_aside = validation_counts(sample_counts(counts, fraction) if validation == "within" else counts, val_split)
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
    groups: NDArray[np.int64] | None = None,
) -> list[Split]:
    """Divide the training images of a `folds` sample: each split trains on all but one fold and validates on that.

    Folds are stratified and as equal as can be. An image that is the only one of its class is trained on in every
    fold and predicted in none: held out, its class would be unknown to the model.

    Args:
        sample: what `sample_split` drew.
        train_labels: Int64 "n", of all training images of the task.
        num_folds: at least 2.
        groups: Int64, of all training images: those of one number are in one fold, and a class within one group is
            predicted in none. Such a group is trained on in every fold, unless it has images of other classes, too:
            while these are held out, those of that class are in neither part.

    Returns:
        At most `num_folds` splits, fewer where fewer images (or groups) can be held out; none where fewer than two can.
    """
    if groups is not None:
        purpose = _generator(study_seed, "group folds", replicate)
        own = train_labels[sample.train]
        divided = group_folds(own, groups[sample.train], num_classes, num_folds, purpose)
        return [
            Split(sample.train[divided.fold != fold], sample.train[(divided.fold == fold) & divided.predicted])
            for fold in range(divided.fold.max(initial=-1) + 1)
        ]
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


class _Class(NamedTuple):
    label: int
    positions: NDArray[np.int64]
    num_validation: int


def _draw_within(members: _Class, fraction: float, replicate: int, study_seed: int) -> Split:
    """Sample a class, then give the sampled images that come first in a second order to validation."""
    label, positions, num_validation = members
    order = _permutation(len(positions), study_seed, "sample", replicate, label)
    sampled = order[: sample_count(len(positions), fraction)]
    priority = _permutation(len(positions), study_seed, "validation", replicate, label)
    sampled = sampled[np.argsort(priority[sampled])]
    return Split(positions[sampled[num_validation:]], positions[sampled[:num_validation]])


def _draw_full(members: _Class, fraction: float, replicate: int, study_seed: int) -> Split:
    """Set validation images of a class aside, the same in every replicate, then sample the rest."""
    label, positions, num_validation = members
    aside = _permutation(len(positions), study_seed, "validation", label)
    rest = np.sort(aside[num_validation:])
    order = rest[_permutation(len(rest), study_seed, "sample", replicate, label)]
    return Split(positions[order[: sample_count(len(rest), fraction)]], positions[aside[:num_validation]])


def _draw_grouped(
    members: Sequence[NDArray[np.int64]],
    class_names: Sequence[str],
    groups: NDArray[np.int64],
    fraction: float,
    replicate: int,
    study_seed: int,
    *,
    whole: bool,
    val_split: float,
) -> Split:
    """Sample images and take whole groups for validation; first of all images where `whole`, the same every time.

    Raises:
        DataError: the fraction leaves a class without an image.
    """
    purpose: tuple[str | int, ...] = ("validation groups",) if whole else ("validation groups", replicate)
    priority = _permutation(int(groups.max()) + 1, study_seed, *purpose)

    def sampled(by_class: Sequence[NDArray[np.int64]]) -> list[NDArray[np.int64]]:
        check_fractions([len(positions) for positions in by_class], class_names, [fraction], "within")
        drawn = [
            _draw_within(_Class(label, own, 0), fraction, replicate, study_seed) for label, own in enumerate(by_class)
        ]
        return [part.train for part in drawn]

    def aside(by_class: Sequence[NDArray[np.int64]]) -> list[NDArray[np.bool_]]:
        counts = [len(positions) for positions in by_class]
        labels, wanted = np.repeat(np.arange(len(counts)), counts), validation_counts(counts, val_split)
        taken = held_out_groups(labels, groups[np.concatenate(by_class)], wanted, priority)
        parts = np.split(taken, np.cumsum(counts)[:-1])
        enough = any(wanted) and all(part.any() for part in parts)
        return parts if enough else [np.zeros(count, dtype=bool) for count in counts]

    pool = list(members) if whole else sampled(members)
    masks = aside(pool)
    rest = [own[~mask] for own, mask in zip(pool, masks, strict=True)]
    validation = [own[mask] for own, mask in zip(pool, masks, strict=True)]
    train = sampled(rest) if whole else rest
    return Split(np.sort(np.concatenate(train)), np.sort(np.concatenate(validation)))


def _permutation(length: int, study_seed: int, *purpose: str | int) -> NDArray[np.int64]:
    return _generator(study_seed, *purpose).permutation(length)


def _generator(study_seed: int, *purpose: str | int) -> np.random.Generator:
    return np.random.Generator(np.random.PCG64(derive_seed(study_seed, *purpose)))


def _members_by_class(labels: NDArray[np.int64], num_classes: int) -> list[NDArray[np.int64]]:
    """Return the positions of each class, ascending."""
    by_class = np.argsort(labels, kind="stable")
    starts = np.searchsorted(labels[by_class], np.arange(num_classes + 1))
    return [by_class[start:stop] for start, stop in itertools.pairwise(starts)]
