"""Plotly traces of everything that shares a pair of axes: boxes, bars, lines and references."""

from __future__ import annotations

import html
from collections.abc import Iterable
from typing import Any

from layercut.charts.chart import BarSeries, BoxSeries, Line, Panel, Point, Reference, Style
from layercut.charts.extent import crowded_points, extent, moved
from layercut.charts.palette import Theme
from layercut.charts.quartiles import quartiles

_DIGITS = 5

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
_PATTERNS = {
    "circle": "",
    "square": "/",
    "diamond": "x",
    "triangle": "\\",
    "triangle_down": "|",
    "cross": ".",
    "plus": "-",
    "star": "+",
}


def rounded(value: float) -> float:
    """Return the number with the digits that a page can show."""
    return float(f"{value:.{_DIGITS}g}")


def box_trace(series: BoxSeries, panel: Panel, theme: Theme, most_points: int) -> dict[str, Any]:
    """Return the boxes of a series, quartiles computed, with the values of boxes of at most `most_points`."""
    color = theme.color(series.style.color)
    name = html.escape(series.name)
    numbers = [quartiles(box.values) for box in series.boxes]
    largest = max((len(box.values) for box in series.boxes), default=0)
    every = largest <= most_points
    shown: Iterable[Iterable[float]] = (
        [box.values for box in series.boxes] if every else [five.outliers for five in numbers]
    )
    return {
        "type": "box",
        "name": name,
        "x": [box.at for box in series.boxes],
        "q1": [rounded(five.q1) for five in numbers],
        "median": [rounded(five.median) for five in numbers],
        "q3": [rounded(five.q3) for five in numbers],
        "lowerfence": [rounded(five.low) for five in numbers],
        "upperfence": [rounded(five.high) for five in numbers],
        # Where the first box has no values plotly draws none of them: a missing value stands for none.
        "y": [[rounded(value) for value in values] or [None] for values in shown],
        "offsetgroup": name,
        "boxpoints": "all",
        "jitter": 0.55 if every else 0,
        "pointpos": 0,
        "marker": {"color": color, "size": 3.5, "opacity": 0.75, "symbol": _SYMBOLS[series.style.marker]},
        "line": {"color": color, "width": 1.4},
        "fillcolor": _faded(color),
        "hovertemplate": f"{name}<br>%{{y:.4~g}} {html.escape(panel.y.unit)}<extra></extra>",
        "hoveron": "points+boxes",
        "showlegend": False,
    }


def bar_trace(series: BarSeries, panel: Panel, theme: Theme) -> dict[str, Any]:
    """Return the bars of a series with their intervals."""
    color = theme.color(series.style.color)
    name = html.escape(series.name)
    return {
        "type": "bar",
        "name": name,
        "x": [bar.at for bar in series.bars],
        "y": [rounded(bar.y) for bar in series.bars],
        "offsetgroup": name,
        "error_y": _errors([Point(bar.at, bar.y, bar.low, bar.high) for bar in series.bars], theme.ink, 0),
        "marker": {
            "color": color,
            "line": {"color": color, "width": 1},
            "pattern": {
                "shape": _PATTERNS[series.style.marker],
                "fillmode": "overlay",  # the other mode leaves what is between the strokes empty
                "fgcolor": theme.paper,
                "fgopacity": 0.45,
                "size": 6,
            },
        },
        "text": [html.escape(bar.note) for bar in series.bars],
        "textposition": "none",
        "hovertemplate": f"<b>{name}</b><br>%{{text}}<extra></extra>",
        "showlegend": False,
    }


def line_traces(line: Line, aside: float, panel: Panel, theme: Theme) -> list[dict[str, Any]]:
    """Return a line, and the band behind it where it has one."""
    color = theme.color(line.style.color)
    labelled = any(point.label for point in line.points)
    parts = [
        part for part, wanted in (("lines", line.connected), ("markers", line.marked), ("text", labelled)) if wanted
    ]
    size = 5.5 if not line.connected and crowded_points(panel) else 7
    banded = [point for point in line.points if point.low is not None and point.high is not None]
    trace: dict[str, Any] = {
        "type": "scatter",
        "mode": "+".join(parts),
        "name": html.escape(line.name),
        "x": [rounded(moved(panel, point.x, aside)) for point in line.points],
        "y": [rounded(point.y) for point in line.points],
        "marker": {"color": color, "size": size, "symbol": _SYMBOLS[line.style.marker]},
        "line": {"color": color, "width": 1.8, "dash": line.style.dash},
        "customdata": [html.escape(point.note) for point in line.points],
        "hovertemplate": f"<b>{html.escape(line.name)}</b><br>%{{customdata}}<extra></extra>",
        "showlegend": False,
    }
    if labelled:
        text = [html.escape(point.label) for point in line.points]
        trace |= {"text": text, "textposition": "top center", "textfont": {"size": 10.5}, "cliponaxis": False}
    if not banded:
        return [trace]
    if line.spread == "bars":
        return [trace | {"error_y": _errors(line.points, color, 2.5)}]
    lows, highs = [point.low or 0.0 for point in banded], [point.high or 0.0 for point in banded]
    xs = [rounded(point.x) for point in banded]
    band = {
        "type": "scatter",
        "mode": "lines",
        "name": html.escape(line.name),
        "x": xs + xs[::-1],
        "y": [rounded(value) for value in highs + lows[::-1]],
        "fill": "toself",
        "fillcolor": _faded(color, 0.16),
        "line": {"width": 0},
        "hoverinfo": "skip",
        "showlegend": False,
    }
    return [band, trace]


def reference_trace(reference: Reference, panel: Panel, theme: Theme) -> dict[str, Any]:
    """Return a trace and no layout shape, so that the legend can hide it and hovering names it."""
    low, high = extent(panel.x) or (0.0, 1.0)
    if panel.x.scale == "log":
        low, high = 10**low, 10**high
    name = html.escape(reference.name)
    return {
        "type": "scatter",
        "mode": "lines",
        "name": name,
        "x": [rounded(low + (high - low) * step / 24) for step in range(25)],
        "y": [rounded(reference.y)] * 25,
        "line": _stroke(reference.style, theme),
        "hovertemplate": f"{name}<br>%{{y:.1f}} {html.escape(panel.y.unit)}<extra></extra>",
        "showlegend": False,
    }


def _errors(points: Iterable[Point], color: str, width: float) -> dict[str, Any]:
    points = list(points)
    return {
        "type": "data",
        "symmetric": False,
        "array": [0 if point.high is None else rounded(point.high - point.y) for point in points],
        "arrayminus": [0 if point.low is None else rounded(point.y - point.low) for point in points],
        "color": color,
        "thickness": 1.3,
        "width": width,
    }


def _stroke(style: Style, theme: Theme) -> dict[str, Any]:
    return {"color": theme.color(style.color), "width": 1.6, "dash": style.dash}


def _faded(color: str, opacity: float = 0.22) -> str:
    """Return the colour as a translucent fill; a role may be dark or light, so its fill is a neutral grey."""
    if not color.startswith("#"):
        return f"rgba(128,136,146,{opacity})"
    red, green, blue = (int(color[start : start + 2], 16) for start in (1, 3, 5))
    return f"rgba({red},{green},{blue},{opacity})"
