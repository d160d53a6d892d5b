"""The page: one HTML file that needs nothing else, on screen or on paper."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup
from plotly.offline import get_plotlyjs

from layercut.charts import Chart, Entry
from layercut.charts.palette import DARK, LIGHT, ROLES, SEQUENTIAL
from layercut.charts.plotly import panel_figures
from layercut.report.answers import Answer
from layercut.report.notices import Notice
from layercut.report.sections import COLUMNS, ConditionRow, Fact

_BOX_PIXELS = 7
_CELL_PIXELS = 36

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


@dataclass(frozen=True)
class ContextPart:
    """Answers and figures of one context; `label` is empty where there is only one context."""

    label: str
    answers: tuple[Answer, ...]
    charts: tuple[Chart, ...]


@dataclass(frozen=True)
class Page:
    """All that a report shows."""

    title: str
    subtitle: str
    parts: tuple[ContextPart, ...]
    facts: tuple[Fact, ...]
    notices: tuple[Notice, ...]
    rows: tuple[ConditionRow, ...]
    method: str
    command: str
    study_text: str
    version: str


def render(page: Page) -> str:
    """Return the page as HTML; every text in it is escaped."""
    environment = Environment(
        loader=PackageLoader("layercut.report"), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    environment.filters["data"] = embedded
    return environment.get_template("report.html.j2").render(
        page=page,
        figures=[[_figure(chart) for chart in part.charts] for part in page.parts],
        scales=[_scale(part.answers) for part in page.parts],
        columns=COLUMNS,
        strategies=list(dict.fromkeys(row.strategy for row in page.rows)),
        fractions=list(dict.fromkeys(row.fraction for row in page.rows)),
        light=LIGHT,
        dark=DARK,
        gradient=", ".join(SEQUENTIAL),
        swatch=_swatch,
        plotly=Markup(get_plotlyjs()) if page.rows else "",  # noqa: S704 - plotly's own script, not user text
    )


def embedded(value: Any) -> Markup:
    """Return JSON that is safe inside a script element: no `<`, and null for NaN."""
    text = json.dumps(_finite(value), ensure_ascii=False, separators=(",", ":"))
    return Markup(text.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029"))  # noqa: S704 - escaped here


def _figure(chart: Chart) -> dict[str, Any]:
    """Return what the template needs to lay out one figure; sizes in CSS pixels."""
    panels = []
    for panel, figure in zip(chart.panels, panel_figures(chart, ROLES), strict=True):
        if panel.cells is not None:
            width, height = 78 + _CELL_PIXELS * len(panel.cells.columns), 84 + 34 * len(panel.cells.rows)
        else:
            width, height = max(280, 70 + _BOX_PIXELS * len(panel.boxes) * len(panel.x.ticks)), 320
        panels.append({"title": panel.title, "figure": figure, "width": width, "height": height})
    return {"chart": chart, "panels": panels}


def _swatch(entry: Entry) -> Markup:
    """Return the little picture beside a legend entry, as SVG of 24 x 12 pixels."""
    color = {role: f"var(--{role})" for role in LIGHT._fields}.get(entry.style.color, entry.style.color)
    if entry.kind == "box":
        parts = Markup(
            '<rect x="5" y="1" width="14" height="10" rx="2" fill="{0}" fill-opacity=".3" stroke="{0}"/>'
        ).format(color)
        return Markup('<svg viewBox="0 0 24 12" aria-hidden="true">{}</svg>').format(parts)
    line = Markup('<path d="M0 6H24" stroke="{}" stroke-width="2" stroke-dasharray="{}"/>').format(
        color, _DASH_ARRAYS[entry.style.dash]
    )
    marker = Markup('<path d="{}" fill="{}"/>').format(_MARKER_PATHS[entry.style.marker], color)
    parts = line + marker if entry.kind == "line" else line
    return Markup('<svg viewBox="0 0 24 12" aria-hidden="true">{}</svg>').format(parts)


def _scale(answers: Sequence[Answer]) -> tuple[float, float]:
    """Return the ends, in points, of the axis that all interval bars of a context share; 0 is always on it."""
    ends = [bound for answer in answers if answer.difference for bound in answer.difference]
    low, high = min([0.0, *ends]), max([0.0, *ends])
    margin = 0.06 * (high - low) or 1.0
    return low - margin, high + margin


def _finite(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    return [_finite(item) for item in value] if isinstance(value, list | tuple) else value
