"""What the first channels of each block make of one image."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

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
        panels.append(_panel(shown.title, found.maps, MOST, shown.fraction))
    return _chart([*panels, *image], "of the first block for one test image") if panels else None


def of_activations(
    maps: Mapping[str, NDArray[np.floating]], image: NDArray[np.uint8] | None = None, most: int = MOST
) -> Chart | None:
    """Return a panel a block; None where no block has maps.

    Args:
        maps: activations "c h w" by block; blocks without height and width are left out.
        image: uint8 "c h w", shown first.
        most: channels shown of each block.
    """
    panels = [_panel(block, values, most) for block, values in maps.items() if values.ndim == 3]
    if not panels:
        return None
    if image is not None:
        panels.insert(0, _image(image, "image"))
    return _chart(panels, "of each block for one image")


def _image(image: NDArray[np.uint8], title: str) -> Panel:
    return Panel(title=title, x=Axis(""), y=Axis(""), pictures=(picture(image),))


def _panel(name: str, maps: NDArray[np.floating], most: int, fraction: str = "") -> Panel:
    number = len(maps)
    channels = f"{min(most, number)} of {number} channels"
    pictures = tuple(picture(channel, str(place)) for place, channel in enumerate(maps[:most]))
    return Panel(title=f"{name}, {channels}", x=Axis(""), y=Axis(""), pictures=pictures, fraction=fraction)


def _chart(panels: Sequence[Panel], which: str) -> Chart:
    return Chart(
        name="feature_maps",
        title="Feature maps",
        panels=tuple(panels),
        caption=f"Activations of the first channels {which}; within each map, black is its least and white its "
        "greatest value. Numbers are channels.",
        alt=f"Feature maps: {'; '.join(panel.title for panel in panels)}.",
        num_columns=2,
    )
