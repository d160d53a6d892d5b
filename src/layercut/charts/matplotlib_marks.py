"""The contents of matplotlib axes: boxes, bars, lines, references, cells, surfaces and pictures."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any, Literal

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.patches import Rectangle
from matplotlib.patheffects import withStroke

from layercut.charts.chart import BarSeries, BoxSeries, Cells, Chart, Line, Panel, Reference
from layercut.charts.extent import GROUP_WIDTH, beside, crowded_boxes, crowded_points, line_aside, moved, picture_grid
from layercut.charts.palette import SEQUENTIAL, Theme, readable_on, sequential

MARKERS = {
    "circle": "o",
    "square": "s",
    "diamond": "D",
    "triangle": "^",
    "triangle_down": "v",
    "cross": "X",
    "plus": "P",
    "star": "*",
}
DASHES: dict[str, Literal["-", "--", ":", "-."]] = {"solid": "-", "dash": "--", "dot": ":", "dashdot": "-."}
HATCHES = {
    "circle": "",
    "square": "//",
    "diamond": "xx",
    "triangle": "\\\\",
    "triangle_down": "||",
    "cross": "..",
    "plus": "--",
    "star": "++",
}
_MARK_COLORS = {"right": "#009e73", "wrong": "#d55e00"}


def color_map() -> LinearSegmentedColormap:
    """Return the sequential palette."""
    return LinearSegmentedColormap.from_list("layercut", SEQUENTIAL)


def draw_marks(axes: Axes, chart: Chart, panel: Panel, theme: Theme) -> None:
    """Draw everything that shares the panel's axes, and cells."""
    for index, series in enumerate(panel.boxes):
        _boxes(axes, series, index, panel, theme)
    for index, bars in enumerate(panel.bars):
        _bars(axes, bars, index, len(panel.bars), theme)
    for index, line in enumerate(panel.lines):
        aside = line_aside(panel, index)
        _line(axes, line, aside, panel, theme)
    for reference in panel.references:
        _reference(axes, reference, theme)
    if panel.cells is not None:
        _cells(axes, panel.cells, chart)


def draw_surface(axes: Any, chart: Chart, panel: Panel, cells: Cells, theme: Theme) -> None:
    """Draw a surface into three-dimensional axes."""
    low, high = chart.color_scale or (0.0, 1.0)
    height = np.array([[math.nan if value is None else value for value in row] for row in cells.values])
    x, y = np.meshgrid(range(len(cells.columns)), range(len(cells.rows)))
    axes.plot_surface(
        x, y, height, cmap=color_map(), vmin=low, vmax=high, edgecolor="#00000055", linewidth=0.3, shade=False
    )
    axes.set_xticks(range(len(cells.columns)), cells.columns)
    axes.set_yticks(range(len(cells.rows)), cells.rows)
    axes.set_xlabel(panel.x.label, color=theme.muted, labelpad=-4)
    axes.set_ylabel(panel.y.label, color=theme.muted, labelpad=-2)
    axes.set_zlabel(panel.z.label if panel.z else "", color=theme.muted, labelpad=-4)
    axes.tick_params(pad=-3)
    if panel.z and panel.z.limits:
        axes.set_zlim(*panel.z.limits)
    axes.view_init(elev=24, azim=-128)
    axes.set_box_aspect((1.15, 1.0, 0.75), zoom=0.82)
    for axis in (axes.xaxis, axes.yaxis, axes.zaxis):
        axis.set_pane_color((1, 1, 1, 0))


def draw_pictures(axes: Axes, panel: Panel, theme: Theme) -> None:
    """Lay the pictures out in rows, each with its caption below, framed where it has a mark."""
    rows, columns = picture_grid(panel)
    axes.set_axis_off()
    for index, picture in enumerate(panel.pictures):
        x, y = index % columns, -(index // columns)
        pixels = np.frombuffer(picture.pixels, dtype=np.uint8).reshape(picture.height, picture.width, 3)
        scale = min(0.88 / picture.width, 0.76 / picture.height)
        width, height = picture.width * scale / 2, picture.height * scale / 2
        middle = (x + 0.5, y - 0.4)
        place = (middle[0] - width, middle[0] + width, middle[1] - height, middle[1] + height)
        axes.imshow(pixels, extent=place, interpolation="nearest", aspect="auto")
        if picture.mark:
            style: dict[str, Any] = {
                "edgecolor": _MARK_COLORS[picture.mark],
                "linestyle": ":" if picture.mark == "wrong" else "-",
            }
            axes.add_patch(Rectangle((x + 0.04, y - 0.79), 0.92, 0.78, fill=False, linewidth=1.2, **style))
        axes.text(x + 0.5, y - 0.81, picture.caption, ha="center", va="top", size=5.5, color=theme.ink)
    axes.set_xlim(0, columns)
    axes.set_ylim(-rows, 0)
    axes.set_aspect("equal", anchor="NW")


def _boxes(axes: Axes, series: BoxSeries, index: int, panel: Panel, theme: Theme) -> None:
    color, count = theme.color(series.style.color), len(panel.boxes)
    aside = beside(index, count)
    axes.boxplot(
        [box.values for box in series.boxes],
        positions=[box.at + aside for box in series.boxes],
        widths=GROUP_WIDTH / count * 0.8,
        manage_ticks=False,
        patch_artist=True,
        boxprops={"facecolor": color + "38", "edgecolor": color, "linewidth": 0.7},
        medianprops={"color": color, "linewidth": 1.1},
        whiskerprops={"color": color, "linewidth": 0.7},
        capprops={"color": color, "linewidth": 0.7},
        flierprops={
            "marker": MARKERS[series.style.marker],
            "markersize": 1.8,
            "markerfacecolor": color,
            "markeredgewidth": 0,
        },
    )
    for box in series.boxes:
        if box.letters:
            place = (box.at + aside, max(box.values))
            note: dict[str, Any] = {
                "xytext": (0, 2),
                "textcoords": "offset points",
                "ha": "center",
                "va": "bottom",
                "size": 5.5,
                "rotation": 90 if crowded_boxes(panel) else 0,
                "path_effects": [withStroke(linewidth=1.5, foreground=theme.paper)],  # a reference may cross it
            }
            axes.annotate(box.letters, place, color=theme.ink, **note)


def _bars(axes: Axes, series: BarSeries, index: int, count: int, theme: Theme) -> None:
    color = theme.color(series.style.color)
    axes.bar(
        [bar.at + beside(index, count) for bar in series.bars],
        [bar.y for bar in series.bars],
        width=GROUP_WIDTH / count * 0.92,
        yerr=_errors((bar.y, bar.low, bar.high) for bar in series.bars),
        color=color,
        edgecolor=theme.paper,
        hatch=HATCHES[series.style.marker],
        linewidth=0.3,
        error_kw={"elinewidth": 0.7, "ecolor": theme.ink},
    )


def _line(axes: Axes, line: Line, aside: float, panel: Panel, theme: Theme) -> None:
    color = theme.color(line.style.color)
    x = [moved(panel, point.x, aside) for point in line.points]
    banded = [point for point in line.points if point.low is not None and point.high is not None]
    band = line.spread == "band"
    small = not line.connected and crowded_points(panel)
    if band and banded:
        low, high = [point.low or 0.0 for point in banded], [point.high or 0.0 for point in banded]
        axes.fill_between([point.x for point in banded], low, high, color=color, alpha=0.15, linewidth=0)
    axes.errorbar(
        x,
        [point.y for point in line.points],
        yerr=_errors((point.y, point.low, point.high) for point in line.points) if banded and not band else None,
        color=color,
        linestyle=DASHES[line.style.dash] if line.connected else "",
        linewidth=1,
        elinewidth=0.7,
        marker=MARKERS[line.style.marker] if line.marked else "",
        markersize=2.4 if small else 3.2,
        markeredgewidth=0.25 if small else None,
        markeredgecolor=theme.paper if small else None,
    )
    for place, point in zip(x, line.points, strict=True):
        if point.label:
            note: dict[str, Any] = {
                "xytext": (0, 2.5),
                "textcoords": "offset points",
                "ha": "center",
                "va": "bottom",
                "size": 5.5,
            }
            axes.annotate(point.label, (place, point.y), color=theme.ink, **note)


def _errors(values: Iterable[tuple[float, float | None, float | None]]) -> list[list[float]]:
    bounds = list(values)
    down = [0.0 if low is None else max(0.0, y - low) for y, low, _ in bounds]
    return [down, [0.0 if high is None else max(0.0, high - y) for y, _, high in bounds]]


def _reference(axes: Axes, reference: Reference, theme: Theme) -> None:
    axes.axhline(
        reference.y,
        color=theme.color(reference.style.color),
        linestyle=DASHES[reference.style.dash],
        linewidth=0.8,
        zorder=1.5,
    )


def _cells(axes: Axes, cells: Cells, chart: Chart) -> None:
    low, high = chart.color_scale or (0.0, 1.0)
    values = [[math.nan if value is None else value for value in row] for row in cells.values]
    few = len(cells.columns) <= 30
    axes.pcolormesh(
        values, cmap=color_map(), vmin=low, vmax=high, edgecolors="white" if few else "none", linewidth=1 if few else 0
    )
    axes.set_xticks([step + 0.5 for step in range(len(cells.columns))], cells.columns)
    axes.set_yticks([step + 0.5 for step in range(len(cells.rows))], cells.rows)
    axes.set_xlim(0, len(cells.columns))
    axes.set_ylim(0, len(cells.rows))
    axes.tick_params(length=0)
    for row, texts in enumerate(cells.texts):
        for column, text in enumerate(texts):
            value = cells.values[row][column]
            if value is not None and text:
                color = readable_on(sequential((value - low) / ((high - low) or 1)))
                weight = "bold" if (row, column) in cells.marked else "normal"
                axes.text(column + 0.5, row + 0.5, text, ha="center", va="center", color=color, weight=weight, size=6)
