"""A figure that displays itself: drawn by plotly in a notebook, without a network."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from layercut.charts import Chart, LegendEntry
from layercut.charts.chart import FORMATS
from layercut.charts.palette import LIGHT
from layercut.charts.plotly import panel_figures
from layercut.charts.whole import whole_figure
from layercut.errors import UserError
from layercut.figures import charts_of, words
from layercut.figures.study_tables import Measured, StudyTables
from layercut.report.packed import embedded, packed_plotly
from layercut.stats.tables import Results

if TYPE_CHECKING:
    import plotly.graph_objects as go

_SHAPES = {
    "circle": "●",
    "square": "■",
    "diamond": "◆",
    "triangle": "▲",
    "triangle_down": "▼",
    "plus": "✚",
    "cross": "✖",
    "star": "★",
}
_DASHES = {"solid": "━━", "dash": "╍╍", "dot": "┄┄", "dashdot": "╍┄"}
_PANEL_PIXELS = (400, 320)

_DRAW = """<script>
(() => {
  const panels = %s;
  const draw = (patience) => {
    if (window.Plotly) {
      for (const [id, figure] of panels) {
        const place = document.getElementById(id);
        if (!place) continue;
        place.textContent = "";
        Plotly.newPlot(place, figure.data, figure.layout, {displayModeBar: false});
      }
    } else if (patience > 0) { setTimeout(draw, 100, patience - 1); }
  };
  draw(100);
})();
</script>"""

_BRING = """<script>
if (!window.Plotly && !window.layercutBringsPlotly) {
  window.layercutBringsPlotly = (async () => {
    const bytes = Uint8Array.from(atob("%s"), (letter) => letter.charCodeAt(0));
    const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
    const script = document.createElement("script");
    script.textContent = await new Response(stream).text();
    const define = window.define; // of require.js, which would keep the library to itself
    window.define = undefined;
    document.head.append(script);
    window.define = define;
  })();
}
</script>"""
"""Unpacks plotly.js once a page, whichever chart of it comes first."""


@dataclass(frozen=True)
class Plot:
    """One figure of a study, a chart a context."""

    charts: tuple[Chart, ...]
    labels: tuple[str, ...]
    """What tells the context of each chart from the others."""

    def html(self, bundle: bool = True) -> str:
        """Return HTML that draws the charts; with `bundle` it holds plotly.js (2 MB, packed) and needs nothing else."""
        script = _BRING.replace("%s", packed_plotly()) if bundle else ""
        return script + "".join(_chart(*both) for both in zip(self.charts, self.labels, strict=True))

    def save(self, path: str | Path) -> Path:
        """Write the figure for paper, as svg, pdf or png by the file's ending; return the path.

        Raises:
            UserError: the ending is another, or the figure has several charts.
        """
        from layercut.charts.matplotlib import save  # noqa: PLC0415 - showing a chart needs no matplotlib

        path = Path(path).expanduser()
        if path.suffix[1:] not in FORMATS:
            raise UserError(f"expected a file ending in {', '.join(FORMATS)}; got {path.name!r}")
        if len(self.charts) != 1:
            raise UserError(
                f"expected one chart to save; this figure has {len(self.charts)}, one a context: restrict the "
                "results to one, or use `layercut report --figures DIR`"
            )
        return save(self.charts[0], path)

    def figure(self) -> go.Figure:
        """Return the charts as one figure of plotly, to be changed, or written with what plotly offers."""
        return whole_figure(self.charts, self.labels)

    def __repr__(self) -> str:
        titles = (
            f"{chart.title}{f' ({label})' if label else ''}: {chart.alt}"
            for chart, label in zip(self.charts, self.labels, strict=True)
        )
        return "\n".join(titles)

    def _repr_html_(self) -> str:
        """Return the whole: any output of a notebook may be replaced, removed or shown alone."""
        return self.html()


def plot(results: Results, figure: str = "cut_boxes", **options: Any) -> Plot:
    """Return a figure of a study by name (`layercut list figures`).

    Args:
        results: what `load_results` returns, whole or in part, or an output directory.
        figure: its name.
        options: of the figure, such as `scratch="box"` of `cut_boxes`, which shows training from scratch as a box
            beside the cuts, and `of="median"` of `difference_to_scratch`.

    Raises:
        UnknownNameError: no such figure.
        UserError: it has no such option, or the results lack what the figure shows.
        LedgerError: there is no ledger, or it is damaged.
    """
    tables = _tables(results)
    found = charts_of(figure, tables, **options)
    if not found:
        raise UserError(f"the figure {figure!r} has nothing to show: these results lack its data")
    order = [context for context, _ in tables.contexts()]
    return Plot(tuple(chart for _, chart in found), tuple(words.context_label(context, order) for context, _ in found))


def _tables(results: Results) -> StudyTables:
    """Return a study's tables; curves and probes lie beside results that were read from a ledger."""
    if not isinstance(results, pd.DataFrame):
        return StudyTables.of(results)
    path = results.attrs.get("path")
    return StudyTables(results, Measured(path if path and Path(path).exists() else None))


def _chart(chart: Chart, label: str) -> str:
    width, height = _PANEL_PIXELS
    places = [(f"layercut-{uuid.uuid4().hex}", figure) for figure in panel_figures(chart, LIGHT)]
    title = f"{chart.title}, {label}" if label else chart.title
    panels = "".join(
        f'<figure style="display:inline-block;margin:0 8px 8px 0;width:{width}px">'
        f"<figcaption><b>{escape(panel.title)}</b></figcaption>"
        f'<div id="{place}" class="layercut-panel" style="height:{height}px">{escape(chart.alt)}</div></figure>'
        for panel, (place, _) in zip(chart.panels, places, strict=True)
    )
    legend = " &emsp; ".join(_entry(entry) for entry in chart.legend)
    heading = f"{escape(chart.legend_title)}: " if chart.legend_title and chart.legend else ""
    return (
        f'<div class="layercut-plot" style="background:{LIGHT.paper};color:{LIGHT.ink};padding:8px">'
        f"<h4>{escape(title)}</h4>{panels}<p>{heading}{legend}</p><p><small>{escape(chart.caption)}</small></p></div>"
        + _DRAW.replace("%s", embedded(places))
    )


def _entry(entry: LegendEntry) -> str:
    sign = _DASHES[entry.style.dash] if entry.kind == "reference" else _SHAPES[entry.style.marker]
    return f'<span style="color:{LIGHT.color(entry.style.color)}">{sign}</span> {escape(entry.name)}'
