"""Mean test accuracy by cut as bars from zero, one panel per fraction: differences in proportion to the whole."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from operator import itemgetter
from typing import Any

from layercut.charts import Axis, Bar, BarSeries, Chart, LegendEntry, Panel, Reference
from layercut.figures.chance import chance_caption, chance_entries, chance_lines, chance_of
from layercut.figures.names import bounds, cut_axis, estimate_note, fraction_label, strategies_in_order, strategy_style
from layercut.figures.study_tables import StudyTables
from layercut.stats.design import SCRATCH, plain_rows, rows_by

_SCRATCH_LINE = "scratch (mean)"


def compute(tables: StudyTables) -> Chart | None:
    """Return the chart of one context; None without a finished trial that has a cut."""
    rows = tables.estimates[tables.estimates["num_replicates"] > 0]
    transferred = rows[rows["strategy"] != SCRATCH]
    if transferred.empty:
        return None
    strategies = strategies_in_order(transferred["strategy"].unique())
    cuts = sorted(int(cut) for cut in transferred["cut"].unique())
    by_fraction = rows_by(plain_rows(rows), "fraction")
    chance = chance_of(tables)
    panels = tuple(
        _panel(float(fraction), by_fraction[fraction], strategies, cuts, chance, tables.metric)
        for fraction in sorted(transferred["fraction"].unique())
    )
    legend = [LegendEntry(name, strategy_style(name), "bar") for name in strategies]
    if any(line.name == _SCRATCH_LINE for panel in panels for line in panel.references):
        legend.append(LegendEntry(_SCRATCH_LINE, strategy_style(SCRATCH), "reference"))
    legend += chance_entries(chance is not None)
    return Chart(
        name="accuracy_bars",
        title=f"Test {tables.metric} by cut, from zero",
        panels=panels,
        caption=f"Mean test {tables.metric} over replicates by number of blocks kept from the source, a panel for each "
        "fraction "
        "of the target's training data. Lines on the bars: 95 % bootstrap interval (BCa) of the mean. Dashed line: "
        "mean of training from scratch." + chance_caption(tables, chance, drawn=True),
        alt=f"Bars of mean test {tables.metric} in per cent for cuts {cuts[0]} to {cuts[-1]}, strategies "
        f"{', '.join(strategies)}.",
        legend_title="Strategy",
        legend=tuple(legend),
        legend_facet="strategy",
    )


def _panel(
    fraction: float,
    rows: Sequence[Mapping[str, Any]],
    strategies: list[str],
    cuts: list[int],
    chance: float | None,
    metric: str,
) -> Panel:
    series, by_strategy = [], rows_by(rows, "strategy")
    for strategy in strategies:
        if strategy in by_strategy:
            own = sorted(by_strategy[strategy], key=itemgetter("cut"))
            bars = tuple(_bar(row, cuts.index(row["cut"])) for row in own)
            series.append(BarSeries(strategy, bars, strategy_style(strategy)))
    scratch = [row["mean"] for row in by_strategy.get(SCRATCH, [])]
    style = strategy_style(SCRATCH)
    limits = (0.0, 104.0)
    lines = (Reference(100 * scratch[0], _SCRATCH_LINE, style),) if scratch else ()
    return Panel(
        title=f"{fraction_label(fraction)} of the data",
        x=cut_axis(cuts),
        y=Axis(f"Test {metric}", "%", limits=limits),
        bars=tuple(series),
        references=(*lines, *chance_lines(limits, chance)),
        fraction=fraction_label(fraction),
    )


def _bar(row: Mapping[str, Any], place: int) -> Bar:
    return Bar(place, 100 * float(row["mean"]), *bounds(row), estimate_note(row))
