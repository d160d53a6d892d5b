"""Mean paired difference to training from scratch, against the fraction of the data: when does transfer help?"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from operator import itemgetter
from typing import Any, Literal

import pandas as pd

from layercut.charts import Axis, Chart, LegendEntry, Line, Panel, Point, Reference, Style
from layercut.figures.names import (
    cut_entries,
    cut_line_name,
    cut_style,
    fraction_axis,
    fraction_label,
    padded,
    strategies_in_order,
)
from layercut.figures.study_tables import StudyTables
from layercut.stats.design import SCRATCH, plain_rows, rows_by

_ZERO = Reference(0.0, "scratch", Style("ink", dash="dash"))
_WHAT = {
    "mean": "Mean difference in test {metric} to training from scratch, paired by replicate; bars: 95 % interval of "
    "the signed-rank test, adjusted like its p-value.",
    "median": "Median test {metric} minus that of training from scratch.",
}


def compute(tables: StudyTables, *, of: Literal["mean", "median"] = "mean") -> Chart | None:
    """Return the chart of one context; None where nothing can be paired with scratch.

    `of`: the mean of paired differences with its interval, or the difference of medians, which has none.
    """
    contrasts = tables.contrasts if of == "mean" else _of_medians(tables)
    if contrasts.empty:
        return None
    num_blocks = int(tables.results["num_blocks"].max())
    strategies = strategies_in_order(contrasts["strategy"].unique())
    fractions = sorted(float(value) for value in contrasts["fraction"].unique())
    bounds = 100 * contrasts[["mean_difference", "low", "high"]]
    x = fraction_axis(fractions)
    low, high = min(0.0, float(bounds.min().min())), max(0.0, float(bounds.max().max()))
    y = Axis("Difference to scratch", "points", limits=padded(low, high, 2.0))
    own = rows_by(plain_rows(contrasts), "strategy")
    lines = {strategy: _lines(own[strategy], num_blocks) for strategy in strategies}
    panels = tuple(
        Panel(
            strategy,
            x,
            y,
            lines=tuple(lines[strategy].values()),
            references=(_ZERO,),
            strategy=strategy,
        )
        for strategy in strategies
    )
    return Chart(
        name="difference_to_scratch",
        title=f"Difference {'of medians ' if of == 'median' else ''}to training from scratch",
        panels=panels,
        caption=f"{_WHAT[of].format(metric=tables.metric)} Against the fraction of the target's training data, a panel "
        "for each strategy and a line for each cut. Overlapping points are shifted slightly. Above "
        "the dashed line, transfer helps.",
        alt=f"Lines of the difference to scratch in percentage points for {', '.join(strategies)}, "
        f"from {fraction_label(fractions[0])} to {fraction_label(fractions[-1])} of the data, "
        f"between {low:.1f} and {high:.1f} points.",
        legend_title="Cut",
        legend=(*cut_entries(lines.values()), LegendEntry(_ZERO.name, _ZERO.style, "reference")),
    )


def _of_medians(tables: StudyTables) -> pd.DataFrame:
    """Return rows as `contrasts_to_scratch` has them, of the median of a condition less that of scratch."""
    rows = tables.estimates[tables.estimates["num_replicates"] > 0]
    scratch = rows[rows["strategy"] == SCRATCH].set_index("fraction")["median"]
    others = rows[(rows["strategy"] != SCRATCH) & rows["fraction"].isin(scratch.index)]
    difference = others["median"].to_numpy() - scratch.loc[others["fraction"]].to_numpy()
    nothing = float("nan")
    return others.assign(mean_difference=difference, low=nothing, high=nothing, num_pairs=others["num_replicates"])


def _lines(rows: Sequence[Mapping[str, Any]], num_blocks: int) -> dict[int | None, Line]:
    """Return the line of each cut of a strategy; None stands for every cut."""
    points = {
        cut: tuple(map(_point, sorted(own, key=itemgetter("fraction"))))
        for cut, own in sorted(rows_by(rows, "cut").items())
    }
    if rows[0]["cutless"]:
        return {None: Line(cut_line_name(None), next(iter(points.values())), Style("muted", "circle"))}
    return {cut: Line(cut_line_name(cut), own, cut_style(cut, num_blocks)) for cut, own in points.items()}


def _point(row: Mapping[str, Any]) -> Point:
    difference, low, high = (100 * float(row[name]) for name in ("mean_difference", "low", "high"))
    known = not math.isnan(low)
    interval = f"95 % interval {low:+.1f} to {high:+.1f}" if known else "no interval"
    at = fraction_label(float(row["fraction"]))
    note = f"{difference:+.1f} points ({interval}, {row['num_pairs']} pairs) at {at}"
    return Point(float(row["fraction"]), difference, low if known else None, high if known else None, note)
