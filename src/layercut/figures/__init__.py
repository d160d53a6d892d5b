"""The figures, by name: each computes a `Chart` from the rows of one context, or None without its data."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeAlias

from layercut.registry import Entry, Registry

if TYPE_CHECKING:  # listing names needs no pandas
    import pandas as pd

    from layercut.charts import Chart
    from layercut.stats import Context

Figure: TypeAlias = "Callable[[pd.DataFrame], Chart | None]"
"""From a results table (`layercut.stats.load_results`) of one context to a chart."""

FIGURES: Registry[Figure] = Registry(
    "figure",
    {
        "cut_boxes": Entry(
            "layercut.figures.cut_boxes:compute", "box plots of test accuracy by cut, a panel a fraction"
        ),
        "difference_to_scratch": Entry(
            "layercut.figures.difference_to_scratch:compute", "difference to training from scratch by fraction"
        ),
        "mean_heatmap": Entry("layercut.figures.mean_heatmap:compute", "mean test accuracy by cut and fraction"),
    },
)


def charts_of(name: str, table: pd.DataFrame) -> list[tuple[Context, Chart]]:
    """Return the figure `name` for each context of a results table that has its data.

    Raises:
        UnknownNameError: no such figure.
    """
    from layercut.stats import contexts  # noqa: PLC0415 - listing names needs no pandas

    compute = FIGURES[name]
    charts = [(context, compute(part)) for context, part in contexts(table)]
    return [(context, chart) for context, chart in charts if chart is not None]
