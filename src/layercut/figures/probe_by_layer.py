"""Each probe's score by layer, one panel per probe and one line per fraction of the data."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import pandas as pd

from layercut.charts import Axis, Chart, LegendEntry, Line, Panel, Point, Style
from layercut.figures.names import cut_style, fraction_label, padded
from layercut.figures.probe_layers import LayerScores, layer_axis, layers_of, shown_scores
from layercut.figures.study_tables import StudyTables
from layercut.stats.interval import mean_intervals


def compute(tables: StudyTables) -> Chart | None:
    """Return the chart for the probes of one context; None without a score of a layer."""
    probes = tables.probes
    if probes.empty:
        return None
    fractions = sorted(float(f) for f in probes["fraction"].unique())
    series = {
        fraction: (fraction_label(fraction), cut_style(i, len(fractions))) for i, fraction in enumerate(fractions)
    }
    return _chart(probes, "fraction", series, "fraction of the data")


def by_model(probes: pd.DataFrame) -> Chart | None:
    """Return the chart that compares models: a line each; None without a score of a layer."""
    sources = list(dict.fromkeys(map(str, probes["source"])))
    series = {name: (name, cut_style(i, len(sources))) for i, name in enumerate(sources)}
    orders = _layers_by_source(probes)
    depths = [_depth(orders[source], layer) for source, layer in zip(probes["source"], probes["layer"], strict=True)]
    table = probes.assign(depth=depths).sort_values("depth", kind="stable")
    if len(set(orders.values())) == 1:
        table = table.drop(columns="depth")
    return _chart(table, "source", series, "model")


def _layers_by_source(probes: pd.DataFrame) -> dict[str, tuple[str, ...]]:
    """Return the layers of each model in order, those included of which only another of its architecture has a score.

    Random weights have nothing behind the last block, and a score may be undefined at any layer.
    """
    blocks = {}
    for _, rows in probes.groupby("model", sort=False):
        known = rows.dropna(subset="cut").drop_duplicates(["cut", "layer"])
        for source, own in rows.groupby("source", sort=False):
            of_one_kind = known["cut"].is_unique  # functions of one name in two modules have one label
            blocks[source] = _in_order(known if of_one_kind else own.dropna(subset="cut"))
    alike = {source: [other for other in blocks if blocks[other] == blocks[source]] for source in blocks}
    return {str(source): _in_order(probes[probes["source"].isin(same)]) for source, same in alike.items()}


def _in_order(rows: pd.DataFrame) -> tuple[str, ...]:
    """Return the layers by their cut, then those behind the blocks as they come."""
    cuts = rows.groupby("layer", sort=False)["cut"].max()
    return tuple(map(str, cuts.sort_values(kind="stable", na_position="last").index))


def _depth(layers: tuple[str, ...], layer: str) -> float:
    """Return where a layer lies among those of its model, 0..1: layers of different models share no other axis."""
    return layers.index(layer) / max(len(layers) - 1, 1)


def _chart(probes: pd.DataFrame, by: str, series: Mapping[Any, tuple[str, Style]], what: str) -> Chart | None:
    shown = [scores for scores in shown_scores(probes) if scores.rows["layer"].nunique() > 1]
    if not shown:
        return None
    layers = list(dict.fromkeys(layer for scores in shown for layer in layers_of(scores.rows)))
    panels = tuple(_panel(scores, by, series) for scores in shown)
    used = {line.name for panel in panels for line in panel.lines}
    return Chart(
        name="probe_by_layer",
        title="Probes by layer",
        panels=panels,
        caption=f"Mean score of each probe by layer, over replicates, a panel for each probe and a line for each "
        f"{what}; (+) where higher should mean better transfer, (−) where lower. Bars: 95 % bootstrap interval (BCa) "
        "of the mean, where there are several samples. Computed from features alone: no trial is involved.",
        alt=f"Lines of {', '.join(panel.title for panel in panels)} over layers {', '.join(layers)}.",
        legend_title=what.capitalize(),
        legend=tuple(LegendEntry(name, style, "line") for name, style in series.values() if name in used),
    )


def _panel(scores: LayerScores, by: str, series: Mapping[Any, tuple[str, Style]]) -> Panel:
    layers = layers_of(scores.rows)
    lines = tuple(
        Line(name, points, style)
        for value, (name, style) in series.items()
        if (points := _points(scores.rows[scores.rows[by] == value], scores.score, layers))
    )
    x = Axis("Depth (share of the model's layers)") if "depth" in scores.rows else layer_axis(layers)
    values = [value for line in lines for point in line.points for value in (point.y, point.low, point.high)]
    known = [value for value in values if value is not None]
    span = max(known) - min(known)
    sign = "+" if scores.direction == "higher" else "−"
    return Panel(
        f"{scores.label} ({sign})",
        x,
        Axis(scores.score, limits=padded(min(known), max(known), 0.1 * span or 0.1)),
        lines=lines,
    )


def _points(rows: pd.DataFrame, score: str, layers: list[str]) -> tuple[Point, ...]:
    groups = rows.groupby("layer")[score]
    depths = dict(zip(rows["layer"], rows["depth"], strict=True)) if "depth" in rows else {}
    points = []
    for place, layer in enumerate(layers):
        if layer in groups.groups:
            values = groups.get_group(layer).to_numpy(dtype=float)
            low, high = mean_intervals([values])[0].tolist()
            known = not math.isnan(low)
            note = f"{layer}: {values.mean():.4g} ({len(values)} samples)"
            x, mean = float(depths.get(layer, place)), float(values.mean())
            points.append(Point(x, mean, low if known else None, high if known else None, note))
    return tuple(sorted(points, key=lambda point: point.x))
