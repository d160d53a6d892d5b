"""Accuracy lost by choosing the cut with each probe, by fraction of the data, one panel per strategy, with nulls."""

from __future__ import annotations

import math

import pandas as pd

from layercut.charts import Axis, Cells, Chart, Panel, Tick
from layercut.figures.names import fraction_label, strategies_in_order
from layercut.figures.study_tables import StudyTables
from layercut.metrics import ACCURACY, NAMES


def compute(tables: StudyTables) -> Chart | None:
    """Return the chart for one context; None without probes, or where nothing was judged."""
    return of_board(tables.scoreboard, tables.metric)


def of_board(board: pd.DataFrame, metric: str = NAMES[ACCURACY]) -> Chart | None:
    """Return the chart for a scoreboard (`stats.scoreboard`) by a metric; None where nothing was judged."""
    own = board[board["scope"] == "cut"] if len(board) else board
    if own.empty or own["is_null"].all():
        return None
    strategies = strategies_in_order(own["strategy"].unique())
    fractions = sorted(float(f) for f in own["fraction"].unique())
    panels = tuple(_panel(own[own["strategy"] == name], name, fractions) for name in strategies)
    points = 100 * own["regret"]
    return Chart(
        name="probe_scoreboard",
        title="Choosing the cut by a probe",
        panels=panels,
        caption=f"Test {metric} lost, in points, by taking the cut that a probe scores best instead of the best cut, "
        "by fraction of the target's data, a panel for each strategy; the least mean loss on top. In brackets: rules "
        "that never look at the target's features, and nearest neighbours. Bold: loses no more there than a random "
        "cut, nearest neighbours or other studies do; some fixed cut is always the best one.",
        alt=f"Heat maps of {metric} lost for {', '.join(strategies)}, from {points.min():.1f} to {points.max():.1f} "
        "points.",
        color_scale=(float(points.min()), max(float(points.max()), float(points.min()) + 0.1)),
        color_title=f"Test {metric} lost (points)",
    )


def _panel(rows: pd.DataFrame, strategy: str, fractions: list[float]) -> Panel:
    regrets = 100 * rows.pivot_table(index="predictor", columns="fraction", values="regret")
    order = [str(name) for name in regrets.mean(axis=1).sort_values(kind="stable").index][::-1]  # rows go upwards
    nulls = set(rows.loc[rows["is_null"], "predictor"])
    rules = set(rows.loc[rows["is_null"] & (rows["kind"] != "fixed_cut"), "predictor"])  # some fixed cut always wins
    rivals = [name for name in order if name in rules]
    least = regrets.loc[rivals].min()
    values = tuple(tuple(_value(regrets, name, f) for f in fractions) for name in order)
    marked = tuple(
        (row, column)
        for row, name in enumerate(order)
        for column, fraction in enumerate(fractions)
        if (value := values[row][column]) is not None and name not in nulls and value <= least[fraction] + 1e-9
    )
    labels = tuple(f"[{name}]" if name in nulls else name for name in order)
    columns = tuple(map(fraction_label, fractions))
    return Panel(
        title=strategy,
        x=Axis("Fraction of the data", scale="category", ticks=tuple(Tick(i, name) for i, name in enumerate(columns))),
        y=Axis("Probe or rule", scale="category", ticks=tuple(Tick(i, name) for i, name in enumerate(labels))),
        cells=Cells(
            labels,
            columns,
            values,
            tuple(tuple("" if value is None else f"{value:.1f}" for value in row) for row in values),
            marked,
        ),
    )


def _value(regrets: pd.DataFrame, name: str, fraction: float) -> float | None:
    value = float(regrets[fraction].get(name, math.nan)) if fraction in regrets else math.nan
    return None if math.isnan(value) else value
