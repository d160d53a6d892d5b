"""Box plots of test accuracy by cut, one panel per fraction: the main figure of a layer-cut study."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import pandas as pd

from layercut.charts import Axis, Box, BoxSeries, Chart, LegendEntry, Panel, Reference
from layercut.figures.chance import chance_caption, chance_entries, chance_lines, chance_of, down_to_chance
from layercut.figures.names import cut_axis, fraction_label, padded, strategies_in_order, strategy_style
from layercut.figures.study_tables import StudyTables
from layercut.stats.design import SCRATCH

_SCRATCH_LINE = "scratch (median)"
_LETTERS = (
    " Letters: two cuts of one strategy that share a letter are not distinguishable (exact Wilcoxon signed-rank test, "
    "p ≥ 0.05 after Holm over all pairs); a is the group of the highest mean. Strategies are not compared with each "
    "other; one without letters has one condition alone, or too few replicates to tell any two cuts apart."
)
_SCRATCH = {
    False: "Dashed line: median of training from scratch.",
    True: "On the left: training from scratch.",
}
_ROOM = 0.13
"""Share of the height that letters need above the highest box."""


def compute(tables: StudyTables, *, scratch: Literal["line", "box"] = "line") -> Chart | None:
    """Return the chart of one context; None without a finished trial that has a cut.

    `scratch`: training from scratch as a line at its median, or as a box beside the cuts.
    """
    boxed = scratch == "box"
    done = tables.finished
    cut = done[done["strategy"] != SCRATCH]
    if cut.empty:
        return None
    strategies = strategies_in_order(cut["strategy"].unique())
    cuts = sorted(int(value) for value in cut["cut"].unique())
    chance = chance_of(tables)
    metric = tables.metric
    panels = tuple(
        _panel(float(f), done[done["fraction"] == f], strategies, cuts, tables.letters, boxed, chance, metric)
        for f in sorted(cut["fraction"].unique())
    )
    legend = [LegendEntry(name, strategy_style(name), "box") for name in strategies]
    if any(series.name == SCRATCH for panel in panels for series in panel.boxes):
        legend.append(LegendEntry(SCRATCH, strategy_style(SCRATCH), "box"))
    lines = {line.name for panel in panels for line in panel.references}
    if _SCRATCH_LINE in lines:
        legend.append(LegendEntry(_SCRATCH_LINE, strategy_style(SCRATCH), "reference"))
    legend += chance_entries("chance" in lines)
    shown = ", ".join(panel.title for panel in panels)
    lettered = any(box.letters for panel in panels for series in panel.boxes for box in series.boxes)
    return Chart(
        name="cut_boxes",
        title=f"Test {metric} by cut",
        panels=panels,
        caption=f"Test {metric} of each replicate by number of blocks kept from the source, a panel for "
        "each fraction of the target's training data. Box: quartiles and median; whiskers: furthest "
        f"value within 1.5 interquartile ranges. {_SCRATCH[boxed]} "
        "Trials that several strategies share are shown under each of them. Each panel has its "
        f"own {metric} axis." + chance_caption(tables, chance, "chance" in lines) + (_LETTERS if lettered else ""),
        alt=f"Box plots of test {metric} in per cent for cuts {cuts[0]} to {cuts[-1]}, strategies "
        f"{', '.join(strategies)}, at {shown}.",
        legend_title="Strategy",
        legend=tuple(legend),
        legend_facet="strategy",
    )


def _panel(
    fraction: float,
    rows: pd.DataFrame,
    strategies: list[str],
    cuts: list[int],
    letters: Mapping[tuple[str, int, float], str],
    boxed: bool,
    chance: float | None,
    metric: str,
) -> Panel:
    places = {cut: place + boxed for place, cut in enumerate(cuts)}
    series = []
    for strategy in strategies:
        own = rows[rows["strategy"] == strategy]
        boxes = tuple(
            Box(
                places[cut],
                tuple(100 * value for value in own.loc[own["cut"] == cut, "score"].tolist()),
                letters.get((strategy, cut, fraction), ""),
            )
            for cut in sorted(own["cut"].unique().tolist())
        )
        if boxes:
            series.append(BoxSeries(strategy, boxes, strategy_style(strategy)))
    scratch = rows[rows["strategy"] == SCRATCH]["score"]
    style = strategy_style(SCRATCH)
    references = (Reference(float(100 * scratch.median()), _SCRATCH_LINE, style),) if len(scratch) and not boxed else ()
    if boxed and len(scratch):
        box = Box(0, tuple(100 * value for value in scratch.tolist()))
        series = [BoxSeries(SCRATCH, (box,), style), *series]
    values = 100 * rows["score"]
    low, high = down_to_chance(padded(float(values.min()), float(values.max()), 2.0), chance)
    if any(box.letters for one in series for box in one.boxes):
        high += _ROOM * (high - low)
    return Panel(
        title=f"{fraction_label(fraction)} of the data",
        x=cut_axis([SCRATCH, *cuts] if boxed else cuts),
        y=Axis(f"Test {metric}", "%", limits=(low, high)),
        boxes=tuple(series),
        references=(*references, *chance_lines((low, high), chance)),
        fraction=fraction_label(fraction),
    )
