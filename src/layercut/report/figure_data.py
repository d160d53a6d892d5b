"""Charts and tables as the plain data that the page's script draws."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from markupsafe import Markup

from layercut.charts import Chart, LegendEntry, Panel
from layercut.charts.extent import picture_grid
from layercut.charts.palette import LIGHT, ROLES, SEQUENTIAL
from layercut.charts.plotly import panel_figures
from layercut.report.sections import ConditionRow

_BOX_PIXELS = 7
_LETTERED_BOX_PIXELS = 10
_BAR_PIXELS = 5
_CELL_PIXELS = 36
_MAP_PIXELS = 360
_PICTURE_PIXELS = 86
_PICTURE_PANEL_PIXELS = 430
"""Fewer than five pictures in a row share the width of five."""

_DASH_ARRAYS = {"solid": "none", "dash": "6 3", "dot": "2 3", "dashdot": "6 3 2 3"}
_MARKER_PATHS = {
    "circle": "M8 6a4 4 0 1 0 8 0a4 4 0 1 0-8 0z",
    "square": "M8.4 2.4h7.2v7.2h-7.2z",
    "diamond": "M12 1l5 5l-5 5l-5-5z",
    "triangle": "M12 1.4l4.8 8.4h-9.6z",
    "triangle_down": "M12 10.6l4.8-8.4h-9.6z",
    "cross": "M8 3.7l1.7-1.7l2.3 2.3l2.3-2.3l1.7 1.7l-2.3 2.3l2.3 2.3l-1.7 1.7l-2.3-2.3l-2.3 2.3l-1.7-1.7l2.3-2.3z",
    "plus": "M10.7 1h2.6v3.7h3.7v2.6h-3.7v3.7h-2.6v-3.7h-3.7v-2.6h3.7z",
    "star": "M12 .6l1.5 3.6l3.9.3l-3 2.5l1 3.8l-3.4-2.1l-3.4 2.1l1-3.8l-3-2.5l3.9-.3z",
}


def figure_data(chart: Chart) -> dict[str, Any]:
    """Return what the page needs to lay out and draw one figure; sizes in CSS pixels."""
    panels = []
    for panel, figure in zip(chart.panels, panel_figures(chart, ROLES), strict=True):
        width, height = _size(panel)
        facets = {"title": panel.title, "fraction": panel.fraction, "strategy": panel.strategy}
        panels.append({**facets, "width": width, "height": height, **figure})
    data: dict[str, Any] = {
        "name": chart.name,
        "title": chart.title,
        "alt": chart.alt,
        "caption": chart.caption,
        "legendTitle": chart.legend_title,
        "facet": chart.legend_facet,
        "legend": [
            {"name": entry.name, "swatch": swatch(entry), "reference": entry.kind == "reference"}
            for entry in chart.legend
        ],
        "logX": chart.log_x_choice,
        "panels": panels,
    }
    if chart.color_scale is not None:
        data["scale"] = [chart.color_title, *(f"{end:.1f}" for end in chart.color_scale), ", ".join(SEQUENTIAL)]
    return data


def table_data(rows: Sequence[ConditionRow]) -> list[dict[str, Any]]:
    """Return the rows of the table of all conditions: texts, and what they are sorted by where that differs."""
    return [
        {
            "c": row.context,
            "s": row.strategies,
            "f": row.fraction,
            "m": int(row.on_request),
            "q": int(row.muted),
            "t": [cell.text for cell in row.cells],
            "o": [cell.order for cell in row.cells],
            "h": [cell.hint for cell in row.cells],
        }
        for row in rows
    ]


def swatch(entry: LegendEntry) -> str:
    """Return the little picture beside a legend entry, as SVG of 24 x 12 pixels."""
    color = {role: f"var(--{role})" for role in LIGHT._fields}.get(entry.style.color, entry.style.color)
    if entry.kind in ("box", "bar"):
        opacity = ".3" if entry.kind == "box" else "1"
        parts = Markup(
            '<rect x="5" y="1" width="14" height="10" rx="2" fill="{0}" fill-opacity="{1}" stroke="{0}"/>'
        ).format(color, opacity)
    else:
        line = Markup('<path d="M0 6H24" stroke="{}" stroke-width="2" stroke-dasharray="{}"/>').format(
            color, _DASH_ARRAYS[entry.style.dash]
        )
        marker = Markup('<path d="{}" fill="{}"/>').format(_MARKER_PATHS[entry.style.marker], color)
        parts = {"line": line + marker, "point": marker}.get(entry.kind, line)
    return str(Markup('<svg viewBox="0 0 24 12" aria-hidden="true">{}</svg>').format(parts))


def _size(panel: Panel) -> tuple[int, int]:
    if panel.pictures:
        rows, columns = picture_grid(panel)
        shape = 1.6 if any("\n" in picture.caption for picture in panel.pictures) else 1.15
        pixels = max(_PICTURE_PIXELS, _PICTURE_PANEL_PIXELS // columns)
        return pixels * columns, round(shape * pixels * rows)
    if panel.cells is not None:
        return 78 + _CELL_PIXELS * len(panel.cells.columns), 84 + 34 * len(panel.cells.rows)
    if panel.is_map:
        return 320, _MAP_PIXELS
    lettered = any(box.letters for series in panel.boxes for box in series.boxes)
    box_pixels = _LETTERED_BOX_PIXELS if lettered else _BOX_PIXELS
    marks = box_pixels * len(panel.boxes) + _BAR_PIXELS * len(panel.bars)
    return max(280, 70 + marks * len(panel.x.ticks)), 320
