"""Which images `test_acc` was measured on: an accuracy is a count over a number of images, which gives it away.

A correct count over n images is a multiple of 1/n. The least common denominator of all accuracies of a file divides
the number of images that they were measured on, so it rules out numbers that it does not divide.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from fractions import Fraction
from math import gcd, lcm
from typing import Any, Literal, NamedTuple

from layercut.interop.mp_tl_study.files import ResultFile

Where = Literal["training", "test", "other", "unknown"]

_MOST_IMAGES = 1_000_000
"""Fractions of larger denominators cannot be told from rounding."""

_CHANCE = 1e-3
"""Accuracies over training images that happen to be accuracies over test images as well are no more likely."""

_TRAINING = {
    "mnist": (5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949),
    "fashion_mnist": (6000,) * 10,
    "cifar10": (5000,) * 10,
}
_TEST = {
    "mnist": (980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009),
    "fashion_mnist": (1000,) * 10,
    "cifar10": (1000,) * 10,
}
"""Images of each class in the published data sets."""


class MeasuredOn(NamedTuple):
    """What the accuracies of a file say about the images behind them."""

    where: Where
    num_images: int | None
    """How many they were, or a divisor of it where `where` is `other`; None where it is unknown."""
    num_training: int | None
    num_test: int | None
    """Of the target's classes; None where the dataset is not known."""


def measured_on(file: ResultFile, dataset: str) -> MeasuredOn:
    """Return which images of `dataset` the test accuracies of a file were measured on, as far as they tell."""
    values = {row["test_acc"] for row in file.rows}
    denominator = common_denominator(values)
    training, test = _num_images(dataset, file.parameters)
    if denominator is None or training is None or test is None:
        return MeasuredOn("unknown", None, training, test)
    fits_training, fits_test = training % denominator == 0, test % denominator == 0
    if fits_training and denominator > test:
        return MeasuredOn("training", training, training, test)
    if fits_test and (not fits_training or _unlikely(values, training, test)):
        return MeasuredOn("test", test, training, test)
    if not fits_training and not fits_test and denominator > 1:
        return MeasuredOn("other", denominator, training, test)
    return MeasuredOn("unknown", None, training, test)


def _unlikely(values: Iterable[float], training: int, test: int) -> bool:
    """Return whether shares of training images would hardly all be shares of test images as well."""
    telling = [value for value in values if value not in (0.0, 0.5, 1.0)]
    return bool((gcd(training, test) / training) ** len(telling) < _CHANCE)


def common_denominator(accuracies: Iterable[float]) -> int | None:
    """Return the least number of images that all accuracies can be shares of; None where there is none to find.

    Example:
        >>> common_denominator([0.25, 2 / 3])
        12
    """
    common = 1
    for accuracy in accuracies:
        fraction = Fraction(accuracy).limit_denominator(_MOST_IMAGES)
        common = lcm(common, fraction.denominator)
        if fraction.numerator / fraction.denominator != accuracy or common > _MOST_IMAGES:
            return None
    return common


def _num_images(dataset: str, parameters: Mapping[str, Any]) -> tuple[int | None, int | None]:
    """Return how many training and test images the target's classes have."""
    if dataset not in _TRAINING or parameters.get("fine_tune_task"):
        return None, None
    classes = parameters.get("fine_tune_classes") or range(len(_TRAINING[dataset]))
    if not all(isinstance(index, int) and 0 <= index < len(_TRAINING[dataset]) for index in classes):
        return None, None
    return sum(_TRAINING[dataset][index] for index in classes), sum(_TEST[dataset][index] for index in classes)


def measured_warnings(
    files: Sequence[ResultFile], targets: Sequence[str], found: Sequence[MeasuredOn | None]
) -> Iterator[str]:
    """Yield what a reader must know of the images behind the accuracies of each file; None: a file without any."""
    known = [(file, images) for file, images in zip(files, found, strict=True) if images is not None]
    for target in dict.fromkeys(targets):
        of_target = [pair for pair, of in zip(zip(files, found, strict=True), targets, strict=True) if of == target]
        told = [(file, images) for file, images in of_target if images is not None and images.where != "unknown"]
        if len({images[:2] for _, images in told}) > 1:
            listed = "; ".join(f"{file.path.name}: {words_of(images)}" for file, images in told)
            yield (
                f"The files about {target} were measured on different images, so a difference between trials of two "
                f"files is not one of training alone ({listed})."
            )
    for where in ("training", "test", "other", "unknown"):
        here = [(file, images) for file, images in known if images.where == where]
        for images in dict.fromkeys(images for _, images in here):
            names = ", ".join(file.path.name for file, other in here if other == images)
            yield f"{names}: {_sentence(images)}"


def words_of(images: MeasuredOn) -> str:
    """Return how many of which images were looked at, such as `29,404 training images`."""
    if images.where in ("training", "test"):
        return f"{images.num_images:,} {images.where} images"
    return f"a multiple of {images.num_images:,} images" if images.where == "other" else "unknown images"


def _sentence(images: MeasuredOn) -> str:
    if images.where == "unknown":
        return (
            "nothing tells which images test_acc was measured on; whether they were kept apart from the training "
            "images cannot be checked."
        )
    shares = f"all accuracies are multiples of 1/{images.num_images:,}"
    if images.where == "test":
        return f"{shares}, the number of test images of the target's classes: measured on test images."
    if images.where == "training":
        return (
            f"{shares}, the number of training images of the target's classes (there are {images.num_test:,} test "
            "images): test_acc was measured on training images, the sampled ones among them. At a large share of the "
            "data it is training accuracy."
        )
    return (
        f"{shares}, which is neither the number of test images ({images.num_test:,}) nor that of training images "
        f"({images.num_training:,}) of the target's classes: test_acc was measured on other images."
    )
