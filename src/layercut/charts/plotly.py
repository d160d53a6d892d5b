"""Draw a `Chart` with plotly: one figure a panel, so that a page can lay the panels out for its width.

Legends are left to the page, which draws one for all panels from `Chart.legend`; traces carry the entry's
name.
"""

from __future__ import annotations

import html
from typing import Any

from layercut.charts.chart import Axis, BoxSeries, Cells, Chart, Line, Panel, Reference, Style
from layercut.charts.extent import dodge, extent
from layercut.charts.palette import LIGHT, SEQUENTIAL, Theme, readable_on, sequential

MAX_POINTS_SHOWN = 30
"""Boxes of at most so many values show each value."""

FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, sans-serif"

_SYMBOLS = {
    "circle": "circle",
    "square": "square",
    "diamond": "diamond",
    "triangle": "triangle-up",
    "triangle_down": "triangle-down",
    "cross": "x",
    "plus": "cross",
    "star": "star",
}


def panel_figures(chart: Chart, theme: Theme = LIGHT) -> list[dict[str, Any]]:
    """Return `{"data": [...], "layout": {...}}` for each panel: JSON that plotly.js and plotly.py draw.

    Text is escaped: a name that looks like markup is shown as it was given.
    """
    return [{"data": _traces(chart, panel, theme), "layout": _layout(chart, panel, theme)} for panel in chart.panels]


def _traces(chart: Chart, panel: Panel, theme: Theme) -> list[dict[str, Any]]:
    traces = [_boxes(series, panel, theme) for series in panel.boxes]
    for index, line in enumerate(panel.lines):
        traces.append(_line(line, dodge(panel.x, index, len(panel.lines)), panel, theme))
    traces += [_reference(reference, panel, theme) for reference in panel.references]
    if panel.cells is not None:
        traces.append(_cells(panel.cells, chart, panel))
    return traces


def _boxes(series: BoxSeries, panel: Panel, theme: Theme) -> dict[str, Any]:
    color = theme.color(series.style.color)
    name = html.escape(series.name)
    largest = max((len(box.values) for box in series.boxes), default=0)
    return {
        "type": "box",
        "name": name,
        "x": [box.at for box in series.boxes for _ in box.values],
        "y": [value for box in series.boxes for value in box.values],
        "offsetgroup": name,
        "boxpoints": "all" if largest <= MAX_POINTS_SHOWN else "outliers",
        "jitter": 0.55,
        "pointpos": 0,
        "quartilemethod": "linear",
        "marker": {"color": color, "size": 3.5, "opacity": 0.75, "symbol": _SYMBOLS[series.style.marker]},
        "line": {"color": color, "width": 1.4},
        "fillcolor": _faded(color, theme),
        "hovertemplate": f"{name}<br>%{{y:.1f}} {html.escape(panel.y.unit)}<extra></extra>",
        "hoveron": "points+boxes",
        "showlegend": False,
    }


def _line(line: Line, aside: float, panel: Panel, theme: Theme) -> dict[str, Any]:
    color = theme.color(line.style.color)
    log = panel.x.scale == "log"
    return {
        "type": "scatter",
        "mode": "lines+markers",
        "name": html.escape(line.name),
        "x": [point.x * 10**aside if log else point.x + aside for point in line.points],
        "y": [point.y for point in line.points],
        "error_y": {
            "type": "data",
            "symmetric": False,
            "array": [0 if point.high is None else point.high - point.y for point in line.points],
            "arrayminus": [0 if point.low is None else point.y - point.low for point in line.points],
            "color": color,
            "thickness": 1.3,
            "width": 2.5,
        },
        "marker": {"color": color, "size": 7, "symbol": _SYMBOLS[line.style.marker]},
        "line": {"color": color, "width": 1.8, "dash": line.style.dash},
        "text": [html.escape(point.note) for point in line.points],
        "hovertemplate": f"<b>{html.escape(line.name)}</b><br>%{{text}}<extra></extra>",
        "showlegend": False,
    }


def _reference(reference: Reference, panel: Panel, theme: Theme) -> dict[str, Any]:
    """A trace and no layout shape, so that the legend can hide it and hovering names it."""
    low, high = extent(panel.x) or (0.0, 1.0)
    if panel.x.scale == "log":
        low, high = 10**low, 10**high
    name = html.escape(reference.name)
    return {
        "type": "scatter",
        "mode": "lines",
        "name": name,
        "x": [low + (high - low) * step / 24 for step in range(25)],
        "y": [reference.y] * 25,
        "line": _stroke(reference.style, theme),
        "hovertemplate": f"{name}<br>%{{y:.1f}} {html.escape(panel.y.unit)}<extra></extra>",
        "showlegend": False,
    }


def _cells(cells: Cells, chart: Chart, panel: Panel) -> dict[str, Any]:
    low, high = chart.color_scale or (0.0, 1.0)
    last = len(SEQUENTIAL) - 1
    return {
        "type": "heatmap",
        "x": list(range(len(cells.columns))),
        "y": list(range(len(cells.rows))),
        "z": [list(row) for row in cells.values],
        "zmin": low,
        "zmax": high,
        "colorscale": [[step / last, color] for step, color in enumerate(SEQUENTIAL)],
        "showscale": False,
        "xgap": 2,
        "ygap": 2,
        "hoverongaps": False,
        "customdata": [[html.escape(f"{row}, {column}") for column in cells.columns] for row in cells.rows],
        "hovertemplate": f"%{{customdata}}<br>%{{z:.1f}} {html.escape(panel.y.unit or '%')}<extra></extra>",
    }


def _layout(chart: Chart, panel: Panel, theme: Theme) -> dict[str, Any]:
    layout: dict[str, Any] = {
        "font": {"family": FONT, "size": 12, "color": theme.ink},
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "margin": {"l": 58, "r": 12, "t": 8, "b": 50},
        "xaxis": _axis(panel.x, theme),
        "yaxis": _axis(panel.y, theme) | {"automargin": True},
        "showlegend": False,
        "boxmode": "group",
        "boxgap": 0.12,
        "boxgroupgap": 0.12,
        "dragmode": False,
        "hoverlabel": {"font": {"family": FONT, "size": 12}, "namelength": -1},
    }
    if panel.cells is not None:
        for axis in ("xaxis", "yaxis"):
            layout[axis] |= {"showgrid": False, "showline": False, "ticks": ""}
        layout["annotations"] = _numbers(panel.cells, chart)
    return layout


def _numbers(cells: Cells, chart: Chart) -> list[dict[str, Any]]:
    low, high = chart.color_scale or (0.0, 1.0)
    return [
        {
            "x": column,
            "y": row,
            "text": f"<b>{html.escape(text)}</b>" if (row, column) in cells.marked else html.escape(text),
            "showarrow": False,
            "font": {"size": 11, "color": readable_on(sequential((value - low) / ((high - low) or 1)))},
        }
        for row, (values, texts) in enumerate(zip(cells.values, cells.texts, strict=True))
        for column, (value, text) in enumerate(zip(values, texts, strict=True))
        if value is not None
    ]


def _axis(axis: Axis, theme: Theme) -> dict[str, Any]:
    described: dict[str, Any] = {
        "title": {"text": html.escape(axis.label), "font": {"size": 12, "color": theme.muted}, "standoff": 8},
        "type": "log" if axis.scale == "log" else "linear",
        "gridcolor": theme.grid,
        "linecolor": theme.grid,
        "zeroline": False,
        "showgrid": axis.scale != "category",
        "tickfont": {"size": 11, "color": theme.muted},
        "fixedrange": True,
    }
    if axis.ticks:
        described |= {
            "tickmode": "array",
            "tickvals": [tick.at for tick in axis.ticks],
            "ticktext": [html.escape(tick.label) for tick in axis.ticks],
            "tickangle": 0,
        }
    limits = extent(axis)
    return described | ({"range": list(limits)} if limits else {})


def _stroke(style: Style, theme: Theme) -> dict[str, Any]:
    return {"color": theme.color(style.color), "width": 1.6, "dash": style.dash}


def _faded(color: str, theme: Theme) -> str:
    """Return the colour as a translucent fill; a role may be dark or light, so its fill is a neutral grey."""
    if not color.startswith("#"):
        return "rgba(128,136,146,0.25)"
    red, green, blue = (int(color[start : start + 2], 16) for start in (1, 3, 5))
    return f"rgba({red},{green},{blue},0.22)"
