"""Sample images of each task."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from layercut.charts import Axis, Chart, Panel
from layercut.figures.pictures import picture
from layercut.figures.study_tables import StudyTables

MOST_CLASSES = 20
"""Classes shown of one task."""


class Sample(NamedTuple):
    """Images of one task."""

    images: NDArray[np.uint8]
    """uint8 "n c h w"."""
    labels: NDArray[np.int64]
    """int64 "n", each a position in the class names."""
    class_names: Sequence[str]


def compute(tables: StudyTables) -> Chart | None:
    """Return the images of the source and the target of one context; None where none are kept."""
    return of_samples({kept.label: Sample(kept.images, kept.labels, kept.class_names) for kept in tables.images})


def of_samples(tasks: Mapping[str, Sample], num_of_class: int = 2) -> Chart | None:
    """Return a panel a task with the first images of each class, class by class; None without images."""
    panels = tuple(
        Panel(title=name, x=Axis(""), y=Axis(""), pictures=pictures)
        for name, sample in tasks.items()
        if sample.images.ndim == 4
        and sample.images.shape[1] in (1, 3)
        and (
            pictures := tuple(
                picture(sample.images[place], str(sample.class_names[label]))
                for label in range(min(len(sample.class_names), MOST_CLASSES))
                for place in np.flatnonzero(sample.labels == label)[:num_of_class]
            )
        )
    )
    if not panels:
        return None
    return Chart(
        name="sample_images",
        title="Images of the tasks",
        panels=panels,
        caption=f"The first training images of each class, at most {num_of_class}, with the name of the class.",
        alt=f"Sample images of {', '.join(panel.title for panel in panels)}.",
    )
