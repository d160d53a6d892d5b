"""A recommendation as HTML: the answer, the curve, what was tried."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

import pandas as pd

from layercut.charts import Axis, Chart, LegendEntry, Line, Panel, Point
from layercut.figures import words
from layercut.figures.names import cut_axis, padded, strategies_in_order, strategy_style
from layercut.files import explained, written_whole
from layercut.metrics import ACCURACY, NAMES, Metric
from layercut.notebook import Plot
from layercut.stats.design import cut_of, plain_rows

PAGE_NAME = "recommendation.html"

_STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 60rem; padding: 0 1rem;
  color: #1a1a1a; background: #fff; }
table { border-collapse: collapse; font-size: .9rem; } td, th { padding: .2rem .7rem; text-align: right; }
td:not(:first-child) { white-space: nowrap; }
td:first-child, th:first-child { text-align: left; } tr { border-bottom: 1px solid #ddd; }
td small { color: #555; display: block; } .recommended { background: #eef6ee; } summary { margin: 1rem 0 .5rem; }
pre { background: #f4f4f4; padding: .7rem; overflow: auto; }
"""


def as_html(lead: str, evidence: Sequence[str], table: pd.DataFrame, metric: Metric = ACCURACY) -> str:
    """Return what a notebook shows: text, curve and table."""
    lines = "".join(f"<li>{escape(line)}</li>" for line in evidence)
    plot = Plot((curve_chart(table, metric),), ("",)).html()
    return f"<p><b>{escape(lead)}</b></p><ul>{lines}</ul>{plot}{_tried(table, metric)}{_untried(table)}"


def write_page(output_dir: Path, title: str, body: str) -> Path:
    """Write the page into the output directory and return its path.

    Raises:
        UserError: it cannot be written.
    """
    path, name = output_dir / PAGE_NAME, escape(title)
    use = escape(
        f"layercut predict {output_dir} photo.jpg\nlayercut export-model {output_dir} --format onnx -o my-model"
    )
    load = escape(f'import layercut\n\nmodel = layercut.load_model("{output_dir / "model"}")')
    text = (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{name}</title>'
        f'<meta name="viewport" content="width=device-width"><style>{_STYLE}</style></head><body><h1>{name}</h1>'
        f"{body}<h4>Using the model</h4><p>In a terminal:</p><pre>{use}</pre><p>In Python:</p><pre>{load}</pre>"
        "</body></html>"
    )
    with explained(path), written_whole(path) as unfinished:
        unfinished.write_text(text, encoding="utf-8")
    return path


def curve_chart(table: pd.DataFrame, metric: Metric = ACCURACY) -> Chart:
    """Return out-of-fold accuracy, or other metric, by cut, a line a strategy at its best rate, a panel a model."""
    rows = table[(table["status"] == "tried") & table[metric].notna()]
    names = strategies_in_order(rows["strategy"])
    ends = [100 * value for column in ("low", "high") for value in rows[column]]
    limits = padded(min(ends, default=0.0), max(ends, default=100.0), 2.0)
    measure = table.attrs["measure"]
    axis = Axis(measure, "%", limits=limits)
    models = table.groupby("model", sort=False) if "model" in table else [("", table)]
    return Chart(
        name="recommendation",
        title="What was tried",
        panels=tuple(_panel(str(model), own, axis, metric) for model, own in models),
        caption=f"{NAMES[metric][0].upper()}{NAMES[metric][1:]} on images that were held out, at the best learning "
        "rate that was tried. Bars are Wilson's 95 % intervals over images. All points are measured on the same "
        "images, so overlapping bars do not mean that two points are equally good.",
        alt=f"{measure} in per cent by cut for {', '.join(names) or 'nothing'}.",
        legend_title="Strategy",
        legend=tuple(LegendEntry(name, strategy_style(name), "line") for name in names),
    )


def _panel(title: str, table: pd.DataFrame, axis: Axis, metric: Metric) -> Panel:
    rows = table[(table["status"] == "tried") & table[metric].notna()]
    rows = rows.sort_values(metric, ascending=False).drop_duplicates(["strategy", "cut"])
    cuts = sorted(table["cut"].unique())
    lines = tuple(
        Line(
            name,
            tuple(_point(row, cuts, metric) for row in plain_rows(rows[rows["strategy"] == name].sort_values("cut"))),
            strategy_style(name),
        )
        for name in strategies_in_order(rows["strategy"])
    )
    return Panel(title, cut_axis(map(int, cuts)), axis, lines=lines)


def _point(row: Mapping[Any, Any], cuts: list[int], metric: Metric) -> Point:
    rate = "" if math.isnan(row["rate"]) else f", rate {row['rate']:g}"
    note = f"cut {row['cut']}{rate}: {words.percent(row[metric])}"
    score, low, high = (100 * float(row[name]) for name in (metric, "low", "high"))
    return Point(cuts.index(int(row["cut"])), score, low, high, note=note)


def _tried(table: pd.DataFrame, metric: Metric) -> str:
    rows = table[table["status"] != "not tried"].to_dict("records")
    head = _head("Condition", "Learning rate", table.attrs["measure"], "95 % interval", "Log loss", "Time")
    return f"<table>{head}{''.join(_tried_row(row, metric) for row in rows)}</table>"


def _untried(table: pd.DataFrame) -> str:
    rows = table[table["status"] == "not tried"].to_dict("records")
    if not rows:
        return ""
    cells = "".join(
        f"<tr><td>{_name(row)}</td><td>{_rate(row)}</td><td>{words.duration(row['expected_seconds'])}</td></tr>"
        for row in rows
    )
    what = words.count(len(rows), "condition was", "conditions were")
    head = _head("Condition", "Learning rate", "Expected time")
    return f"<details><summary>{what} not tried</summary><table>{head}{cells}</table></details>"


def _head(*names: str) -> str:
    return f"<tr>{''.join(f'<th>{name}</th>' for name in names)}</tr>"


def _tried_row(row: Mapping[Any, Any], metric: Metric) -> str:
    mark = " (recommended)" if row["recommended"] else " (cannot be told apart)" if row["not_told_apart"] else ""
    treatment = f"<small>{escape(row['treatment'])}</small>" if row["treatment"] else ""
    what = f"<td>{_name(row)}{mark}{treatment}</td><td>{_rate(row)}</td>"
    start = '<tr class="recommended">' if row["recommended"] else "<tr>"
    if row["status"] == "failed":
        return f'{start}{what}<td colspan="4">failed</td></tr>'
    loss = words.NOTHING if math.isnan(row["log_loss"]) else f"{row['log_loss']:.3f}"
    span = f"{words.percent_number(row['low'])} to {words.percent(row['high'])}"
    cells = (words.percent(row[metric]), span, loss, words.duration(row["seconds"]))
    return f"{start}{what}{''.join(f'<td>{cell}</td>' for cell in cells)}</tr>"


def _name(row: Mapping[Any, Any]) -> str:
    of = f"{row['model']}: " if "model" in row else ""
    return escape(of + words.condition_name(str(row["strategy"]), cut_of(row)))


def _rate(row: Mapping[Any, Any]) -> str:
    return "" if math.isnan(row["rate"]) else f"{row['rate']:g}"
