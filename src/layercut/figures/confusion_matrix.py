"""Confusion matrices: which class is taken for which."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from layercut.charts import Axis, Cells, Chart, Panel, Tick
from layercut.figures.kept_trials import Shown, shown_trials
from layercut.figures.study_tables import StudyTables

MOST_NUMBERS = 20
"""With more classes than this, cells hold no numbers."""


_WHICH = (
    "One trial of each, its accuracy in brackets: the conditions with the highest and the lowest mean on these test "
    "images (so this is not a recommendation)."
)


def confusion_counts(labels: NDArray[np.int64], predicted: NDArray[np.int64], num_classes: int) -> NDArray[np.int64]:
    """Return how often each class (row) was predicted as each (column), int64 "k k".

    Raises:
        ValueError: the lengths differ, or a class is not in 0..num_classes-1.
    """
    if labels.shape != predicted.shape:
        raise ValueError(f"expected as many predictions as labels; got {predicted.shape} and {labels.shape}")
    both = np.concatenate([labels, predicted])
    if both.size and not 0 <= both.min() <= both.max() < num_classes:
        raise ValueError(f"expected classes in 0..{num_classes - 1}; got {both.min()}..{both.max()}")
    return np.bincount(labels * num_classes + predicted, minlength=num_classes**2).reshape(num_classes, num_classes)


def compute(tables: StudyTables) -> Chart | None:
    """Return the chart of one context, of its kept conditions with highest and lowest mean; None without any."""
    shown = shown_trials(tables)
    return of_trials(shown, "confusion_matrix", "Confusion matrix", _WHICH) if shown else None


def of_trials(shown: Sequence[Shown], name: str, title: str, remark: str) -> Chart:
    """Return the chart of some kept trials, a panel each."""
    panels = []
    for one in shown:
        rows = one.trial.predictions()
        labels, predicted = (rows[column].to_numpy(dtype=np.int64) for column in ("label", "predicted"))
        panels.append(_panel(labels, predicted, one.class_names, one.title, one.fraction))
    return _chart(panels, remark, name, title)


def of_predictions(
    labels: NDArray[np.int64], predicted: NDArray[np.int64], class_names: Sequence[str], title: str = ""
) -> Chart | None:
    """Return the chart: shares of each true class, numbers of images in the cells; None without images."""
    if not len(labels):
        return None
    accuracy = 100 * float((labels == predicted).mean())
    return _chart([_panel(labels, predicted, class_names, title)], f"{accuracy:.1f} % of all are predicted correctly.")


def _chart(
    panels: Sequence[Panel], remark: str, name: str = "confusion_matrix", title: str = "Confusion matrix"
) -> Chart:
    num_classes = len(panels[0].x.ticks)
    return Chart(
        name=name,
        title=title,
        panels=tuple(panels),
        caption="Test images of each true class (row) by predicted class (column): colour, the share of the row; "
        f"numbers, images. Bold: predicted correctly. {remark}",
        alt=f"Confusion matrices of {num_classes} classes: {', '.join(panel.title for panel in panels)}.",
        color_scale=(0.0, 100.0),
        color_title="Share of the true class (%)",
        num_columns=2,
    )


def _panel(
    labels: NDArray[np.int64],
    predicted: NDArray[np.int64],
    class_names: Sequence[str],
    title: str,
    fraction: str = "",
) -> Panel:
    counts = confusion_counts(labels, predicted, len(class_names))
    names = tuple(map(str, class_names))
    totals = counts.sum(axis=1)
    shares = tuple(
        tuple(100 * float(number) / int(total) if total else None for number in row)
        for row, total in zip(counts[::-1], totals[::-1], strict=True)
    )
    few = len(names) <= MOST_NUMBERS
    texts = tuple(tuple(str(number) if few and number else "" for number in row) for row in counts[::-1])
    last = len(names) - 1
    cells = Cells(names[::-1], names, shares, texts, marked=tuple((last - place, place) for place in range(len(names))))
    axes = _axis("Predicted class", names), _axis("True class", names[::-1])
    return Panel(title, *axes, cells=cells, fraction=fraction)


def _axis(title: str, names: Sequence[str]) -> Axis:
    return Axis(title, scale="category", ticks=tuple(Tick(place, name) for place, name in enumerate(names)))
