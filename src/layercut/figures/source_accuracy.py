"""Accuracy of each source on its own task during its training, one panel per model."""

from __future__ import annotations

import math
from collections.abc import Mapping

import pandas as pd

from layercut.charts import Axis, Chart, LegendEntry, Line, Panel, Point, Style, Tick
from layercut.figures.names import cut_style, padded
from layercut.figures.study_tables import StudyTables
from layercut.spec.points import LAST, moment
from layercut.stats.interval import mean_intervals


def compute(tables: StudyTables) -> Chart | None:
    """Return the chart, with the first context of a study; None for the others, and where nothing was pretrained."""
    whole = tables.whole or tables
    first = tables.context is None or whole.contexts()[0][0] == tables.context
    return of_table(tables.measured.sources) if first else None


def of_table(sources: pd.DataFrame) -> Chart | None:
    """Return the chart for what `layercut.load_sources` gives; None without a row."""
    if sources.empty:
        return None
    table = sources.assign(
        entry=sources["entry"].fillna(sources["source"]).astype(str),
        checkpoint=sources["checkpoint"].fillna(LAST).astype(str),
    )
    entries = sorted(table["entry"].unique())
    checkpoints = sorted(table["checkpoint"].unique(), key=moment)
    styles = {entry: cut_style(place, len(entries)) for place, entry in enumerate(entries)}
    accuracy = 100 * table["test_accuracy"]
    y = Axis("Test accuracy on the source's own task", "%", limits=padded(accuracy.min(), accuracy.max(), 2.0))
    panels = tuple(
        _panel(str(model), rows, checkpoints, y, styles) for model, rows in table.groupby("model", sort=True)
    )
    over = "moment of its training" if len(checkpoints) > 1 else "source"
    return Chart(
        name="source_accuracy",
        title="Accuracy of the sources on their own task",
        panels=panels,
        caption=f"Test accuracy of the source models on test images of the task they were trained on, by {over}, "
        "a panel for each model: mean over seeds, bars: 95 % bootstrap interval (BCa) of the mean where there are "
        "several. `last` has the weights with the best validation accuracy.",
        alt=f"Accuracy of {', '.join(entries)}, from {accuracy.min():.1f} to {accuracy.max():.1f} per cent.",
        legend_title="Source",
        legend=tuple(LegendEntry(entry, style, "line") for entry, style in styles.items()),
    )


def _panel(model: str, rows: pd.DataFrame, checkpoints: list[str], y: Axis, styles: Mapping[str, Style]) -> Panel:
    """Return the lines of one model over the moments of training, or one place a source where there is one moment."""
    along = len(checkpoints) > 1
    names = checkpoints if along else list(styles)
    column = "checkpoint" if along else "entry"
    lines = tuple(
        Line(entry, _points(rows[rows["entry"] == entry], column, names), style, connected=along)
        for entry, style in styles.items()
        if (rows["entry"] == entry).any()
    )
    ticks = tuple(Tick(place, name) for place, name in enumerate(names))
    x = Axis("Moment of pretraining" if along else "Source", scale="category", ticks=ticks)
    return Panel(model, x, y, lines=lines)


def _points(rows: pd.DataFrame, column: str, names: list[str]) -> tuple[Point, ...]:
    points = []
    for name, same in rows.groupby(column):
        values = 100 * same["test_accuracy"].to_numpy(dtype=float)
        ((low, high),) = mean_intervals([values])
        interval = [None if math.isnan(bound) else float(bound) for bound in (low, high)]
        note = f"{name}: {values.mean():.1f} % ({len(values)} seed{'s' if len(values) > 1 else ''})"
        place, mean = names.index(str(name)), float(values.mean())
        points.append(Point(place, mean, interval[0], interval[1], note))
    return tuple(sorted(points, key=lambda point: point.x))
