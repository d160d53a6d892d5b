"""The first channels of each block for one image."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from layercut.charts import Axis, Chart, Panel
from layercut.figures.kept_trials import shown_trials
from layercut.figures.pictures import picture
from layercut.figures.study_tables import StudyTables

MOST = 10
"""Channels shown of each block."""


def compute(tables: StudyTables) -> Chart | None:
    """Return the maps of the first block in the kept conditions of one context; None where none are kept."""
    panels: list[Panel] = []
    image: list[Panel] = []
    for shown in shown_trials(tables):
        if not shown.trial.has_feature_maps:
            continue
        found = shown.trial.feature_maps()
        if not panels and found.image.shape[0] in (1, 3):
            image = [_image(found.image, f"test image, {shown.class_names[found.label]}")]
        panels.append(_panel(shown.title, found.maps, shown.fraction))
    return _chart([*panels, *image]) if panels else None


def _image(image: NDArray[np.uint8], title: str) -> Panel:
    return Panel(title=title, x=Axis(""), y=Axis(""), pictures=(picture(image),))


def _panel(name: str, maps: NDArray[np.floating], fraction: str) -> Panel:
    number = len(maps)
    channels = f"{min(MOST, number)} of {number} channels"
    pictures = tuple(picture(channel, str(place)) for place, channel in enumerate(maps[:MOST]))
    return Panel(title=f"{name}, {channels}", x=Axis(""), y=Axis(""), pictures=pictures, fraction=fraction)


def _chart(panels: Sequence[Panel]) -> Chart:
    return Chart(
        name="feature_maps",
        title="Feature maps",
        panels=tuple(panels),
        caption="Activations of the first channels of the first block for one test image; within each map, black is "
        "its least and white its greatest value. Numbers are channels.",
        alt=f"Feature maps: {'; '.join(panel.title for panel in panels)}.",
        num_columns=2,
    )
