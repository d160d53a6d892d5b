"""Charts as one plotly figure: their panels in rows, one legend for all."""

from __future__ import annotations

import html
import math
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from layercut.charts.chart import Chart
from layercut.charts.palette import LIGHT
from layercut.charts.plotly import FONT, panel_figures

if TYPE_CHECKING:
    import plotly.graph_objects as go

_PANEL_PIXELS = (400, 340)
_MOST_COLUMNS = 3
_GAP = 0.08
_MARKS = {
    "circle": "circle", "square": "square", "diamond": "diamond", "triangle": "triangle-up",
    "triangle_down": "triangle-down", "plus": "cross", "cross": "x", "star": "star",
}  # fmt: skip


class _Place(NamedTuple):
    """Where one panel is: which axes it has, and its part of the figure in both directions."""

    number: str
    x: tuple[float, float]
    y: tuple[float, float]


def whole_figure(charts: Sequence[Chart], labels: Sequence[str]) -> go.Figure:
    """Return charts as one figure; `labels` tell what their contexts are, empty where there is only one."""
    import plotly.graph_objects as go  # noqa: PLC0415 - slow to import

    panels = [
        (panel.title, label, figure)
        for chart, label in zip(charts, labels, strict=True)
        for panel, figure in zip(chart.panels, panel_figures(chart, LIGHT), strict=True)
    ]
    places = list(_places(len(panels)))
    data: list[dict[str, Any]] = []
    layout: dict[str, Any] = {"annotations": [], "shapes": [], "images": []}
    for place, (title, label, figure) in zip(places, panels, strict=True):
        data += _placed_traces(figure["data"], place)
        _place_layout(layout, figure["layout"], place)
        layout["annotations"].append(_title(": ".join(part for part in (label, title) if part), place))
    data += _legend(charts)
    rows, columns = math.ceil(len(panels) / _MOST_COLUMNS), min(len(panels), _MOST_COLUMNS)
    layout |= {
        "title": {"text": html.escape(charts[0].title)},
        "meta": {"caption": [chart.caption for chart in charts]},
        "font": {"family": FONT, "size": 12, "color": LIGHT.ink},
        "paper_bgcolor": LIGHT.paper,
        "plot_bgcolor": LIGHT.paper,
        "width": 120 + _PANEL_PIXELS[0] * columns,
        "height": 160 + _PANEL_PIXELS[1] * rows,
        "showlegend": True,
        "legend": {"orientation": "h", "y": -0.12 / rows, "yanchor": "top", "title": {"text": charts[0].legend_title}},
    }
    return go.Figure(data=data, layout=layout)


def _places(count: int) -> Iterator[_Place]:
    columns, rows = min(count, _MOST_COLUMNS), math.ceil(count / _MOST_COLUMNS)
    width, height = (1 - _GAP * (columns - 1)) / columns, (1 - 2 * _GAP * (rows - 1)) / rows
    for index in range(count):
        left, bottom = index % columns * (width + _GAP), 1 - index // columns * (height + 2 * _GAP) - height
        yield _Place(str(index + 1) if index else "", (left, left + width), (max(bottom, 0.0), bottom + height))


def _placed_traces(traces: Iterable[dict[str, Any]], place: _Place) -> Iterator[dict[str, Any]]:
    for trace in traces:
        if trace["type"] == "surface":
            yield trace | {"scene": f"scene{place.number}", "showlegend": False}
        else:
            yield trace | {"xaxis": f"x{place.number}", "yaxis": f"y{place.number}", "showlegend": False}


def _place_layout(layout: dict[str, Any], panel: dict[str, Any], place: _Place) -> None:
    """Add one panel's axes and what lies on them."""
    if "scene" in panel:
        layout[f"scene{place.number}"] = panel["scene"] | {"domain": {"x": list(place.x), "y": list(place.y)}}
        return
    axes = {"xaxis": ("y", place.x), "yaxis": ("x", place.y)}
    for name, (other, domain) in axes.items():
        axis = dict(panel[name]) | {"domain": list(domain), "anchor": f"{other}{place.number}"}
        if "scaleanchor" in axis:
            axis["scaleanchor"] = f"x{place.number}"
        layout[f"{name}{place.number}"] = axis
    for kind in ("annotations", "shapes", "images"):
        own = {"xref": f"x{place.number}", "yref": f"y{place.number}"}
        layout[kind] += [one | own for one in panel.get(kind, [])]
    layout |= {key: panel[key] for key in ("boxmode", "boxgap", "boxgroupgap", "barmode", "bargap") if key in panel}


def _title(text: str, place: _Place) -> dict[str, Any]:
    return {
        "text": f"<b>{html.escape(text)}</b>",
        "x": sum(place.x) / 2,
        "y": place.y[1],
        "xanchor": "center",
        "xref": "paper",
        "yref": "paper",
        "yanchor": "bottom",
        "showarrow": False,
    }


def _legend(charts: Sequence[Chart]) -> Iterator[dict[str, Any]]:
    """Yield a trace without points for each entry of the legends, each name once."""
    entries = {entry.name: entry for chart in charts for entry in chart.legend}
    for entry in entries.values():
        color = LIGHT.color(entry.style.color)
        is_line = entry.kind == "reference"
        yield {
            "type": "scatter",
            "x": [None],
            "y": [None],
            "name": html.escape(entry.name),
            "mode": "lines" if is_line else "markers",
            "line": {"color": color, "dash": entry.style.dash},
            "marker": {"color": color, "symbol": _MARKS[entry.style.marker], "size": 9},
        }
