"""The figures, by name: each computes a `Chart` from the rows of one context, or None without its data."""

from __future__ import annotations

from collections.abc import Callable, Sequence
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


ProbeFigure: TypeAlias = "Callable[[pd.DataFrame, pd.DataFrame], Chart | None]"
"""From the results and the probes (`layercut.stats.load_probes`) of one context to a chart."""

PROBE_FIGURES: Registry[ProbeFigure] = Registry(
    "probe figure",
    {
        "probe_by_layer": Entry("layercut.figures.probe_by_layer:compute", "each probe's score by layer"),
        "cluster_boxes": Entry(
            "layercut.figures.cluster_boxes:compute", "agreement of clusters with classes by layer, as box plots"
        ),
    },
)


def probe_charts(
    results: pd.DataFrame, probes: pd.DataFrame, others: Sequence[pd.DataFrame] = ()
) -> list[tuple[Context, Chart]]:
    """Return the figures of probes for each context that has any; `others`: results of other studies, as a null."""
    from layercut.figures.probe_scoreboard import compute as draw_scoreboard  # noqa: PLC0415 - as above
    from layercut.stats import contexts, scoreboard  # noqa: PLC0415

    charts: list[tuple[Context, Chart | None]] = []
    for context, part in contexts(results) if len(probes) else ():
        own = probes[(probes["source"] == context.source) & probes["target"].isin([context.target, ""])]
        own = own[own["model"].isin([context.model, ""])]
        own.attrs = dict(probes.attrs)
        charts += [(context, PROBE_FIGURES[name](part, own)) for name in PROBE_FIGURES]
        charts.append((context, draw_scoreboard(scoreboard(part, own, others))))
    return [(context, chart) for context, chart in charts if chart is not None]
