"""A figure as a frozen value: everything that is shown, nothing about how it is drawn.

Figures compute a `Chart`; tests look into it; `charts.plotly` and `charts.matplotlib` draw it. Numbers are in
the unit that the axis names. Colours are `#rrggbb` or one of the roles in `charts.palette.Theme`, such as
`ink`, which each renderer fills in for light and dark.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

FORMATS = ("svg", "pdf", "png")
"""Files that a chart is drawn into, by their suffix."""

Marker = Literal["circle", "square", "diamond", "triangle", "cross", "plus", "star", "triangle_down"]
Dash = Literal["solid", "dash", "dot", "dashdot"]


@dataclass(frozen=True)
class Style:
    """How one series looks everywhere; marker and dash tell it apart without colour."""

    color: str
    marker: Marker = "circle"
    dash: Dash = "solid"


@dataclass(frozen=True)
class Tick:
    """A labelled position on an axis."""

    at: float
    label: str


@dataclass(frozen=True)
class Axis:
    """An axis; a category axis has its categories at 0, 1, 2, ..."""

    title: str
    unit: str = ""
    scale: Literal["linear", "log", "category"] = "linear"
    ticks: tuple[Tick, ...] = ()
    limits: tuple[float, float] | None = None
    bare: bool = False
    """Without numbers and grid, which would say nothing."""

    @property
    def label(self) -> str:
        """Return title and unit as printed beside the axis."""
        return f"{self.title} ({self.unit})" if self.unit else self.title


@dataclass(frozen=True)
class Box:
    """The values behind one box, at category `at`; the renderer computes quartiles (linear interpolation)."""

    at: int
    values: tuple[float, ...]
    letters: str = ""
    """Printed above the box: boxes without a letter in common are distinguishable."""


@dataclass(frozen=True)
class BoxSeries:
    """Boxes of one legend entry; series of one panel stand side by side at each category."""

    name: str
    boxes: tuple[Box, ...]
    style: Style


@dataclass(frozen=True)
class Point:
    """A point of a line with its interval; equal bounds or None: no interval."""

    x: float
    y: float
    low: float | None = None
    high: float | None = None
    note: str = ""
    """Shown on hover."""
    label: str = ""
    """Printed beside the point."""


@dataclass(frozen=True)
class Line:
    """Points of one legend entry."""

    name: str
    points: tuple[Point, ...]
    style: Style
    connected: bool = True
    marked: bool = True
    """Whether points have markers."""
    spread: Literal["bars", "band"] = "bars"
    """How intervals are drawn: a bar at each point, or one band behind the line."""


@dataclass(frozen=True)
class Bar:
    """A bar from 0 to `y` at category `at`, with its interval."""

    at: int
    y: float
    low: float | None = None
    high: float | None = None
    note: str = ""
    """Shown on hover."""


@dataclass(frozen=True)
class BarSeries:
    """Bars of one legend entry; series of one panel stand side by side at each category."""

    name: str
    bars: tuple[Bar, ...]
    style: Style


@dataclass(frozen=True)
class Cells:
    """A matrix of numbers; values[row][column], None where nothing was measured."""

    rows: tuple[str, ...]
    columns: tuple[str, ...]
    values: tuple[tuple[float | None, ...], ...]
    texts: tuple[tuple[str, ...], ...]
    marked: tuple[tuple[int, int], ...] = ()
    """(row, column) printed bold."""
    unit: str = "%"
    """Follows the number on hover."""


@dataclass(frozen=True)
class Picture:
    """A picture, row by row from the top, three bytes (red, green, blue) a pixel."""

    width: int
    height: int
    pixels: bytes
    caption: str = ""
    mark: Literal["", "right", "wrong"] = ""
    """How it is framed; `wrong` with a broken line, so that it shows without colour."""


@dataclass(frozen=True)
class Reference:
    """A horizontal line to compare with."""

    y: float
    name: str
    style: Style = field(default=Style("ink", dash="dash"))


@dataclass(frozen=True)
class Panel:
    """One pair of axes and what lies in it.

    Boxes, bars, lines and references share axes; cells, a surface or pictures have them alone.
    """

    title: str
    x: Axis
    y: Axis
    boxes: tuple[BoxSeries, ...] = ()
    lines: tuple[Line, ...] = ()
    references: tuple[Reference, ...] = ()
    cells: Cells | None = None
    bars: tuple[BarSeries, ...] = ()
    surface: Cells | None = None
    """Drawn as a surface over rows and columns; `z` is its height."""
    z: Axis | None = None
    pictures: tuple[Picture, ...] = ()
    picture_columns: int = 0
    """Pictures in a row; 0: at least five, as many as rows."""
    fraction: str = ""
    """Label of the fraction of the data that the panel is about; a page can show panels of one fraction alone."""
    strategy: str = ""
    """Strategy that the panel is about."""
    is_map: bool = False
    """Whether a unit must be as long on both axes."""

    @property
    def empty(self) -> bool:
        """Whether nothing measured would be drawn."""
        matrices = [cells for cells in (self.cells, self.surface) if cells]
        return not (self.boxes or self.lines or self.bars or self.pictures or any(cells.values for cells in matrices))


@dataclass(frozen=True)
class LegendEntry:
    """A row of the legend."""

    name: str
    style: Style
    kind: Literal["box", "line", "reference", "bar", "point"]


@dataclass(frozen=True)
class Chart:
    """A whole figure: panels that share a legend, or a colour scale."""

    name: str
    title: str
    panels: tuple[Panel, ...]
    caption: str
    """What is drawn and how to read it: intervals named, units said."""
    alt: str
    """What the figure shows, for those who cannot see it."""
    legend_title: str = ""
    legend: tuple[LegendEntry, ...] = ()
    legend_facet: Literal["", "strategy", "fraction"] = ""
    """What the entries of the legend are; a page that shows one strategy or fraction alone hides the others."""
    num_columns: int = 0
    """Panels in a row on paper; 0: as many as fit."""
    log_x_choice: bool = False
    """Whether a page offers a logarithmic x axis."""
    color_scale: tuple[float, float] | None = None
    """Values at the two ends of the sequential palette, where panels have cells."""
    color_title: str = ""
