"""Numbers of images per class in a sample, its validation set and its folds: all that a plan needs to know."""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from typing import Literal

from layercut.data.groups import GroupCounts
from layercut.errors import DataError

Validation = Literal["within", "folds", "full", "given"]


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
        kept = validation_counts(counts, val_split)
        available = [count - share for count, share in zip(counts, kept, strict=True)]
    count, name = min(zip(available, class_names, strict=True), key=lambda pair: pair[0])
    if count == 0:
        raise DataError(f"class {name!r} has no training image, so no fraction of it can be used")
    for fraction in fractions:
        if not 0 < fraction <= 1:
            raise DataError(f"a fraction must be in (0, 1]; got {fraction:g}")
        if sample_count(count, fraction) == 0:
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
    groups: GroupCounts | None = None,
) -> tuple[int, int]:
    """Return how many training and validation images a replicate has; needs only the images of each class.

    `counts` are without the `num_given` images for validation alone. With `folds` the validation images are those that
    are predicted by a fold: all that are not alone in their class. With `groups` the numbers are those that whole
    groups come near to, and with `folds` an upper bound: a sample may have one group of a class that has several.
    """
    several = [count > 1 for count in groups.by_class] if groups else [True] * len(counts)
    totals = counts if validation == "full" else sample_counts(counts, fraction)
    if validation == "folds":
        return sum(totals), sum(total for total, able in zip(totals, several, strict=True) if able and total > 1)
    if validation == "given":
        return sum(totals), num_given
    kept = validation_counts(totals, val_split) if all(several) else [0] * len(counts)
    if validation == "within":
        return sum(totals) - sum(kept), sum(kept)
    return sum(sample_counts([count - share for count, share in zip(counts, kept, strict=True)], fraction)), sum(kept)


def training_sizes(
    counts: Sequence[int],
    fraction: float,
    validation: Validation,
    val_split: float,
    num_folds: int,
    groups: GroupCounts | None = None,
) -> Collection[int]:
    """Return how many images the models of one trial are trained on: one number, or also those of its folds.

    Whole groups make that a matter of the draw: then it is every number up to that of the sample.
    """
    if groups is not None and validation != "given":
        return range(1, sum(sample_counts(counts, fraction)) + 1)
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
    while sample_count(count, steps / 10**num_decimals) == 0:
        steps += 1
    return float(steps / 10**num_decimals)


def sample_count(count: int, fraction: float) -> int:
    """Return how many images a fraction takes of a class of `count`: draws and plans share it."""
    return round(fraction * count)


def sample_counts(counts: Sequence[int], fraction: float) -> list[int]:
    """Return how many images a fraction takes of each class."""
    return [sample_count(count, fraction) for count in counts]


def validation_counts(totals: Sequence[int], val_split: float) -> list[int]:
    """Return how many of each class are for validation; all 0 where a class cannot give one and keep one."""
    shares = [round(val_split * total) for total in totals]
    enough = all(0 < share < total for share, total in zip(shares, totals, strict=True))
    return shares if enough else [0] * len(shares)
