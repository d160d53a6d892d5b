"""A chart with everything in it, for the tests of the renderers."""

from layercut.charts import Axis, Box, BoxSeries, Cells, Chart, Entry, Line, Panel, Point, Reference, Style, Tick

EVIL = "<script>alert(1)</script>"
STYLE = Style("#0072b2", "square", "dash")
CATEGORIES = Axis("Cut", scale="category", ticks=(Tick(0, "0"), Tick(1, EVIL)))

CHART = Chart(
    name="sample",
    title="Sample",
    panels=(
        Panel(
            "boxes",
            CATEGORIES,
            Axis("Accuracy", "%", limits=(0, 100)),
            boxes=(BoxSeries(EVIL, (Box(0, (1.0, 2.0, 3.0)), Box(1, tuple(map(float, range(40))))), STYLE),),
            references=(Reference(50.0, "scratch"),),
        ),
        Panel(
            "lines",
            Axis("Share", scale="log", ticks=(Tick(0.01, "1 %"), Tick(1, "100 %")), limits=(0.005, 2)),
            Axis("Difference", "points"),
            lines=(
                Line("cut 0", (Point(0.01, 1.0, 0.5, 2.0, "note"), Point(1.0, 0.0)), STYLE),
                Line("cut 1", (Point(0.01, 1.0, 0.5, 2.0), Point(1.0, 0.0)), STYLE),
            ),
        ),
        Panel(
            "cells",
            CATEGORIES,
            Axis("Share", scale="category", ticks=(Tick(0, "1 %"),)),
            cells=Cells(("1 %",), ("0", EVIL), ((50.0, None),), (("50.0", ""),), marked=((0, 0),)),
        ),
    ),
    caption="A caption.",
    alt="A picture.",
    legend_title="Strategy",
    legend=(Entry(EVIL, STYLE, "box"), Entry("cut 0", STYLE, "line"), Entry("scratch", Style("ink"), "reference")),
    color_scale=(0.0, 100.0),
    color_title="Accuracy (%)",
)
