"""Test accuracy against parameters and operations: what a smaller model costs, and the Pareto front."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from operator import itemgetter
from typing import Any

import pandas as pd

from layercut.charts import Axis, Chart, LegendEntry, Line, Panel, Point, Style
from layercut.figures.chance import chance_caption, chance_entries, chance_lines, chance_of, down_to_chance
from layercut.figures.names import estimate_note, fraction_label, padded, size_axis, strategies_in_order, strategy_style
from layercut.figures.study_tables import StudyTables
from layercut.stats.design import cut_of, plain_rows, rows_by

_FRONT = Line("Pareto front", (), Style("ink", dash="dot"), marked=False)
_QUANTITIES = {
    "num_parameters": "Parameters of the model",
    "num_trained_parameters": "Trained parameters",
    "operations": "Operations for one image",
}


def compute(tables: StudyTables) -> Chart | None:
    """Return the chart of one context; None where the ledger knows no numbers of parameters."""
    rows = tables.estimates[tables.estimates["num_replicates"] > 0]
    sizes = tables.results.groupby("condition")["num_parameters"].mean().astype("float64")
    rows = rows.assign(num_parameters=rows["condition"].map(sizes), operations=_operations(tables, rows))
    counted = [name for name in _QUANTITIES if (rows[name] > 0).any() and rows[name].nunique() > 1]
    if not counted:
        return None
    listed = ", ".join(_QUANTITIES[name].lower() for name in counted)
    strategies = strategies_in_order(rows["strategy"].unique())
    chance = chance_of(tables)
    panels = tuple(
        _panel(fraction, [row for row in own if row[name] > 0], name, chance, tables.metric)
        for fraction, own in sorted(rows_by(plain_rows(rows), "fraction").items())
        for name in counted
    )
    legend = [LegendEntry(name, strategy_style(name), "point") for name in strategies]
    drawn = any(panel.references for panel in panels)
    return Chart(
        name="accuracy_by_parameters",
        title=f"Test {tables.metric} against parameters and operations",
        panels=panels,
        caption=f"Mean test {tables.metric} over replicates against the number of parameters of the model, the number "
        "that is trained, and, where known, against its floating-point operations for one image (a multiplication and "
        "an addition are two), a point for each condition; numbers beside points are cuts. Dotted line: the Pareto "
        "front, the conditions that no smaller one equals (on test data, so this is not a recommendation)."
        + chance_caption(tables, chance, drawn),
        alt=f"Points of mean test {tables.metric} in per cent against {listed} for {', '.join(strategies)}.",
        legend_title="Strategy",
        legend=(*legend, LegendEntry(_FRONT.name, _FRONT.style, "reference"), *chance_entries(drawn)),
        legend_facet="strategy",
        num_columns=len(counted),
    )


def pareto_front(sizes: list[float], scores: list[float]) -> list[int]:
    """Return the positions that no smaller or equal one equals or beats, the smallest first.

    Example:
        >>> pareto_front([1, 2, 3, 3], [0.5, 0.4, 0.9, 0.8])
        [0, 2]
    """
    front: list[int] = []
    for place in sorted(range(len(sizes)), key=lambda place: (sizes[place], -scores[place])):
        if not front or scores[place] > scores[front[-1]]:
            front.append(place)
    return front


def _operations(tables: StudyTables, rows: pd.DataFrame) -> list[float]:
    """Return the operations of each row's model for one image; NaN where the study's plan does not tell."""
    told = tables.results.attrs.get("plan", {}).get("operations_per_image", [])
    known = {(one["target"], one["model"]): one for one in told}
    found = []
    for target, model, strategy, cut in rows[["target", "model", "strategy", "cut"]].itertuples(index=False, name=None):
        one = known.get((target, model))
        left = one["blocks_left"].get(strategy) if one else None
        found.append(float(one["truncated"][left[cut]]) if one and left else math.nan)
    return found


def _panel(
    fraction: float, rows: Sequence[Mapping[str, Any]], quantity: str, chance: float | None, metric: str
) -> Panel:
    distinct = [own[0] for own in rows_by(rows, "condition").values()]
    sizes, scores = [row[quantity] for row in distinct], [row["mean"] for row in distinct]
    front = pareto_front(sizes, scores)
    best = {distinct[place]["condition"] for place in front}
    by_strategy = rows_by(rows, "strategy")
    lines = [
        Line(
            strategy,
            tuple(_point(row, quantity, best) for row in _own(by_strategy[strategy])),
            strategy_style(strategy),
            connected=False,
        )
        for strategy in strategies_in_order(by_strategy)
    ]
    points = tuple(Point(sizes[place], 100 * scores[place]) for place in front)
    lines.append(Line(_FRONT.name, points, _FRONT.style, marked=False))
    values = [100 * row["mean"] for row in rows]
    limits = padded(min(values, default=math.nan), max(values, default=math.nan), 2.0)
    limits = down_to_chance(limits, chance)
    return Panel(
        title=f"{fraction_label(fraction)} of the data",
        x=size_axis(_QUANTITIES[quantity], min(sizes, default=1.0), max(sizes, default=1.0)),
        y=Axis(f"Test {metric}", "%", limits=limits),
        lines=tuple(lines),
        references=chance_lines(limits, chance),
        fraction=fraction_label(fraction),
    )


def _own(rows: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    least = min(row["cut"] for row in rows)
    own = sorted(rows, key=itemgetter("cut"))
    return [row for row in own if not row["cutless"] or row["cut"] == least]


def _point(row: Mapping[str, Any], quantity: str, best: set[str]) -> Point:
    cut = cut_of(row)
    what = "operations" if quantity == "operations" else "parameters"
    label = str(cut) if cut is not None and row["condition"] in best else ""
    named = "" if cut is None else f"cut {cut}: "
    note = f"{named}{estimate_note(row)}, {float(row[quantity]):,.0f} {what}"
    return Point(
        float(row[quantity]),
        100 * float(row["mean"]),
        note=note,
        label=label,
    )
