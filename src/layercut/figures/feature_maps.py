"""What the first channels of each block make of one image."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from layercut.charts import Axis, Chart, Panel
from layercut.figures.pictures import picture


def compute(
    maps: Mapping[str, NDArray[np.floating]], image: NDArray[np.uint8] | None = None, most: int = 10
) -> Chart | None:
    """Return a panel a block; None where no block has maps.

    Args:
        maps: activations "c h w" by block; blocks without height and width are left out.
        image: uint8 "c h w", shown first.
        most: channels shown of each block.
    """
    panels = [
        Panel(
            title=f"{block}, {min(most, values.shape[0])} of {values.shape[0]} channels",
            x=Axis(""),
            y=Axis(""),
            pictures=tuple(picture(channel, str(place)) for place, channel in enumerate(values[:most])),
        )
        for block, values in maps.items()
        if values.ndim == 3
    ]
    if not panels:
        return None
    if image is not None:
        panels.insert(0, Panel(title="image", x=Axis(""), y=Axis(""), pictures=(picture(image),)))
    return Chart(
        name="feature_maps",
        title="Feature maps",
        panels=tuple(panels),
        caption="Activations of the first channels of each block for one image; within each map, black is its least "
        "and white its greatest value. Numbers are channels.",
        alt=f"Feature maps of {len(panels) - (image is not None)} blocks.",
    )
