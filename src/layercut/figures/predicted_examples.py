"""Test images with what was predicted for them, the wrong ones first."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from layercut.charts import Axis, Chart, Panel
from layercut.figures.pictures import picture


def compute(
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
    pictures = tuple(
        picture(
            images[place],
            str(class_names[predicted[place]])
            + ("" if labels[place] == predicted[place] else f"\nis {class_names[labels[place]]}"),
            "right" if labels[place] == predicted[place] else "wrong",
        )
        for place in places
    )
    return Chart(
        name="predicted_examples",
        title="Predicted examples",
        panels=(Panel(title=title, x=Axis(""), y=Axis(""), pictures=pictures),),
        caption=f"Test images with the predicted class; below it the true one where they differ (broken frame). Chosen "
        f"to show mistakes: {len(wrong):,} of {len(labels):,} are wrong.",
        alt=f"{len(pictures)} test images with their predictions, {num_wrong} of them wrong.",
    )
