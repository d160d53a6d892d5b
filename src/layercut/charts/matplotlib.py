"""Draw a `Chart` with matplotlib, sized for paper; files are byte-identical when drawn again."""

from __future__ import annotations

import math
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Literal

from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import LinearSegmentedColormap, Normalize
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from layercut.charts.chart import Axis, Cells, Chart, Entry, Line, Panel
from layercut.charts.extent import dodge, extent
from layercut.charts.palette import LIGHT, SEQUENTIAL, Theme, readable_on, sequential

FORMATS = ("svg", "pdf", "png")
COLUMN_INCHES = 3.35
PAGE_INCHES = 6.9
"""Widths of one and of two columns of a usual paper."""

_MARKERS = {
    "circle": "o",
    "square": "s",
    "diamond": "D",
    "triangle": "^",
    "triangle_down": "v",
    "cross": "X",
    "plus": "P",
    "star": "*",
}
_DASHES: dict[str, Literal["-", "--", ":", "-."]] = {"solid": "-", "dash": "--", "dot": ":", "dashdot": "-."}
_RC: Any = {
    "font.family": "DejaVu Sans",
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
    with rc_context(_RC):
        draw(chart).savefig(path, format=kind, dpi=300, metadata=metadata[kind], bbox_inches="tight")
    return path


def draw(chart: Chart, theme: Theme = LIGHT) -> Figure:
    """Return the chart as a matplotlib figure: panels in rows of at most two or three, the legend below."""
    with rc_context(_RC):
        columns = _num_columns(chart)
        rows = math.ceil(len(chart.panels) / columns)
        width = COLUMN_INCHES if len(chart.panels) == 1 and not _wide(chart) else PAGE_INCHES
        figure = Figure(figsize=(width, rows * _row_inches(chart) + 0.5), layout="constrained")
        grid = figure.subplots(rows, columns, squeeze=False)
        for index, axes in enumerate(grid.flat):
            if index < len(chart.panels):
                _panel(axes, chart, chart.panels[index], theme)
            else:
                axes.set_axis_off()
        if chart.color_scale is not None:
            _color_bar(figure, chart, list(grid.flat))
        if chart.legend:
            handles = [_handle(entry, theme) for entry in chart.legend]
            figure.legend(
                handles=handles,
                loc="outside lower center",
                ncols=min(len(handles), 4 if width == PAGE_INCHES else 2),
                title=chart.legend_title,
                title_fontsize=7,
            )
        return figure


def _num_columns(chart: Chart) -> int:
    return 1 if len(chart.panels) == 1 else 2 if _wide(chart) or len(chart.panels) == 4 else min(3, len(chart.panels))


def _wide(chart: Chart) -> bool:
    """Whether panels hold so many boxes that three in a row would be too narrow."""
    return any(len(panel.boxes) * len(panel.x.ticks) > 12 or _num_cells(panel) > 6 for panel in chart.panels)


def _num_cells(panel: Panel) -> int:
    return len(panel.cells.columns) if panel.cells else 0


def _row_inches(chart: Chart) -> float:
    num_rows = max((len(panel.cells.rows) for panel in chart.panels if panel.cells), default=0)
    return 0.75 + 0.25 * num_rows if num_rows else 2.3


def _panel(axes: Axes, chart: Chart, panel: Panel, theme: Theme) -> None:
    axes.set_title(panel.title, loc="left")
    _axes(axes, panel, theme)
    for index, series in enumerate(panel.boxes):
        width = 0.84 / len(panel.boxes)
        color = theme.color(series.style.color)
        axes.boxplot(
            [box.values for box in series.boxes],
            positions=[box.at - 0.42 + width * (index + 0.5) for box in series.boxes],
            widths=width * 0.8,
            manage_ticks=False,
            patch_artist=True,
            boxprops={"facecolor": color + "38", "edgecolor": color, "linewidth": 0.7},
            medianprops={"color": color, "linewidth": 1.1},
            whiskerprops={"color": color, "linewidth": 0.7},
            capprops={"color": color, "linewidth": 0.7},
            flierprops={
                "marker": _MARKERS[series.style.marker],
                "markersize": 1.8,
                "markerfacecolor": color,
                "markeredgewidth": 0,
            },
        )
    for index, line in enumerate(panel.lines):
        _line(axes, line, dodge(panel.x, index, len(panel.lines)), panel, theme)
    for reference in panel.references:
        axes.axhline(
            reference.y,
            color=theme.color(reference.style.color),
            linestyle=_DASHES[reference.style.dash],
            linewidth=0.8,
            zorder=1.5,
        )
    if panel.cells is not None:
        _cells(axes, panel.cells, chart)


def _line(axes: Axes, line: Line, aside: float, panel: Panel, theme: Theme) -> None:
    color = theme.color(line.style.color)
    x = [point.x * 10**aside if panel.x.scale == "log" else point.x + aside for point in line.points]
    down = [0.0 if point.low is None else max(0.0, point.y - point.low) for point in line.points]
    up = [0.0 if point.high is None else max(0.0, point.high - point.y) for point in line.points]
    axes.errorbar(
        x,
        [point.y for point in line.points],
        yerr=[down, up],
        color=color,
        linestyle=_DASHES[line.style.dash],
        linewidth=1,
        elinewidth=0.7,
        marker=_MARKERS[line.style.marker],
        markersize=3.2,
    )


def _cells(axes: Axes, cells: Cells, chart: Chart) -> None:
    low, high = chart.color_scale or (0.0, 1.0)
    values = [[math.nan if value is None else value for value in row] for row in cells.values]
    axes.pcolormesh(values, cmap=_color_map(), vmin=low, vmax=high, edgecolors="white", linewidth=1)
    axes.set_xticks([step + 0.5 for step in range(len(cells.columns))], cells.columns)
    axes.set_yticks([step + 0.5 for step in range(len(cells.rows))], cells.rows)
    axes.set_xlim(0, len(cells.columns))
    axes.set_ylim(0, len(cells.rows))
    axes.tick_params(length=0)
    for row, texts in enumerate(cells.texts):
        for column, text in enumerate(texts):
            value = cells.values[row][column]
            if value is not None:
                color = readable_on(sequential((value - low) / ((high - low) or 1)))
                weight = "bold" if (row, column) in cells.marked else "normal"
                axes.text(
                    column + 0.5,
                    row + 0.5,
                    text,
                    ha="center",
                    va="center",
                    color=color,
                    weight=weight,
                    size=6,
                )


def _axes(axes: Axes, panel: Panel, theme: Theme) -> None:
    axes.set_xlabel(panel.x.label, color=theme.muted)
    axes.set_ylabel(panel.y.label, color=theme.muted)
    if panel.cells is not None:
        return
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
        ends = _ends(axis)
        if ends:
            set_limits(*ends)


def _ends(axis: Axis) -> tuple[float, float] | None:
    ends = extent(axis)
    return (10 ** ends[0], 10 ** ends[1]) if ends and axis.scale == "log" else ends


def _handle(entry: Entry, theme: Theme) -> Line2D:
    color = theme.color(entry.style.color)
    marker = "s" if entry.kind == "box" else _MARKERS[entry.style.marker] if entry.kind == "line" else ""
    dash: Literal["", "-", "--", ":", "-."] = "" if entry.kind == "box" else _DASHES[entry.style.dash]
    return Line2D([], [], color=color, marker=marker, linestyle=dash, markersize=4, linewidth=1, label=entry.name)


def _color_bar(figure: Figure, chart: Chart, grid: Iterable[Axes]) -> None:
    low, high = chart.color_scale or (0.0, 1.0)
    bar = figure.colorbar(ScalarMappable(Normalize(low, high), _color_map()), ax=grid, shrink=0.7, aspect=30, pad=0.01)
    bar.set_label(chart.color_title)
    bar.outline.set_visible(False)


def _color_map() -> LinearSegmentedColormap:
    return LinearSegmentedColormap.from_list("layercut", SEQUENTIAL)
