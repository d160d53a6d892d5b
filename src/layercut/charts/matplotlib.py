"""Draw a `Chart` with matplotlib, sized for paper; files are byte-identical when drawn again."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Literal

from matplotlib import rc_context
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from layercut.charts.chart import FORMATS, Axis, Chart, LegendEntry, Panel
from layercut.charts.extent import crowded, extent, picture_grid
from layercut.charts.fonts import families, said_once
from layercut.charts.matplotlib_marks import (
    DASHES,
    HATCHES,
    MARKERS,
    color_map,
    draw_marks,
    draw_pictures,
    draw_surface,
)
from layercut.charts.palette import LIGHT, Theme

COLUMN_INCHES = 3.35
PAGE_INCHES = 6.9
"""Widths of one and of two columns of a usual paper."""
_LETTERS_AN_INCH = 19
"""Of the labels of ticks and of a legend."""
_SWATCH_LETTERS = 8
"""What a legend has beside each name takes as much room as so many letters."""
_TITLE_LETTERS_AN_INCH = 15
_MARGIN_INCHES = 0.6
"""Left of a panel, and between panels."""

_LABEL_INCHES = 0.25
"""What the label of an axis takes."""
_BAR_INCHES = 0.3
"""What a panel gives to the bar of colours."""

_RC: Any = {
    "font.size": 7,
    "axes.titlesize": 7.5,
    "axes.titleweight": "bold",
    "axes.labelsize": 7,
    "axes.linewidth": 0.6,
    "axes.edgecolor": "#8a949e",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "grid.linewidth": 0.4,
    "xtick.labelsize": 6.5,
    "ytick.labelsize": 6.5,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "legend.fontsize": 6.5,
    "legend.frameon": False,
    "svg.hashsalt": "layercut",
    "svg.fonttype": "none",
    "pdf.fonttype": 42,
    "text.parse_math": False,
}


def save(chart: Chart, path: Path) -> Path:
    """Write a chart to `path`; its suffix is one of `.svg`, `.pdf` and `.png` (300 dots an inch).

    Raises:
        ValueError: another suffix.
    """
    kind = path.suffix.removeprefix(".")
    if kind not in FORMATS:
        raise ValueError(f"expected a file ending in .svg, .pdf or .png; got {path.name!r}")
    metadata = {
        "svg": {"Date": None, "Title": chart.title},
        "pdf": {"CreationDate": None},
        "png": {"Software": None},
    }
    with rc_context(_settings(chart)), said_once(chart, path):
        draw(chart).savefig(path, format=kind, dpi=300, metadata=metadata[kind], bbox_inches="tight")
    return path


def draw(chart: Chart, theme: Theme = LIGHT) -> Figure:
    """Return the chart as a matplotlib figure: panels in rows of at most two or three, the legend below."""
    with rc_context(_settings(chart)):
        columns = _num_columns(chart)
        rows = [chart.panels[start : start + columns] for start in range(0, len(chart.panels), columns)]
        width = COLUMN_INCHES if len(chart.panels) == 1 and not _wide(chart) else PAGE_INCHES
        inches = [_row_inches(row, width / columns) for row in rows]
        ratios = [round(8 * one / min(inches)) for one in inches]  # whole: the solver's last bits name parts of files
        figure = Figure(figsize=(width, round(8 * sum(inches) + 4) / 8), layout="constrained")
        grid = figure.add_gridspec(len(rows), columns, height_ratios=ratios)
        drawn = [
            _panel(figure, grid[index // columns, index % columns], chart, panel, theme, width / columns)
            for index, panel in enumerate(chart.panels)
        ]
        if chart.color_scale is not None:
            _color_bar(figure, chart, drawn)
        if chart.legend:
            unmarked = {line.name for panel in chart.panels for line in panel.lines if not line.marked}
            handles = [_handle(entry, theme, entry.name not in unmarked) for entry in chart.legend]
            figure.legend(
                handles=handles,
                loc="outside lower center",
                ncols=_legend_columns(chart, width),
                title=chart.legend_title,
                title_fontsize=7,
            )
        return figure


def _settings(chart: Chart) -> Any:
    return {**_RC, "font.family": families(chart)}


def _legend_columns(chart: Chart, inches: float) -> int:
    longest = max(len(entry.name) for entry in chart.legend) + _SWATCH_LETTERS
    return max(1, min(len(chart.legend), int(_LETTERS_AN_INCH * inches / longest)))


def _num_columns(chart: Chart) -> int:
    if chart.num_columns:
        return min(chart.num_columns, len(chart.panels))
    if any(panel.pictures for panel in chart.panels):
        return 1
    return 1 if len(chart.panels) == 1 else 2 if _wide(chart) or len(chart.panels) == 4 else min(3, len(chart.panels))


def _wide(chart: Chart) -> bool:
    """Whether panels hold so much that three in a row would be too narrow."""
    return any(
        (len(panel.boxes) + len(panel.bars)) * len(panel.x.ticks) > 12
        or _num_cells(panel) > 6
        or panel.surface is not None
        or len(panel.pictures) > 5
        for panel in chart.panels
    )


def _num_cells(panel: Panel) -> int:
    return len(panel.cells.columns) if panel.cells else 0


def _row_inches(panels: Sequence[Panel], panel_inches: float) -> float:
    """Return the height of a row of panels."""
    with_pictures = [panel for panel in panels if panel.pictures]
    if with_pictures:
        return max(rows * panel_inches / columns + 0.2 for rows, columns in map(picture_grid, with_pictures))
    if any(panel.surface for panel in panels):
        return 2.7
    if all(panel.is_map for panel in panels):
        return panel_inches
    num_rows = max((len(panel.cells.rows) for panel in panels if panel.cells), default=0)
    return min(0.75 + 0.25 * num_rows, panel_inches) if num_rows else 2.3


def _panel(figure: Figure, place: Any, chart: Chart, panel: Panel, theme: Theme, inches: float) -> Axes:
    flat = panel.surface is None
    axes: Axes = figure.add_subplot(place) if flat else figure.add_subplot(place, projection="3d")
    axes.set_title(textwrap.fill(panel.title, _title_letters(chart, panel, inches)), loc="left")
    if panel.surface is not None:
        draw_surface(axes, chart, panel, panel.surface, theme)
    elif panel.pictures:
        draw_pictures(axes, panel, theme)
    else:
        _axes(axes, panel, theme)
        draw_marks(axes, chart, panel, theme)
        if panel.is_map:
            axes.set_aspect("equal")
        if crowded(panel.x, _room(panel.x, inches)):
            axes.tick_params("x", labelrotation=35)
            for label in axes.get_xticklabels():
                label.set(ha="right", rotation_mode="anchor")
    return axes


def _title_letters(chart: Chart, panel: Panel, inches: float) -> int:
    """Return about how many letters of a title fit above a panel: it begins right of the labels of its rows."""
    if panel.cells is not None and panel.surface is None:
        longest = max(map(len, panel.cells.rows), default=0)
        inches -= min(_LABEL_INCHES + longest / _LETTERS_AN_INCH, inches / 2)
    if chart.color_scale is not None:
        inches -= min(_BAR_INCHES, inches / 4)
    return round(_TITLE_LETTERS_AN_INCH * inches)


def _room(axis: Axis, panel_inches: float) -> float:
    """Return about how many letters fit below a panel, less what keeps labels apart."""
    return _LETTERS_AN_INCH * (panel_inches - _MARGIN_INCHES) - 1.5 * len(axis.ticks)


def _axes(axes: Axes, panel: Panel, theme: Theme) -> None:
    axes.set_xlabel(panel.x.label, color=theme.muted)
    axes.set_ylabel(panel.y.label, color=theme.muted)
    if panel.cells is not None:
        return
    if not panel.y.bare:
        axes.grid(axis="y", color=theme.grid)
    for axis, set_scale, set_ticks, set_limits in (
        (panel.x, axes.set_xscale, axes.set_xticks, axes.set_xlim),
        (panel.y, axes.set_yscale, axes.set_yticks, axes.set_ylim),
    ):
        if axis.scale == "log":
            set_scale("log")
        if axis.ticks:
            set_ticks([tick.at for tick in axis.ticks], [tick.label for tick in axis.ticks])
            set_ticks([], minor=True)
        if axis.bare:
            set_ticks([])
        ends = _ends(axis)
        if ends:
            set_limits(*ends)


def _ends(axis: Axis) -> tuple[float, float] | None:
    ends = extent(axis)
    return (10 ** ends[0], 10 ** ends[1]) if ends and axis.scale == "log" else ends


def _handle(entry: LegendEntry, theme: Theme, marked: bool) -> Artist:
    color = theme.color(entry.style.color)
    if entry.kind == "bar":
        return Patch(facecolor=color, edgecolor=theme.paper, hatch=HATCHES[entry.style.marker], label=entry.name)
    marker = {"box": "s", "reference": ""}.get(entry.kind, MARKERS[entry.style.marker] if marked else "")
    dash: Literal["", "-", "--", ":", "-."] = "" if entry.kind in ("box", "point") else DASHES[entry.style.dash]
    return Line2D([], [], color=color, marker=marker, linestyle=dash, markersize=4, linewidth=1, label=entry.name)


def _color_bar(figure: Figure, chart: Chart, grid: Iterable[Axes]) -> None:
    low, high = chart.color_scale or (0.0, 1.0)
    bar = figure.colorbar(ScalarMappable(Normalize(low, high), color_map()), ax=grid, shrink=0.7, aspect=30, pad=0.01)
    bar.set_label(chart.color_title)
    bar.outline.set_visible(False)
