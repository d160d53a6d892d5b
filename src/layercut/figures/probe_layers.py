"""Shared by the figures of probes: which scores they show, and layers on an axis."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import pandas as pd

from layercut.charts import Axis, Tick
from layercut.stats.boards import directions_of


class LayerScores(NamedTuple):
    """The first score of one probe on one task's images."""

    label: str
    score: str
    direction: str
    rows: pd.DataFrame


def shown_scores(probes: pd.DataFrame) -> Iterator[LayerScores]:
    """Yield each probe and data set; a probe that looks at images of two tasks is shown twice."""
    for label, directions in directions_of(probes).items():
        score, direction = next(iter(directions.items()))
        if score not in probes:
            continue
        own = probes[(probes["probe"] == label) & probes[score].notna()]
        for (dataset, split), rows in own.groupby(["dataset", "split"], sort=False):
            where = "" if (dataset, split) in (("target", "train"), ("none", "none")) else f", {dataset} {split}"
            yield LayerScores(f"{label}{where}", score, direction, rows)


def layers_of(rows: pd.DataFrame) -> list[str]:
    """Return the layers in the order of the model: by cut where each ends a block, else that of the records."""
    if "cut" in rows and rows["cut"].notna().all():
        rows = rows.sort_values("cut", kind="stable")
    return [str(layer) for layer in rows["layer"].drop_duplicates()]


def layer_axis(layers: list[str]) -> Axis:
    """Return a category axis with one place a layer."""
    return Axis("Layer", scale="category", ticks=tuple(Tick(place, name) for place, name in enumerate(layers)))
