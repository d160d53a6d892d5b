"""Groups of images that stay together: all images of a patient, a camera or a video are on one side of every split.

Tables `counts` hold the images of each class (columns) in each group (rows).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray


class GroupCounts(NamedTuple):
    """What a plan needs to know of the groups of a task's training images."""

    by_class: tuple[int, ...]
    """Groups that have images of each class."""
    number: int
    """Groups that can be held out: those with images of a class that is in two groups or more."""


def count_groups(labels: NDArray[np.int64], groups: NDArray[np.int64], num_classes: int) -> GroupCounts:
    """Return how many groups there are, and how many of each class."""
    _, counts = _table(labels, groups, num_classes)
    by_class = (counts > 0).sum(axis=0)
    return GroupCounts(tuple(by_class.tolist()), int((counts[:, by_class > 1] > 0).any(axis=1).sum()))


def group_numbers(names: Sequence[str]) -> NDArray[np.int64]:
    """Return the number of each image's group among the sorted names of groups: Int64 "n"."""
    return np.unique(np.array(names), return_inverse=True)[1].astype(np.int64)


def held_out_groups(
    labels: NDArray[np.int64], groups: NDArray[np.int64], wanted: Sequence[int], priority: NDArray[np.int64]
) -> NDArray[np.bool_]:
    """Return which images are in groups that are held out: Bool "n".

    Groups come by `priority`. One is taken where that brings the classes nearer to the `wanted` images each; then, for
    a class that has none yet, the one that brings them nearest. A group that has the rest of a class is never taken.

    Args:
        groups: Int64 "n", each less than the length of `priority`.
        wanted: images to hold out of each class.
        priority: Int64: the place of each group.
    """
    rows, counts = _table(labels, groups, len(wanted))
    present = np.unique(groups)
    order = np.argsort(priority[present], kind="stable")
    totals, sums, goal = counts.sum(axis=0), np.zeros(len(wanted), dtype=np.int64), np.array(wanted)
    taken = np.zeros(len(counts), dtype=bool)

    def leaves_some(row: int) -> bool:
        return bool(((sums + counts[row] < totals) | (counts[row] == 0)).all())

    def distance_with(row: int) -> int:
        return int(abs(sums + counts[row] - goal).sum())

    for row in order.tolist():
        if distance_with(row) < abs(sums - goal).sum() and leaves_some(row):
            taken[row] = True
            sums += counts[row]
    for label in range(len(wanted)):
        able = [row for row in order.tolist() if counts[row, label] and not sums[label] and leaves_some(row)]
        if able:
            chosen = min(able, key=distance_with)
            taken[chosen] = True
            sums += counts[chosen]
    return taken[rows]


class GroupFolds(NamedTuple):
    """How whole groups are divided into folds."""

    fold: NDArray[np.int64]
    """Int64 "n": the fold of each image's group; -1: its group is trained on in every fold."""
    predicted: NDArray[np.bool_]
    """Bool "n": whether its class is in other groups, too, so that a model that has not seen this one knows it."""


def group_folds(
    labels: NDArray[np.int64],
    groups: NDArray[np.int64],
    num_classes: int,
    num_folds: int,
    generator: np.random.Generator,
) -> GroupFolds:
    """Divide whole groups into at most `num_folds` folds, none of them empty, stratified as far as groups allow.

    The largest groups come first, equal ones in a random order. Each joins the fold that has the least share of its
    classes; no fold gets all groups of a class while another can take one.
    """
    rows, counts = _table(labels, groups, num_classes)
    several = (counts > 0).sum(axis=0) > 1
    shuffled = generator.permutation(len(counts))
    by_size = shuffled[np.argsort(-counts[shuffled].sum(axis=1), kind="stable")]
    divided = [row for row in by_size.tolist() if counts[row, several].any()]
    fold_of_row = np.full(len(counts), -1, dtype=np.int64)
    number = min(num_folds, len(divided))
    held = np.zeros((number, num_classes), dtype=np.int64)
    totals = np.where(several, counts.sum(axis=0), 0)
    for place, row in enumerate(divided):
        empty = np.flatnonzero(held.sum(axis=1) == 0).tolist()
        able = empty if len(divided) - place <= len(empty) else range(number)
        chosen = _fold_for(counts[row], held, totals, able)
        held[chosen] += counts[row]
        fold_of_row[row] = chosen
    return GroupFolds(fold_of_row[rows], several[labels])


def _fold_for(group: NDArray[np.int64], held: NDArray[np.int64], totals: NDArray[np.int64], able: Iterable[int]) -> int:
    """Return the fold whose shares of the classes become least unequal; `totals` are 0 of classes that do not count."""
    counted = np.flatnonzero((group > 0) & (totals > 0))

    def cost(fold: int) -> tuple[int, float, int, int]:
        with_it = held[fold, counted] + group[counted]
        shares = held[fold, counted] * group[counted] / totals[counted] ** 2
        complete = int((with_it == totals[counted]).sum())
        return complete, math.fsum(shares.tolist()), int(held[fold].sum()), fold

    return min(able, key=cost)


def _table(
    labels: NDArray[np.int64], groups: NDArray[np.int64], num_classes: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the row of each image's group, and the images of each class in each group."""
    present, rows = np.unique(groups, return_inverse=True)
    counts = np.zeros((len(present), num_classes), dtype=np.int64)
    np.add.at(counts, (rows, labels), 1)
    return rows.astype(np.int64), counts
