"""Mean test accuracy over cut and fraction as a surface, one panel per strategy."""

from __future__ import annotations

from dataclasses import replace

from layercut.charts import Axis, Chart, Panel
from layercut.figures import mean_heatmap
from layercut.figures.names import padded
from layercut.figures.study_tables import StudyTables

_LEAST = 2


def compute(tables: StudyTables) -> Chart | None:
    """Return the chart of one context; None where no strategy has two cuts at two fractions."""
    flat = mean_heatmap.compute(tables, scratch=False)
    by_cut = set(tables.estimates["strategy"][~tables.estimates["cutless"]])
    both = [panel for panel in flat.panels if panel.strategy in by_cut and _two_ways(panel)] if flat else []
    panels = tuple(_raised(panel, flat.color_scale, tables.metric) for panel in both) if flat else ()
    if flat is None or not panels:
        return None
    return replace(
        flat,
        name="accuracy_surface",
        title=f"Test {tables.metric} over cut and fraction of the data",
        panels=panels,
        caption=f"Mean test {tables.metric} over replicates, in per cent, over the number of blocks kept from the "
        "source and the fraction of the target's training data (evenly spaced), a panel for each strategy. Drag to "
        "turn it on a page; exact numbers are in the heat map.",
        alt=f"Surfaces of mean test {tables.metric} for {', '.join(panel.strategy for panel in panels)}.",
    )


def _two_ways(panel: Panel) -> bool:
    cells = panel.cells
    return cells is not None and len(cells.rows) >= _LEAST and len(cells.columns) >= _LEAST


def _raised(panel: Panel, scale: tuple[float, float] | None, metric: str) -> Panel:
    cells = panel.cells
    if cells is None:
        return panel
    surface = replace(cells, texts=tuple(("",) * len(row) for row in cells.values), marked=())
    low, high = scale or (0.0, 100.0)
    return replace(
        panel,
        x=replace(panel.x, title="Cut"),
        cells=None,
        surface=surface,
        z=Axis(metric[0].upper() + metric[1:], "%", limits=padded(low, high)),
    )
