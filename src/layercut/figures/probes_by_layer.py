"""Scores of probes by layer, a panel a score and a line a fraction: effective rank and all the others."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

from layercut.charts import Axis, Chart, Entry, Line, Panel, Point
from layercut.figures.cluster_boxes import PROBE as CLUSTERING
from layercut.figures.names import fraction_label, fraction_style, layer_axis, scores_of
from layercut.figures.study_tables import StudyTables


def compute(tables: StudyTables) -> Chart | None:
    """Return the chart of one context; None where no probe but the clustering has run."""
    rows = tables.probes[tables.probes["probe"] != CLUSTERING]
    fractions = sorted(float(value) for value in rows["fraction"].unique()) if len(rows) else []
    panels = tuple(_panels(rows, fractions))
    if not panels:
        return None
    return Chart(
        name="probes_by_layer",
        title="Probes by layer",
        panels=panels,
        caption="Scores of the source model's features at each layer, computed without training it, a panel for each "
        "score and a line for each share of the data: mean over replicates, bars from the least to the greatest. Each "
        "panel has its own axis.",
        alt=f"Lines by layer of {', '.join(panel.title for panel in panels)}.",
        legend_title="Share of the data",
        legend=tuple(
            Entry(fraction_label(fraction), fraction_style(place, len(fractions)), "line")
            for place, fraction in enumerate(fractions)
        ),
        legend_facet="fraction",
    )


def _panels(rows: pd.DataFrame, fractions: list[float]) -> Iterator[Panel]:
    for probe, own in rows.groupby("probe", sort=False):
        images = own[["dataset", "split"]].drop_duplicates()
        for (dataset, split), part in own.groupby(["dataset", "split"], sort=False):
            where = f", {dataset} {split}" if len(images) > 1 else ""
            for score in scores_of(part):
                name = str(probe) if score == probe else f"{probe}: {score}"
                yield _panel(f"{name}{where}", score, part.dropna(subset=[score]), fractions)


def _panel(title: str, score: str, rows: pd.DataFrame, fractions: list[float]) -> Panel:
    layers = list(dict.fromkeys(map(str, rows["layer"])))
    lines = []
    for place, fraction in enumerate(fractions):
        own = rows[rows["fraction"] == fraction].groupby("layer", sort=False)[score]
        points = tuple(_point(at, own.get_group(layer)) for at, layer in enumerate(layers) if layer in own.groups)
        if points:
            lines.append(Line(fraction_label(fraction), points, fraction_style(place, len(fractions))))
    return Panel(title, layer_axis(layers), Axis(score.replace("_", " ").capitalize()), lines=tuple(lines))


def _point(at: int, values: pd.Series) -> Point:
    mean, low, high = float(values.mean()), float(values.min()), float(values.max())
    note = f"{mean:.4g} ({low:.4g} to {high:.4g}, {len(values)} replicates)"
    return Point(at, mean, low if len(values) > 1 else None, high if len(values) > 1 else None, note)
