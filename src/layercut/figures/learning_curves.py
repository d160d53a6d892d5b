"""Loss and accuracy by epoch for the best cut of each strategy, one row of panels per fraction."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from layercut.charts import Axis, Chart, LegendEntry, Line, Panel, Point
from layercut.figures.names import epoch_axis, fraction_label, strategies_in_order, strategy_style
from layercut.figures.study_tables import StudyTables
from layercut.metrics import ACCURACY, NAMES
from layercut.stats import BestCut
from layercut.stats.metric import metric_of

MAX_POINTS = 80
"""Of longer curves so many epochs are drawn, closer together at the beginning."""


class _Quantity(NamedTuple):
    """What a row of panels shows."""

    column: str
    """Of the curves."""
    title: str
    name: str
    unit: str
    factor: float
    """What a value is multiplied by to be in the unit."""
    greatest: float
    """Possible value."""


def _quantities(tables: StudyTables) -> tuple[_Quantity, _Quantity]:
    """Return the loss, and what the best epoch is chosen by."""
    scored = metric_of(tables.results) != ACCURACY and tables.measured.curves["validation_score"].notna().any()
    column, name = ("validation_score", tables.metric) if scored else ("validation_accuracy", NAMES[ACCURACY])
    loss = _Quantity("train_loss", "Training loss", "loss", "", 1, math.inf)
    return loss, _Quantity(column, f"Validation {name}", name, "%", 100, 100.0)


class _Average(NamedTuple):
    """A quantity of one condition at one epoch, over replicates."""

    epoch: int
    mean: float
    std: float
    """NaN for one replicate."""
    num_replicates: int


def compute(tables: StudyTables) -> Chart | None:
    """Return the chart of one context; None where the ledger has no curves."""
    rows = tables.results[["strategy", "cut", "fraction", "condition"]].drop_duplicates(["strategy", "cut", "fraction"])
    keys = {(name, cut, fraction): str(key) for name, cut, fraction, key in rows.itertuples(index=False, name=None)}
    drawn = [(best, keys[best.strategy, best.cut, best.fraction]) for best in tables.best_by_strategy]
    drawn = [(best, key) for best, key in drawn if key in tables.measured.curve_rows]
    keys_drawn = list(dict.fromkeys(key for _, key in drawn))  # two strategies may be best where they are the same
    quantities = _quantities(tables)
    averages = {quantity: _averages(tables, keys_drawn, quantity) for quantity in quantities}
    panels = [
        panel
        for fraction in sorted({best.fraction for best, _ in drawn})
        for quantity, found in averages.items()
        if (panel := _panel(quantity, [(best, found[key]) for best, key in drawn if best.fraction == fraction])).lines
    ]
    if not panels:
        return None
    strategies = strategies_in_order({best.strategy for best, _ in drawn})
    return Chart(
        name="learning_curves",
        title="Learning curves",
        panels=tuple(panels),
        caption=f"Training loss and validation {quantities[1].name} by epoch of the best cut of each strategy at each "
        "fraction of the data: mean over replicates, band: one standard deviation to both sides, where such values "
        "exist. Epochs that at least half of the replicates reached are shown; later means are over those that had not "
        "stopped.",
        alt=f"Curves of loss and {quantities[1].name} by epoch for {', '.join(strategies)}.",
        legend_title="Strategy",
        legend=tuple(LegendEntry(name, strategy_style(name), "line") for name in strategies),
        legend_facet="strategy",
        num_columns=len(quantities),
        log_x_choice=True,
    )


def _averages(tables: StudyTables, conditions: Sequence[str], quantity: _Quantity) -> dict[str, list[_Average]]:
    """Return the average of each epoch that at least half of a condition's replicates reached, by condition."""
    if not conditions:
        return {}
    places = [tables.measured.curve_rows[condition] for condition in conditions]
    curves = tables.measured.curves[["replicate", "epoch", quantity.column]].iloc[np.concatenate(places)]
    curves = curves.assign(line=np.repeat(np.arange(len(places)), [len(place) for place in places]))
    curves = curves[np.isfinite(curves[quantity.column])]
    values = (curves[quantity.column] * quantity.factor).groupby([curves["line"], curves["epoch"]])
    replicates = curves.groupby("line")["replicate"].nunique()
    averages: dict[str, list[_Average]] = {condition: [] for condition in conditions}
    for (line, epoch), mean, std, count in values.agg(["mean", "std", "count"]).itertuples(name=None):
        if count >= replicates[line] / 2:
            averages[conditions[line]].append(_Average(epoch, mean, std, count))
    return averages


def _panel(quantity: _Quantity, rows: list[tuple[BestCut, list[_Average]]]) -> Panel:
    order = strategies_in_order(best.strategy for best, _ in rows)
    rows = sorted(rows, key=lambda row: order.index(row[0].strategy))
    lines = tuple(_line(best, averages, quantity.greatest) for best, averages in rows if averages)
    label = fraction_label(rows[0][0].fraction)
    return Panel(
        title=f"{label} of the data",
        x=epoch_axis(max((round(line.points[-1].x) for line in lines), default=1)),
        y=Axis(quantity.title, quantity.unit),
        lines=lines,
        fraction=label,
    )


def _line(best: BestCut, averages: list[_Average], greatest: float) -> Line:
    at = "" if best.cutless else f"cut {best.cut}, "
    points = []
    for epoch, mean, std, num_replicates in (averages[place] for place in _drawn(len(averages))):
        spread = 0.0 if math.isnan(std) else std
        note = f"{at}epoch {epoch}: {mean:.3g} ± {spread:.2g} ({num_replicates} replicates)"
        points.append(Point(epoch, mean, max(mean - spread, 0.0), min(mean + spread, greatest), note))
    return Line(best.strategy, tuple(points), strategy_style(best.strategy), marked=len(points) == 1, spread="band")


def _drawn(count: int) -> list[int]:
    """Return which of `count` epochs to draw."""
    if count <= MAX_POINTS:
        return list(range(count))
    places = np.concatenate([np.geomspace(1, count, MAX_POINTS // 2), np.linspace(1, count, MAX_POINTS // 2)])
    return sorted({round(place) - 1 for place in places})
