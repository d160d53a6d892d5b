"""How well each probe ranks sources by their worth: rank correlation by layer, one panel per probe."""

from __future__ import annotations

import math
from collections.abc import Hashable
from typing import Any

import pandas as pd

from layercut.charts import Axis, Chart, LegendEntry, Line, Panel, Point, Reference, Style
from layercut.figures.names import cut_style, fraction_label, layer_axis
from layercut.figures.study_tables import StudyTables
from layercut.metrics import NAMES
from layercut.stats import rank_by_layer
from layercut.stats.design import rows_of
from layercut.stats.metric import column_on_test

MOST_LINES = 8
"""Conditions beyond these are left out: the first ones of the table are drawn."""

_NONE = Reference(0.0, "no correlation", Style("muted", dash="dot"))
_TRUTHS = {"log_area": "area under validation accuracy at log-spaced points"} | {
    column_on_test(metric): f"mean test {name}" for metric, name in NAMES.items()
}


def compute(tables: StudyTables) -> Chart | None:
    """Return the chart, with the first source of its target and model; None for the others, and below four sources."""
    whole = tables.whole or tables
    if tables.results.empty or whole.probes.empty or not _first(tables, whole):
        return None
    table = rank_by_layer(whole.results, whole.probes)
    if table.empty:
        return None
    if tables.context is not None:
        table = rows_of(table, tables.context, any_source=True)
    return of_table(table)


def of_table(table: pd.DataFrame) -> Chart | None:
    """Return the chart for a table of `stats.rank_by_layer`, the first score of each probe; None without a number."""
    if table.empty:
        return None
    first = table.groupby("probe", sort=False)["score"].transform("first")
    known = table[(table["score"] == first) & table["spearman"].notna()]
    if known.empty:
        return None
    conditions = list(known[["strategy", "cut", "fraction"]].drop_duplicates().itertuples(index=False, name=None))
    conditions = conditions[:MOST_LINES]
    series = {point: (_condition(*point), cut_style(i, len(conditions))) for i, point in enumerate(conditions)}
    panels = tuple(_panel(rows, str(probe), series) for probe, rows in known.groupby("probe", sort=False))
    truths = " or ".join(_TRUTHS[truth] for truth in dict.fromkeys(map(str, table["truth"])))
    counts = sorted(int(n) for n in known["num_candidates"].unique())
    number = str(counts[0]) if len(counts) == 1 else f"{counts[0]} to {counts[-1]}"
    return Chart(
        name="probe_rank_correlation",
        title="Do probes predict which source transfers?",
        panels=panels,
        caption=f"Spearman's rank correlation, over {number} sources (counting checkpoints and seeds), between a "
        f"probe's score at each layer and the {truths} of the trials, a panel for each probe; (+) where higher scores "
        "should mean better transfer, (−) where lower. Bars: 95 % interval from Fisher's transformation, which treats "
        "sources as independent: too narrow where many are checkpoints of one training.",
        alt=f"Rank correlations of {', '.join(panel.title for panel in panels)} by layer, from "
        f"{known['spearman'].min():+.2f} to {known['spearman'].max():+.2f}.",
        legend_title="Condition",
        legend=(
            *(LegendEntry(name, style, "line") for name, style in series.values()),
            LegendEntry(_NONE.name, _NONE.style, "reference"),
        ),
    )


def _first(tables: StudyTables, whole: StudyTables) -> bool:
    if tables.context is None:
        return True
    same = rows_of(whole.results, tables.context, any_source=True)
    return len(same) > 0 and str(same["source"].iloc[0]) == tables.context.source


def _condition(strategy: str, cut: int, fraction: float) -> str:
    return f"{strategy} at cut {cut}, {fraction_label(fraction)}"


def _panel(rows: pd.DataFrame, probe: str, series: dict[tuple[str, int, float], tuple[str, Style]]) -> Panel:
    layers = list(dict.fromkeys(map(str, rows["layer"])))
    places = {layer: place for place, layer in enumerate(layers)}
    lines = []
    for (strategy, cut, fraction), (name, style) in series.items():
        own = rows[(rows["strategy"] == strategy) & (rows["cut"] == cut) & (rows["fraction"] == fraction)]
        points = tuple(
            _point({str(name): value for name, value in row.items()}, places) for row in own.to_dict("records")
        )
        lines += [Line(name, points, style)] if points else []
    sign = "+" if rows["direction"].iloc[0] == "higher" else "−"
    y = Axis("Spearman's correlation", limits=(-1.05, 1.05))
    return Panel(
        f"{probe} ({sign})",
        layer_axis(layers),
        y,
        lines=tuple(lines),
        references=(_NONE,),
    )


def _point(row: dict[Hashable, Any], places: dict[str, int]) -> Point:
    value, low, high, p = (float(row[name]) for name in ("spearman", "low", "high", "p"))
    known = not math.isnan(low)
    note = f"{row['layer']}: {value:+.2f} (95 % {low:+.2f} to {high:+.2f}, p = {p:.4f})".replace("-", "−")
    return Point(float(places[str(row["layer"])]), value, low if known else None, high if known else None, note)
