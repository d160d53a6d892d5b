"""Loss and accuracy by epoch, for the best cut of each strategy, a row of panels a fraction."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd

from layercut.charts import Axis, Chart, Entry, Line, Panel, Point
from layercut.figures.names import epoch_axis, fraction_label, strategies_in_order, strategy_style
from layercut.figures.study_tables import StudyTables
from layercut.stats import BestCut
from layercut.stats.design import CUTLESS

MAX_POINTS = 80
"""Of longer curves so many epochs are drawn, closer together at the beginning."""

_QUANTITIES = {"train_loss": "Training loss", "validation_accuracy": "Validation accuracy"}


def compute(tables: StudyTables) -> Chart | None:
    """Return the chart of one context; None where the ledger has no curves."""
    conditions = tables.results.drop_duplicates(["strategy", "cut", "fraction"])
    keys = conditions.set_index(["strategy", "cut", "fraction"])["condition"]
    found: dict[float, list[tuple[BestCut, pd.DataFrame]]] = {}
    for best in tables.best_by_strategy:
        curves = tables.curves(str(keys[(best.strategy, best.cut, best.fraction)]))
        if len(curves):
            found.setdefault(best.fraction, []).append((best, curves))
    panels = [
        panel
        for fraction in sorted(found)
        for panel in (_panel(fraction, quantity, found[fraction]) for quantity in _QUANTITIES)
        if panel.lines
    ]
    if not panels:
        return None
    strategies = strategies_in_order({best.strategy for rows in found.values() for best, _ in rows})
    return Chart(
        name="learning_curves",
        title="Learning curves",
        panels=tuple(panels),
        caption="Training loss and validation accuracy by epoch of the best cut of each strategy at each share of the "
        "data: mean over replicates, band: one standard deviation to both sides. Epochs that at least half of the "
        "replicates reached are shown; later means are over those that had not stopped.",
        alt=f"Curves of loss and accuracy by epoch for {', '.join(strategies)}.",
        legend_title="Strategy",
        legend=tuple(Entry(name, strategy_style(name), "line") for name in strategies),
        legend_facet="strategy",
        num_columns=len(_QUANTITIES),
        log_x_choice=True,
    )


def _panel(fraction: float, quantity: str, rows: list[tuple[BestCut, pd.DataFrame]]) -> Panel:
    share = quantity.endswith("accuracy")
    order = strategies_in_order(best.strategy for best, _ in rows)
    rows = sorted(rows, key=lambda row: order.index(row[0].strategy))
    lines = tuple(line for best, curves in rows if (line := _line(best, curves, quantity, 100 if share else 1)).points)
    return Panel(
        title=f"{fraction_label(fraction)} of the data",
        x=epoch_axis(max((round(line.points[-1].x) for line in lines), default=1)),
        y=Axis(_QUANTITIES[quantity], "%" if share else ""),
        lines=lines,
        fraction=fraction_label(fraction),
    )


def _line(best: BestCut, curves: pd.DataFrame, quantity: str, factor: float) -> Line:
    values = curves[np.isfinite(curves[quantity])]
    epochs = (values[quantity] * factor).groupby(values["epoch"]).agg(["mean", "std", "count"])
    epochs = epochs[epochs["count"] >= values["replicate"].nunique() / 2]
    at = "" if best.strategy in CUTLESS else f"cut {best.cut}, "
    points = []
    for place in _drawn(len(epochs)):
        epoch, row = int(str(epochs.index[place])), epochs.iloc[place]
        mean, spread = float(row["mean"]), 0.0 if math.isnan(row["std"]) else float(row["std"])
        note = f"{at}epoch {epoch}: {mean:.3g} ± {spread:.2g} ({int(row['count'])} replicates)"
        points.append(Point(epoch, mean, mean - spread, mean + spread, note))
    return Line(best.strategy, tuple(points), strategy_style(best.strategy), marked=len(points) == 1, spread="band")


def _drawn(count: int) -> list[int]:
    """Return which of `count` epochs to draw."""
    if count <= MAX_POINTS:
        return list(range(count))
    places = np.concatenate([np.geomspace(1, count, MAX_POINTS // 2), np.linspace(1, count, MAX_POINTS // 2)])
    return sorted({round(place) - 1 for place in places})
