"""Heat map of mean test accuracy: cut by fraction, one panel per strategy."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from layercut.charts import Axis, Cells, Chart, Panel, Tick
from layercut.figures.names import fraction_label, strategies_in_order
from layercut.figures.study_tables import StudyTables
from layercut.stats.design import SCRATCH


def compute(tables: StudyTables, *, scratch: bool = True) -> Chart | None:
    """Return the chart of one context; None without a finished trial that has a cut.

    `scratch`: whether training from scratch is a column beside the cuts.
    """
    done = tables.finished
    if (done["strategy"] == SCRATCH).all():
        return None
    means = 100 * done.groupby(["strategy", "fraction", "cut"])["score"].mean()
    transferred = [name for name in strategies_in_order(done["strategy"].unique()) if name != SCRATCH]
    fractions = sorted(float(value) for value in done["fraction"].unique())
    highest = means.groupby("fraction").max()
    cells = dict(zip(means.index.to_flat_index(), map(float, means), strict=True))
    beside = [(SCRATCH, 0)] if scratch and (done["strategy"] == SCRATCH).any() else []
    panels = tuple(_panel(strategy, beside, cells, fractions, highest) for strategy in transferred)
    return Chart(
        name="mean_heatmap",
        title=f"Mean test {tables.metric}",
        panels=panels,
        caption=f"Mean test {tables.metric} over replicates, in per cent, by number of blocks kept from the "
        "source and fraction of the target's training data, a panel for each strategy; the column on "
        "the left is training from scratch. Bold: the highest mean at that fraction over all panels "
        "(seen on test data, so this is not a recommendation).",
        alt=f"Heat maps of mean test {tables.metric} for {', '.join(transferred)}, from {means.min():.1f} to "
        f"{means.max():.1f} per cent.",
        color_scale=(float(means.min()), float(means.max())),
        color_title=f"Mean test {tables.metric} (%)",
    )


def _panel(
    strategy: str,
    beside: list[tuple[str, int]],
    means: Mapping[tuple[str, float, int], float],
    fractions: list[float],
    highest: pd.Series,
) -> Panel:
    cuts = sorted({cut for name, _, cut in means if name == strategy})
    keys = [*beside, *((strategy, cut) for cut in cuts)]
    values = tuple(tuple(means.get((name, f, cut)) for name, cut in keys) for f in fractions)
    columns = tuple("scratch" if name == SCRATCH else str(cut) for name, cut in keys)
    rows = tuple(fraction_label(fraction) for fraction in fractions)
    marked = tuple(
        (row, column)
        for row, fraction in enumerate(fractions)
        for column, value in enumerate(values[row])
        if value is not None and value >= highest[fraction] - 1e-9
    )
    texts = tuple(tuple("" if value is None else f"{value:.1f}" for value in row) for row in values)
    return Panel(
        title=strategy,
        x=Axis(
            "Blocks kept from the source (cut)",
            scale="category",
            ticks=tuple(Tick(place, label) for place, label in enumerate(columns)),
        ),
        y=Axis(
            "Fraction of the data",
            scale="category",
            ticks=tuple(Tick(place, label) for place, label in enumerate(rows)),
        ),
        cells=Cells(rows, columns, values, texts, marked),
        strategy=strategy,
    )
