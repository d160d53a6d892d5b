"""Draw a `Chart` with plotly: one figure per panel, so that a page can lay the panels out for its width.

Legends are left to the page, which draws one for all panels from `Chart.legend`; traces carry the entry's
name. Numbers are rounded to what can be seen, so that pages stay small.
"""

from __future__ import annotations

import html
from typing import Any

from layercut.charts.chart import Axis, Cells, Chart, Panel
from layercut.charts.extent import beside, crowded, crowded_boxes, extent, line_aside, picture_grid
from layercut.charts.palette import LIGHT, SEQUENTIAL, Theme, readable_on, sequential
from layercut.charts.pictures import data_url
from layercut.charts.plotly_traces import bar_trace, box_trace, line_traces, reference_trace, rounded

FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, sans-serif"

MAX_POINTS_SHOWN = 3_000
"""Charts of at most so many values show each value beside its box; above, outliers only."""

MAX_POINTS_A_BOX = 30
"""Boxes of more values show outliers only."""

_MARK_COLORS = {"right": "#009e73", "wrong": "#d55e00"}


def panel_figures(chart: Chart, theme: Theme = LIGHT) -> list[dict[str, Any]]:
    """Return `{"data": [...], "layout": {...}}` for each panel: JSON that plotly.js and plotly.py draw.

    Text is escaped: a name that looks like markup is shown as it was given.
    """
    num_values = sum(len(box.values) for panel in chart.panels for series in panel.boxes for box in series.boxes)
    most = MAX_POINTS_A_BOX if num_values <= MAX_POINTS_SHOWN else 0
    return [
        {"data": _traces(chart, panel, theme, most), "layout": _layout(chart, panel, theme)} for panel in chart.panels
    ]


def _traces(chart: Chart, panel: Panel, theme: Theme, most_points: int) -> list[dict[str, Any]]:
    traces = [box_trace(series, panel, theme, most_points) for series in panel.boxes]
    traces += [bar_trace(series, panel, theme) for series in panel.bars]
    for index, line in enumerate(panel.lines):
        aside = line_aside(panel, index)
        traces += line_traces(line, aside, panel, theme)
    traces += [reference_trace(reference, panel, theme) for reference in panel.references]
    if panel.cells is not None:
        traces.append(_cells(panel.cells, chart))
    if panel.surface is not None:
        traces.append(_surface(panel.surface, chart))
    return traces


def _cells(cells: Cells, chart: Chart) -> dict[str, Any]:
    return {
        "type": "heatmap",
        "x": list(range(len(cells.columns))),
        "y": list(range(len(cells.rows))),
        **_colors(cells, chart),
        "xgap": 2 if len(cells.columns) <= 30 else 0,
        "ygap": 2 if len(cells.columns) <= 30 else 0,
        "hoverongaps": False,
        "customdata": [[html.escape(f"{row}, {column}") for column in cells.columns] for row in cells.rows],
        "hovertemplate": f"%{{customdata}}<br>%{{z}} {html.escape(cells.unit)}<extra></extra>",
    }


def _surface(cells: Cells, chart: Chart) -> dict[str, Any]:
    low, high = chart.color_scale or (0.0, 1.0)
    colors = {key: value for key, value in _colors(cells, chart).items() if key not in ("zmin", "zmax")}
    return {
        "type": "surface",
        "x": list(range(len(cells.columns))),
        "y": list(range(len(cells.rows))),
        **colors,
        "cmin": low,
        "cmax": high,
        "customdata": [[html.escape(f"{row}, {column}") for column in cells.columns] for row in cells.rows],
        "hovertemplate": f"%{{customdata}}<br>%{{z}} {html.escape(cells.unit)}<extra></extra>",
        "contours": {"x": {"show": True, "color": "rgba(0,0,0,.35)"}, "y": {"show": True, "color": "rgba(0,0,0,.35)"}},
    }


def _colors(cells: Cells, chart: Chart) -> dict[str, Any]:
    low, high = chart.color_scale or (0.0, 1.0)
    last = len(SEQUENTIAL) - 1
    return {
        "z": [[None if value is None else rounded(value) for value in row] for row in cells.values],
        "zmin": low,
        "zmax": high,
        "colorscale": [[step / last, color] for step, color in enumerate(SEQUENTIAL)],
        "showscale": False,
    }


def _layout(chart: Chart, panel: Panel, theme: Theme) -> dict[str, Any]:
    layout: dict[str, Any] = {
        "font": {"family": FONT, "size": 12, "color": theme.ink},
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "margin": {"l": 58, "r": 12, "t": 8, "b": 50},
        "showlegend": False,
        "dragmode": False,
        "hoverlabel": {"font": {"family": FONT, "size": 12}, "namelength": -1},
    }
    if panel.surface is not None:
        return layout | {
            "margin": {"l": 0, "r": 0, "t": 0, "b": 0},
            "scene": _scene(panel, theme),
            "dragmode": "turntable",
        }
    layout |= {"xaxis": _axis(panel.x, theme), "yaxis": _axis(panel.y, theme) | {"automargin": True}}
    if crowded(panel.x):
        layout["xaxis"] |= {"tickangle": -35, "automargin": True}
    if panel.pictures:
        return layout | _pictures(panel, theme)
    if panel.is_map:
        layout["xaxis"] |= {"constrain": "domain"}
        layout["yaxis"] |= {"constrain": "domain", "scaleanchor": "x"}
    if panel.boxes:
        layout |= {"boxmode": "group", "boxgap": 0.12, "boxgroupgap": 0.12}
        layout["annotations"] = _letters(panel, theme)
    if panel.bars:
        layout |= {"barmode": "group", "bargap": 0.16, "bargroupgap": 0.08}
    if panel.cells is not None:
        for axis in ("xaxis", "yaxis"):
            layout[axis] |= {"showgrid": False, "showline": False, "ticks": ""}
        layout["annotations"] = _numbers(panel.cells, chart)
    return layout


def _letters(panel: Panel, theme: Theme) -> list[dict[str, Any]]:
    """Return the letters above boxes, upright where boxes stand close; `name` tells whose they are."""
    upright = crowded_boxes(panel)
    return [
        {
            "name": html.escape(series.name),
            "x": box.at + beside(index, len(panel.boxes)),
            "y": rounded(max(box.values)),
            "text": html.escape(box.letters),
            "showarrow": False,
            "yanchor": "bottom",
            "yshift": 4,
            "textangle": -90 if upright else 0,
            "font": {"size": 9.5 if upright else 11, "color": theme.ink},
        }
        for index, series in enumerate(panel.boxes)
        for box in series.boxes
        if box.letters
    ]


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
        if value is not None and text
    ]


def _pictures(panel: Panel, theme: Theme) -> dict[str, Any]:
    """Return pictures as images of the layout, each with its caption below, on hidden axes of one unit a picture."""
    rows, columns = picture_grid(panel)
    images, shapes, notes = [], [], []
    for index, picture in enumerate(panel.pictures):
        x, y = index % columns, -(index // columns)
        at = {"x": x + 0.5, "xanchor": "center", "y": y - 0.02, "sizex": 0.88, "sizey": 0.76}
        images.append({"source": data_url(picture), "xref": "x", "yref": "y", "sizing": "contain", **at})
        if picture.mark:
            line = {
                "color": _MARK_COLORS[picture.mark],
                "width": 2.5,
                "dash": "dot" if picture.mark == "wrong" else "solid",
            }
            corners = {"x0": x + 0.03, "x1": x + 0.97, "y0": y - 0.79, "y1": y - 0.01}
            shapes.append({"type": "rect", "line": line, **corners})
        text = html.escape(picture.caption).replace("\n", "<br>")
        notes.append(
            {
                "x": x + 0.5,
                "y": y - 0.8,
                "text": text,
                "showarrow": False,
                "yanchor": "top",
                "font": {"size": 10.5, "color": theme.ink},
            }
        )
    hidden = {"visible": False, "fixedrange": True}
    return {
        "margin": {"l": 0, "r": 0, "t": 0, "b": 0},
        "xaxis": hidden | {"range": [0, columns]},
        "yaxis": hidden | {"range": [-rows, 0]},
        "images": images,
        "shapes": shapes,
        "annotations": notes,
    }


def _scene(panel: Panel, theme: Theme) -> dict[str, Any]:
    axes = {"xaxis": panel.x, "yaxis": panel.y, "zaxis": panel.z or Axis("")}
    scene: dict[str, Any] = {name: _axis(axis, theme) for name, axis in axes.items()}
    for described in scene.values():
        for unknown in ("fixedrange", "tickangle"):
            described.pop(unknown, None)
        described["title"].pop("standoff")
        described |= {"showgrid": True, "backgroundcolor": "rgba(0,0,0,0)", "showbackground": False}
    view = {"eye": {"x": -1.5, "y": -1.5, "z": 0.85}}
    return scene | {"camera": view, "aspectmode": "manual", "aspectratio": {"x": 1.15, "y": 1.0, "z": 0.75}}


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
    elif axis.scale == "log":
        described |= {"dtick": 1, "exponentformat": "SI"}
    if axis.bare:
        described |= {"showgrid": False, "showticklabels": False, "ticks": ""}
    limits = extent(axis)
    return described | ({"range": [rounded(end) for end in limits]} if limits else {})
