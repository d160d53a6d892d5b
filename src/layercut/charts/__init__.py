"""Figures as plain data, and the two ways to draw them: on a page (plotly) and on paper (matplotlib)."""

from layercut.charts.chart import (
    Axis,
    Bar,
    BarSeries,
    Box,
    BoxSeries,
    Cells,
    Chart,
    LegendEntry,
    Line,
    Panel,
    Picture,
    Point,
    Reference,
    Style,
    Tick,
)

__all__ = [
    "Axis",
    "Bar",
    "BarSeries",
    "Box",
    "BoxSeries",
    "Cells",
    "Chart",
    "LegendEntry",
    "Line",
    "Panel",
    "Picture",
    "Point",
    "Reference",
    "Style",
    "Tick",
]
