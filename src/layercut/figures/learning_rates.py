"""Validation accuracy of pilots by learning rate, and the rate chosen, a panel for each strategy and fraction."""

from __future__ import annotations

import pandas as pd

from layercut.charts import Axis, Chart, LegendEntry, Line, Panel, Point, Style, Tick
from layercut.figures.names import cut_line_name, cut_style, fraction_label, padded, strategies_in_order
from layercut.figures.study_tables import StudyTables

_TAKEN = "taken"
_TAKEN_STYLE = Style("ink", "star")
_WIDER = 1.4


def compute(tables: StudyTables) -> Chart | None:
    """Return the chart of one context; None where the study gave every learning rate."""
    pilots = tables.pilots
    if pilots.empty:
        return None
    num_blocks = int(pilots["cut"].max())
    rates = sorted(float(rate) for rate in pilots["learning_rate"].unique())
    judged = pilots[~pilots["diverged"]]
    limits = padded(100 * float(judged["judged"].min()), 100 * float(judged["judged"].max()))
    x = Axis(
        "Learning rate",
        scale="log",
        ticks=tuple(Tick(rate, f"{rate:g}") for rate in rates),
        limits=(rates[0] / _WIDER, rates[-1] * _WIDER),
    )
    y = Axis(f"Validation {tables.metric} of pilots", "%", limits=limits)
    panels = [
        Panel(
            f"{strategy} at {fraction_label(fraction)} of the data", x, y, lines=lines,
            fraction=fraction_label(fraction), strategy=strategy,
        )
        for strategy in strategies_in_order(judged["strategy"].unique())
        for fraction in sorted(float(value) for value in judged["fraction"].unique())
        if (lines := _lines(_part(judged, strategy, fraction), num_blocks))
    ]  # fmt: skip
    if not panels:
        return None
    found = {line.name: LegendEntry(line.name, line.style, "line") for panel in panels for line in panel.lines}
    last = LegendEntry(_TAKEN, _TAKEN_STYLE, "point")
    names = sorted(pilots["strategy"].unique())
    return Chart(
        name="learning_rates",
        title="Learning rates in pilots",
        panels=tuple(panels),
        caption=f"Validation {tables.metric} of the pilots by learning rate, a panel for each strategy and fraction of "
        "the data and a line for each cut (blocks kept): mean where a rate had several pilots. Star: the rate that was "
        "taken: the middle one, or what the nearest cut took, unless another led by more than chance. Pilots that "
        "diverged are not drawn.",
        alt=f"Lines of validation {tables.metric} in per cent by learning rate for {', '.join(names)}.",
        legend_title="Cut",
        legend=(*(entry for entry in found.values() if entry.name != _TAKEN), last),
    )


def _part(pilots: pd.DataFrame, strategy: str, fraction: float) -> pd.DataFrame:
    return pilots[(pilots["strategy"] == strategy) & (pilots["fraction"] == fraction)]


def _lines(own: pd.DataFrame, num_blocks: int) -> tuple[Line, ...]:
    """Return a line for each cut, and the stars of what was taken."""
    lines, taken = [], []
    for cut in sorted(int(value) for value in own["cut"].unique()):
        at_cut = own[own["cut"] == cut]
        cutless = bool(at_cut["cutless"].iloc[0])
        name = cut_line_name(None if cutless else cut)
        points = []
        for rate in sorted(float(value) for value in at_cut["learning_rate"].unique()):
            rows = at_cut[at_cut["learning_rate"] == rate]
            score = 100 * float(rows["judged"].mean())
            number = f"{len(rows)} pilot{'s' if len(rows) > 1 else ''}"
            points.append(Point(rate, score, note=f"{name} at {rate:g}: {score:.1f} % ({number})"))
            if bool(rows["taken"].all()):
                taken.append(points[-1])
        style = Style("muted", "circle") if cutless else cut_style(cut, num_blocks)
        lines.append(Line(name, tuple(points), style))
        if cutless:
            break  # all cuts are one
    return (*lines, Line(_TAKEN, tuple(taken), _TAKEN_STYLE, connected=False)) if taken else tuple(lines)
