"""All settings of a study in one table: average training loss and accuracy, test accuracy, time."""

from __future__ import annotations

import math
from typing import TypeAlias

import pandas as pd

from layercut.charts import Axis, Cells, Chart, Panel, Tick
from layercut.figures.study_tables import StudyTables
from layercut.metrics import METRICS, NAMES
from layercut.stats.design import contexts
from layercut.stats.metric import column_on_test
from layercut.stats.settings import compare_settings, setting_names

MOST_ROWS = 40

Columns: TypeAlias = dict[str, tuple[str, float, int]]
"""Column of `compare_settings`, factor and decimals of what is printed, by title."""


def columns_of(table: pd.DataFrame) -> Columns:
    """Return the columns of what `compare_settings` returned that are printed."""
    metric = next(metric for metric in METRICS if column_on_test(metric) in table)
    return {
        "Average training loss": ("mean_train_loss", 1.0, 3),
        "Average training accuracy (%)": ("mean_train_accuracy", 100.0, 2),
        f"Test {NAMES[metric]} (%)": (column_on_test(metric), 100.0, 2),
        "Seconds per trial": ("seconds", 1.0, 1),
    }


def settings_of(tables: StudyTables) -> pd.DataFrame | None:
    """Return `compare_settings` of a whole study; None where it is one context or too long to look through."""
    if sum(1 for _ in contexts(tables.results)) < 2:
        return None
    table = compare_settings(tables.results, tables.measured.curves)
    return table if 1 < len(table) <= MOST_ROWS else None


def printed(table: pd.DataFrame) -> list[list[str]]:
    """Return the cells of each row as printed; nothing where nothing is known."""
    return [
        [
            "" if math.isnan(row[name]) else f"{factor * row[name]:.{digits}f}"
            for name, factor, digits in columns_of(table).values()
        ]
        for row in table.to_dict("records")
    ]


def compute(tables: StudyTables) -> Chart | None:
    """Return the chart of a whole study; None where it has no settings to compare, or very many."""
    table = settings_of(tables)
    if table is None:
        return None
    table = table[::-1].reset_index(drop=True)  # rows are drawn from below
    shown, metric = columns_of(table), tables.metric
    rows, columns = tuple(setting_names(table)), tuple(shown)
    shares = {name: _within(table[name]) for name, _, _ in shown.values()}
    values = tuple(tuple(shares[name][row] for name, _, _ in shown.values()) for row in range(len(table)))
    texts = tuple(tuple(texts) for texts in printed(table))
    best = columns.index(f"Test {metric} (%)")
    cells = Cells(rows, columns, values, texts, ((len(rows) - 1, best),), "% of the way from the column's lowest")
    return Chart(
        name="factor_table",
        title="All settings",
        panels=(Panel("", _axis("Quantity", columns), _axis("Setting", rows), cells=cells),),
        caption=f"Every setting of the study, the highest mean test {metric} on top. Training loss and accuracy are "
        "averages over all epochs of a trial; all numbers are means over replicates. Colour: within each column, from "
        "its lowest to its highest number.",
        alt=f"A table of {len(rows)} settings; {rows[-1]} has the highest test {metric}, {texts[-1][best]} per cent.",
        color_scale=(0.0, 100.0),
        color_title="Within each column, from lowest to highest (%)",
    )


def _within(values: pd.Series) -> list[float | None]:
    """Return where each number lies between the lowest (0) and the highest (100)."""
    low, span = float(values.min()), float(values.max() - values.min())
    return [None if math.isnan(value) else 100 * (value - low) / span if span else 0.0 for value in values]


def _axis(title: str, names: tuple[str, ...]) -> Axis:
    return Axis(title, scale="category", ticks=tuple(Tick(place, name) for place, name in enumerate(names)))
