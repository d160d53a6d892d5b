"""Test images with their predictions."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from layercut.charts import Axis, Chart, Panel
from layercut.figures.kept_trials import shown_trials
from layercut.figures.pictures import picture
from layercut.figures.study_tables import StudyTables

MOST = 20
"""Examples shown of one trial."""


def compute(tables: StudyTables) -> Chart | None:
    """Return an example of each class for the best and the worst kept condition of one context; None without any."""
    panels, wrong, number = [], 0, 0
    for shown in shown_trials(tables):
        examples = shown.trial.examples()
        if examples.images.shape[1] not in (1, 3):
            continue
        images, labels, predicted = examples.images[:MOST], examples.labels[:MOST], examples.predicted[:MOST]
        panels.append(_panel(images, labels, predicted, shown.class_names, shown.title, shown.fraction))
        wrong, number = wrong + int((labels != predicted).sum()), number + len(labels)
    return _chart(panels, "The first test image of each class", wrong, number) if panels else None


def of_predictions(
    images: NDArray[np.uint8],
    labels: NDArray[np.int64],
    predicted: NDArray[np.int64],
    class_names: Sequence[str],
    title: str = "",
    most: int = 15,
) -> Chart | None:
    """Return at most `most` examples, two of three wrong where there are as many; None without images.

    Args:
        images: uint8 "n c h w".
        labels: int64 "n", the classes that are right.
        predicted: int64 "n".
        class_names: by position.
        title: of the panel, such as the condition.
        most: how many to show.

    Raises:
        ValueError: the lengths differ.
    """
    if not len(images) == len(labels) == len(predicted):
        raise ValueError(f"expected as many of each; got {len(images)}, {len(labels)} and {len(predicted)}")
    if not len(images):
        return None
    wrong, right = np.flatnonzero(labels != predicted), np.flatnonzero(labels == predicted)
    num_wrong = min(len(wrong), max(2 * most // 3, most - len(right)))
    places = [*wrong[:num_wrong], *right[: most - num_wrong]]
    panel = _panel(images[places], labels[places], predicted[places], class_names, title)
    return _chart([panel], "Test images, chosen to show mistakes", len(wrong), len(labels))


def _chart(panels: Sequence[Panel], what: str, wrong: int, number: int) -> Chart:
    return Chart(
        name="predicted_examples",
        title="Predicted examples",
        panels=tuple(panels),
        caption=f"{what}, with the predicted class; below it the true one where they differ (broken frame): {wrong:,} "
        f"of {number:,} are wrong.",
        alt=f"{sum(len(panel.pictures) for panel in panels)} test images with their predictions.",
    )


def _panel(
    images: NDArray[np.uint8],
    labels: NDArray[np.int64],
    predicted: NDArray[np.int64],
    class_names: Sequence[str],
    title: str,
    fraction: str = "",
) -> Panel:
    pictures = tuple(
        picture(
            image,
            str(class_names[taken]) + ("" if label == taken else f"\nis {class_names[label]}"),
            "right" if label == taken else "wrong",
        )
        for image, label, taken in zip(images, labels, predicted, strict=True)
    )
    return Panel(title=title, x=Axis(""), y=Axis(""), pictures=pictures, fraction=fraction)
