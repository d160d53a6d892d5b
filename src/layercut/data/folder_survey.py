"""Survey a folder of images: classes, counts and sizes, from listings and headers alone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from layercut.data.decode import upright_sizes
from layercut.data.folder import FolderOptions, labels_of, layout_of
from layercut.data.folder_layout import FolderLayout, Found
from layercut.errors import few, visible

_MOST_NAMES = 8
"""Classes and sizes that are told one by one."""


class Grouped(NamedTuple):
    """Which training images belong together, an entry each."""

    by: str
    """`folder`, or the column of the table that says it."""
    labels: NDArray[np.int64]
    names: tuple[str, ...]
    """Of the images' groups."""


class FolderSurvey(NamedTuple):
    """What was found; counts are in the order of `class_names`."""

    class_names: tuple[str, ...]
    train_counts: tuple[int, ...]
    """Training images; all images where the folder has no test split of its own."""
    test_counts: tuple[int, ...] | None
    """None where the folder has no test split of its own."""
    num_validation: int
    """Images of its own for validation alone."""
    sizes: dict[tuple[int, int], int]
    """Height and width to the number of images; first those that are met most."""
    groups: Grouped | None
    """What belongs together; None: each image stands alone."""
    notes: tuple[str, ...]
    """What its owner should know, a sentence each."""


def survey_folder(path: Path, group: str | None = None) -> FolderSurvey:
    """Look at a folder of images, or at the table of one, without decoding a pixel; `group` as in `FolderOptions`.

    Raises:
        DataError: there is no such folder, it is in no known layout, or a file in it is no image.
    """
    layout = layout_of(FolderOptions(path=path, group=group))
    names = layout.class_names
    everything = [*layout.train, *layout.validation, *(layout.test or ())]
    sizes = Counter(upright_sizes([image.path for image in everything]))
    return FolderSurvey(
        names,
        _counts(layout.train, names),
        None if layout.test is None else _counts(layout.test, names),
        len(layout.validation),
        dict(sizes.most_common()),
        _grouped(layout, group or "group"),
        layout.notes,
    )


def describe_survey(survey: FolderSurvey) -> Iterator[str]:
    """Yield what was found in a folder, a line each."""
    totals = list(survey.train_counts)
    if survey.test_counts is not None:
        totals = [own + test for own, test in zip(totals, survey.test_counts, strict=True)]
    classes = [f"{visible(name)} {count:,}" for name, count in zip(survey.class_names, totals, strict=True)]
    images = sum(totals) + survey.num_validation
    yield f"{images:,} images in {len(classes)} classes: {few(classes, _MOST_NAMES)}"
    sizes = [f"{width} x {height}" for height, width in survey.sizes]
    if survey.groups is not None:
        number = len(set(survey.groups.names))
        yield f"{number:,} groups (by {visible(survey.groups.by)}), each whole on one side of every division"
    if len(sizes) > _MOST_NAMES:
        yield f"{len(sizes):,} sizes (width x height in pixels), mostly {few(sizes, 3)}"
    else:
        yield f"width x height in pixels, most frequent first: {', '.join(sizes)}"
    if survey.test_counts is None:
        what = "some of each class" if survey.groups is None else "some groups of each class"
        yield f"no test images of their own: {what} are set aside for that"
    else:
        validation = f", {survey.num_validation:,} for validation" if survey.num_validation else ""
        train, test = sum(survey.train_counts), sum(survey.test_counts)
        yield f"{train:,} for training{validation}, {test:,} for tests, as in your folders"
    yield from map(visible, survey.notes)


def _grouped(layout: FolderLayout, by: str) -> Grouped | None:
    names = tuple(image.group for image in layout.train if image.group is not None)
    return Grouped(by, labels_of(layout.train, layout.class_names), names) if names else None


def _counts(images: Sequence[Found], class_names: Sequence[str]) -> tuple[int, ...]:
    count = Counter(image.class_name for image in images)
    return tuple(count[name] for name in class_names)
