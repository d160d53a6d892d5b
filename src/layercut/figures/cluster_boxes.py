"""Box plots of how well clusters of a layer's features agree with classes, one panel per fraction of the data."""

from __future__ import annotations

import pandas as pd

from layercut.charts import Axis, Box, BoxSeries, Chart, LegendEntry, Panel, Style
from layercut.charts.palette import BLUE, GREEN, ORANGE, PURPLE, VERMILLION
from layercut.figures.names import fraction_label, padded
from layercut.figures.probe_layers import layer_axis, layers_of, shown_scores
from layercut.figures.study_tables import StudyTables

_COLORS = (BLUE, VERMILLION, GREEN, PURPLE, ORANGE)


def compute(tables: StudyTables) -> Chart | None:
    """Return the chart for the probes of one context; None where nothing was clustered."""
    shown = [scores for scores in shown_scores(tables.probes) if scores.score == "ari"]
    if not shown:
        return None
    styles = {scores.label: Style(_COLORS[place % len(_COLORS)]) for place, scores in enumerate(shown)}
    layers = list(dict.fromkeys(layer for scores in shown for layer in layers_of(scores.rows)))
    rows = pd.concat([scores.rows.assign(probe=scores.label) for scores in shown])
    fractions = sorted(float(f) for f in rows["fraction"].unique())
    panels = tuple(_panel(rows[rows["fraction"] == f], f, layers, styles) for f in fractions)
    return Chart(
        name="cluster_boxes",
        title="Agreement of clusters with classes",
        panels=panels,
        caption="Adjusted Rand index between clusters of the features of a layer and the classes, each replicate, by "
        "layer, a panel for each fraction of the data: 1 where clusters are the classes, 0 as by chance. Box: "
        "quartiles and median; whiskers: furthest value within 1.5 interquartile ranges.",
        alt=f"Box plots of the adjusted Rand index for layers {', '.join(layers)}, at "
        f"{', '.join(map(fraction_label, fractions))} of the data.",
        legend_title="Clustering",
        legend=tuple(LegendEntry(label, style, "box") for label, style in styles.items()),
    )


def _panel(rows: pd.DataFrame, fraction: float, layers: list[str], styles: dict[str, Style]) -> Panel:
    series = []
    for label, style in styles.items():
        groups = rows[rows["probe"] == label].groupby("layer")["ari"]
        boxes = tuple(
            Box(place, tuple(float(value) for value in groups.get_group(layer)))
            for place, layer in enumerate(layers)
            if layer in groups.groups
        )
        if boxes:
            series.append(BoxSeries(label, boxes, style))
    limits = padded(float(rows["ari"].min()), float(rows["ari"].max()), 0.1)
    y = Axis("Adjusted Rand index", limits=limits)
    return Panel(f"{fraction_label(fraction)} of the data", layer_axis(layers), y, boxes=tuple(series))
