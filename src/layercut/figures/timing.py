"""Seconds per trial by cut: what freezing saves."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd

from layercut.charts import Axis, Chart, LegendEntry, Line, Panel, Point
from layercut.figures.names import cut_axis, fraction_label, strategies_in_order, strategy_style
from layercut.figures.study_tables import StudyTables


def compute(tables: StudyTables) -> Chart | None:
    """Return the chart of one context; None where the ledger knows no times."""
    done = tables.finished
    timed = done[done["wall_seconds"] > 0]
    if timed.empty:
        return None
    strategies = strategies_in_order(timed["strategy"].unique())
    cuts = sorted(int(cut) for cut in timed["cut"].unique())
    panels = tuple(
        _panel(float(fraction), timed[timed["fraction"] == fraction], strategies, cuts)
        for fraction in sorted(timed["fraction"].unique())
    )
    return Chart(
        name="timing",
        title="Time of a trial",
        panels=panels,
        caption="Wall-clock seconds that a trial took on its worker, by number of blocks kept from the source: median "
        "over replicates, bars from the first to the third quartile. Features of a frozen trunk are computed once and "
        "not counted, nor is training the source models. scratch and finetune have no cut: one value at every cut.",
        alt=f"Lines of the median seconds of a trial for {', '.join(strategies)}.",
        legend_title="Strategy",
        legend=tuple(LegendEntry(name, strategy_style(name), "line") for name in strategies),
        legend_facet="strategy",
    )


def _panel(fraction: float, rows: pd.DataFrame, strategies: list[str], cuts: list[int]) -> Panel:
    lines = []
    for strategy in strategies:
        own = rows[rows["strategy"] == strategy]
        if len(own):
            lines.append(Line(strategy, _points(own, cuts), strategy_style(strategy)))
    highest = max(point.high or point.y for line in lines for point in line.points)
    return Panel(
        title=f"{fraction_label(fraction)} of the data",
        x=cut_axis(cuts),
        y=Axis("Time of a trial", "s", limits=(0.0, 1.08 * highest)),
        lines=tuple(lines),
        fraction=fraction_label(fraction),
    )


def _points(rows: pd.DataFrame, cuts: list[int]) -> tuple[Point, ...]:
    if rows["cutless"].iloc[0]:
        rows = rows.drop_duplicates("key")
        same = _point(0, rows["wall_seconds"])
        return tuple(replace(same, x=float(place)) for place in range(len(cuts)))
    by_cut = [(int(own["cut"].iloc[0]), own["wall_seconds"]) for _, own in rows.groupby("cut")]
    return tuple(_point(cuts.index(cut), seconds) for cut, seconds in by_cut)


def _point(place: int, seconds: pd.Series) -> Point:
    low, median, high = map(float, np.quantile(seconds.to_numpy(dtype=np.float64), (0.25, 0.5, 0.75)))
    note = f"median {median:.3g} s, quartiles {low:.3g} to {high:.3g} s, {len(seconds)} trials"
    return Point(place, median, low, high, note)
