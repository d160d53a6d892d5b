"""Box plots of clustering scores by layer, a series a fraction: how well classes separate before any training."""

from __future__ import annotations

import pandas as pd

from layercut.charts import Axis, Box, BoxSeries, Chart, Entry, Panel
from layercut.figures.names import fraction_label, fraction_style, layer_axis, padded, scores_of
from layercut.figures.study_tables import StudyTables

PROBE = "clustering"
_SHARES = ("accuracy", "precision", "recall", "purity")
_NAMES = {"ari": "adjusted Rand index", "nmi": "normalised mutual information"}


def compute(tables: StudyTables) -> Chart | None:
    """Return the chart of one context; None without a clustering probe."""
    rows = tables.probes[tables.probes["probe"] == PROBE]
    scores = scores_of(rows)
    if rows.empty or not scores:
        return None
    layers = list(dict.fromkeys(map(str, rows["layer"])))
    fractions = sorted(float(value) for value in rows["fraction"].unique())
    several = len(rows[["dataset", "split"]].drop_duplicates()) > 1
    panels = tuple(
        _panel(score, f"{dataset} {split}" if several else "", part, layers, fractions)
        for (dataset, split), part in rows.groupby(["dataset", "split"], sort=False)
        for score in scores
        if part[score].notna().any()
    )
    images = " and ".join(f"{d} ({s})" for d, s in rows[["dataset", "split"]].drop_duplicates().itertuples(index=False))
    return Chart(
        name="cluster_boxes",
        title="Clustering of activations by layer",
        panels=panels,
        caption=f"Activations of the source model on images of the {images}, clustered layer by layer and compared "
        "with the classes; a box for each share of the data over replicates. Box: quartiles and median; whiskers: "
        "furthest value within 1.5 interquartile ranges. Each panel has its own axis.",
        alt=f"Box plots of {', '.join(scores)} for layers {layers[0]} to {layers[-1]}.",
        legend_title="Share of the data",
        legend=tuple(
            Entry(fraction_label(fraction), fraction_style(place, len(fractions)), "box")
            for place, fraction in enumerate(fractions)
        ),
        legend_facet="fraction",
    )


def _panel(score: str, images: str, rows: pd.DataFrame, layers: list[str], fractions: list[float]) -> Panel:
    percent = score in _SHARES
    values = rows[score].dropna() * (100 if percent else 1)
    series = []
    for place, fraction in enumerate(fractions):
        own = values[rows["fraction"] == fraction]
        groups = own.groupby(rows["layer"])
        boxes = tuple(
            Box(at, tuple(map(float, groups.get_group(layer))))
            for at, layer in enumerate(layers)
            if layer in groups.groups
        )
        if boxes:
            series.append(BoxSeries(fraction_label(fraction), boxes, fraction_style(place, len(fractions))))
    title = _NAMES.get(score, score)
    return Panel(
        title=f"{title}, {images}" if images else title,
        x=layer_axis(layers),
        y=Axis(
            title[0].upper() + title[1:],
            "%" if percent else "",
            limits=padded(float(values.min()), float(values.max()), 0.02),
        ),
        boxes=tuple(series),
    )
