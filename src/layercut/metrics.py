"""The three metrics that a study may choose by: accuracy, balanced accuracy and macro F1.

All three follow from how many images of each class there are, were predicted, and were predicted rightly; those of
several folds add up. The mean over classes is over those whose value is defined: recall where a class has images, F1
where it has images or was predicted. A class that no image has and nobody predicted counts in neither; one that was
predicted although no image has it counts with an F1 of 0.

Reference:
    scikit-learn, `accuracy_score`, `balanced_accuracy_score` and `f1_score(average="macro")`: the same numbers.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Literal, NamedTuple, TypeAlias, get_args

import numpy as np
from numpy.typing import NDArray

Metric: TypeAlias = Literal["accuracy", "balanced_accuracy", "macro_f1"]

METRICS: tuple[Metric, ...] = get_args(Metric)

ACCURACY: Metric = "accuracy"
"""What a study chooses by unless it says otherwise."""

NAMES: Mapping[Metric, str] = {
    "accuracy": "accuracy",
    "balanced_accuracy": "balanced accuracy",
    "macro_f1": "macro F1",
}
"""As a sentence says it."""


class Scores(NamedTuple):
    """One set of predictions by each metric, in 0..1."""

    accuracy: float
    balanced_accuracy: float
    """Mean recall of classes."""
    macro_f1: float
    """Mean F1 of classes."""


class ClassCounts(NamedTuple):
    """How many images of each class there are."""

    actual: tuple[int, ...]
    """That are of it."""
    predicted: tuple[int, ...]
    """That were taken to be."""
    right: tuple[int, ...]
    """Both."""

    def scores(self) -> Scores:
        """Return all metrics.

        Raises:
            ValueError: there are no images.
        """
        actual, predicted, right = map(np.array, self)
        if not actual.sum():
            raise ValueError("expected at least one image to score predictions of; got none")
        there, named = actual > 0, actual + predicted > 0
        recalls = right[there] / actual[there]
        f1 = 2 * right[named] / (actual + predicted)[named]
        return Scores(float(right.sum() / actual.sum()), float(recalls.mean()), float(f1.mean()))

    def effective(self) -> float:
        """Return what `effective_images` says of these images."""
        return effective_images(self.actual)


def count_classes(labels: NDArray[np.int64], predictions: NDArray[np.int64], num_classes: int) -> ClassCounts:
    """Count predictions by class; both Int64 "n", each in 0..num_classes-1."""
    both = labels, predictions, labels[labels == predictions]
    return ClassCounts(*(tuple(np.bincount(values, minlength=num_classes).tolist()) for values in both))


def pooled(parts: Iterable[ClassCounts]) -> ClassCounts | None:
    """Return the counts of several sets of images as of one; None where there are none."""
    every = list(parts)
    return (
        ClassCounts(*(tuple(map(sum, zip(*counts, strict=True))) for counts in zip(*every, strict=True)))
        if every
        else None
    )


def effective_images(counts: Sequence[float]) -> float:
    """Return how many images in equal classes would tell a mean over classes as surely as these; 0 of none.

    The variance of a mean of shares, one a class, is that of a share of so many images where the shares are alike.

    Args:
        counts: images of each class.

    Example:
        >>> effective_images([50, 50]), round(effective_images([90, 10]), 2)
        (100.0, 36.0)
    """
    there = [count for count in counts if count > 0]
    return len(there) ** 2 / sum(1 / count for count in there) if there else 0.0


UNEQUAL = 4
"""So many times the images of another class, and accuracy is mostly that of the larger one."""


def are_unequal(counts: Sequence[float]) -> bool:
    """Return whether classes are of so different size that accuracy says little of the smallest."""
    there = [count for count in counts if count > 0]
    return len(there) > 1 and max(there) >= UNEQUAL * min(there)


def chance(metric: Metric, counts: Sequence[float]) -> float:
    """Return the most that guessing without a look at the image can be expected to give; NaN where there are no images.

    Of accuracy, the share of the most frequent class, which is always named. A mean of recalls is 1 / classes however
    one guesses, and a mean of F1 at most that, where each class is guessed as often as it occurs.

    Args:
        counts: images of each class.
    """
    there = [count for count in counts if count > 0]
    if not there:
        return float("nan")
    return max(there) / sum(there) if metric == ACCURACY else 1 / len(there)
