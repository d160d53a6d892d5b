"""What the plan says of classes of very different size."""

from __future__ import annotations

from collections.abc import Iterator

from layercut.data.subset import TaskInfo
from layercut.errors import visible
from layercut.metrics import ACCURACY, Metric, are_unequal


def imbalance_note(metric: Metric, info: TaskInfo) -> Iterator[str]:
    """Say that a choice by accuracy is mostly one by the largest class, where it is."""
    if metric != ACCURACY or not are_unequal(info.train_counts):
        return
    by_size = sorted(zip(info.train_counts, info.class_names, strict=True), key=lambda pair: -pair[0])
    (most, largest), (least, smallest) = by_size[0], by_size[-1]
    yield (
        f"{info.label}: class {visible(largest)!r} has {most:,} training images and {visible(smallest)!r} {least:,}; "
        "accuracy, by which is chosen, is mostly that of the largest classes: `metric: balanced_accuracy` or "
        "`macro_f1` counts each class alike"
    )
