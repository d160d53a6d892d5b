"""A chart with everything in it, for the tests of the renderers."""

from layercut.charts import (
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

EVIL = "<script>alert(1)</script>"
STYLE = Style("#0072b2", "square", "dash")
CATEGORIES = Axis("Cut", scale="category", ticks=(Tick(0, "0"), Tick(1, EVIL)))

PICTURE = Picture(2, 1, bytes((255, 0, 0, 0, 255, 0)), EVIL, "wrong")
HEIGHTS = Cells(("1 %", "100 %"), ("0", EVIL), ((50.0, 60.0), (70.0, 80.0)), (("", ""), ("", "")))

CHART = Chart(
    name="sample",
    title="Sample",
    panels=(
        Panel(
            "boxes",
            CATEGORIES,
            Axis("Accuracy", "%", limits=(0, 100)),
            boxes=(
                BoxSeries(EVIL, (Box(0, (1.0, 2.0, 3.0), "ab"), Box(1, tuple(map(float, range(40))), "<b>")), STYLE),
            ),
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
        Panel(
            "bars",
            CATEGORIES,
            Axis("Accuracy", "%"),
            bars=(BarSeries("bar", (Bar(0, 3.0, 2.0, 4.0), Bar(1, 2.0)), STYLE),),
            lines=(
                Line("curve", (Point(1, 1.0, 0.5, 2.0), Point(2, 2.0, 1.0, 3.0)), STYLE, spread="band", marked=False),
                Line("point", (Point(0, 1.0, label="a"), Point(1, 1.0, label="b")), STYLE, connected=False),
            ),
        ),
        Panel(
            "surface",
            CATEGORIES,
            Axis("Share", scale="category", ticks=(Tick(0, "1 %"), Tick(1, "100 %"))),
            surface=HEIGHTS,
            z=Axis("Accuracy", "%"),
        ),
        Panel("pictures", Axis(""), Axis(""), pictures=(PICTURE, Picture(1, 1, bytes((1, 2, 3))))),
    ),
    caption="A caption.",
    alt="A picture.",
    legend_title="Strategy",
    legend=(
        LegendEntry(EVIL, STYLE, "box"),
        LegendEntry("cut 0", STYLE, "line"),
        LegendEntry("scratch", Style("ink"), "reference"),
        LegendEntry("bar", STYLE, "bar"),
        LegendEntry("point", STYLE, "point"),
    ),
    color_scale=(0.0, 100.0),
    color_title="Accuracy (%)",
)
