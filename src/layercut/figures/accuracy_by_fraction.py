"""Mean test accuracy against the fraction of the data, one line per cut: how much a cut saves in images."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from operator import itemgetter
from typing import Any

from layercut.charts import Axis, Chart, Line, Panel, Point, Style
from layercut.figures.chance import chance_caption, chance_entries, chance_lines, chance_of, down_to_chance
from layercut.figures.names import (
    bounds,
    cut_entries,
    cut_line_name,
    cut_style,
    estimate_note,
    fraction_axis,
    fraction_label,
    padded,
    strategies_in_order,
    strategy_style,
)
from layercut.figures.study_tables import StudyTables
from layercut.stats.design import SCRATCH, plain_rows, rows_by


def compute(tables: StudyTables) -> Chart | None:
    """Return the chart of one context; None without a finished trial that has a cut."""
    rows = tables.estimates[tables.estimates["num_replicates"] > 0]
    strategies = [name for name in strategies_in_order(rows["strategy"].unique()) if name != SCRATCH]
    if not strategies:
        return None
    num_blocks = int(rows["num_blocks"].max())
    fractions = sorted(float(value) for value in rows["fraction"].unique())
    own = rows_by(plain_rows(rows), "strategy")
    base = [_line(SCRATCH, own[SCRATCH], strategy_style(SCRATCH))] if SCRATCH in own else []
    lines = {strategy: _lines(own[strategy], num_blocks) for strategy in strategies}
    values = 100 * rows[["mean", "low", "high"]]
    chance = chance_of(tables)
    limits = down_to_chance(padded(float(values.min().min()), float(values.max().max()), 2.0), chance)
    y, at_chance = Axis(f"Test {tables.metric}", "%", limits=limits), chance_lines(limits, chance)
    panels = tuple(
        Panel(
            strategy,
            fraction_axis(fractions),
            y,
            lines=(*lines[strategy].values(), *base),
            references=at_chance,
            strategy=strategy,
        )
        for strategy in strategies
    )
    return Chart(
        name="accuracy_by_fraction",
        title=f"Test {tables.metric} against the fraction of the data",
        panels=panels,
        caption=f"Mean test {tables.metric} over replicates against the fraction of the target's training data, a "
        "panel for each strategy and a line for each cut (blocks kept). Bars: 95 % bootstrap interval (BCa) of the "
        "mean. Overlapping points are shifted slightly." + chance_caption(tables, chance, bool(at_chance)),
        alt=f"Lines of test {tables.metric} in per cent for {', '.join(strategies)}, from "
        f"{fraction_label(fractions[0])} to {fraction_label(fractions[-1])} of the data.",
        legend_title="Cut",
        legend=(*cut_entries(lines.values(), base), *chance_entries(bool(at_chance))),
    )


def _lines(rows: Sequence[Mapping[str, Any]], num_blocks: int) -> dict[int | None, Line]:
    """Return the line of each cut of a strategy; None stands for every cut."""
    by_cut = rows_by(rows, "cut")
    if rows[0]["cutless"]:
        return {None: _line(cut_line_name(None), by_cut[min(by_cut)], Style("muted", "circle"))}
    return {cut: _line(cut_line_name(cut), by_cut[cut], cut_style(cut, num_blocks)) for cut in sorted(by_cut)}


def _line(name: str, rows: Sequence[Mapping[str, Any]], style: Style) -> Line:
    return Line(name, tuple(map(_point, sorted(rows, key=itemgetter("fraction")))), style)


def _point(row: Mapping[str, Any]) -> Point:
    fraction = float(row["fraction"])
    note = f"{estimate_note(row)} at {fraction_label(fraction)}"
    return Point(fraction, 100 * float(row["mean"]), *bounds(row), note)
