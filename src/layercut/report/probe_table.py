"""How well probes choose a cut: a table, and its message in words."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal

import pandas as pd

from layercut.figures import words
from layercut.report.sections import Cell, ConditionRow
from layercut.stats import Context, standings
from layercut.stats.design import context_columns, context_of

PROBE_COLUMNS = (
    ("Predictor", "A probe; in brackets, a rule that never looks at the target's features, or nearest neighbours"),
    ("Strategy", "The strategy whose cuts it ranks"),
    ("Data", "Fraction of the target's training images"),
    ("Spearman", "Rank correlation of score and mean test {metric} over cuts; positive: as the probe promises"),
    ("95 %", "Interval of Spearman's: bootstrap over replicates, percentiles"),
    ("Fisher", "Fisher's 95 % interval of the rank correlation, from the number of cuts alone"),
    ("p", "Permutation test of the rank correlation"),
    ("Kendall", "Kendall's rank correlation"),
    ("W. tau", "Weighted tau: rank correlation in which the best cuts count most"),
    ("Lost", "Test {metric} lost by taking the cut that it scores best, percentage points"),
    ("95 %", "Interval of the loss: bootstrap over replicates, percentiles"),
    ("Takes", "The cut that it scores best"),
)


def probe_rows(board: pd.DataFrame, contexts: Sequence[Context]) -> list[ConditionRow]:
    """Return the scoreboard as the page prints it; each fixed cut only on request."""
    if board.empty:
        return []
    index = {context: place for place, context in enumerate(contexts)}
    own, columns = board[board["scope"] == "cut"], context_columns(board)
    return [
        ConditionRow(
            context=index[context_of(row, columns)],
            strategies=(str(row["strategy"]),),
            fraction=words.fraction_label(row["fraction"]),
            cells=probe_cells(row, words.taken("cut", row["chosen"])),
            on_request=row["kind"] == "fixed_cut",
            muted=bool(row["is_null"]),
        )
        for row in own.to_dict("records")
    ]


def probe_verdicts(board: pd.DataFrame, scope: Literal["cut", "source"] = "cut") -> Iterator[str]:
    """Yield what the scoreboard of one scope says, over all strategies, fractions, sources and models."""
    own = board[board["scope"] == scope] if len(board) else board
    if own.empty or own["is_null"].all():
        return
    table = standings(own)
    fixed = table["kind"] == "fixed_cut"
    rules = [str(name) for name in table.loc[table["is_null"] & ~fixed, "predictor"]]
    probes = table[~table["is_null"]]
    lost = {
        str(name): [rule for rule in rules if rule in nulls]
        for name, nulls in zip(probes["predictor"], probes["loses_to"], strict=True)
    }
    regrets = dict(zip(map(str, table["predictor"]), table["regret"].astype(float), strict=True))
    good = [f"{name} ({_points(regrets[name])})" for name, to in lost.items() if not to]
    if good:
        against = words.conjunction([f"{rule} ({_points(regrets[rule])})" for rule in rules])
        lose = "lose" if len(good) > 1 else "loses"
        yield f"{words.conjunction(good)} {lose} no more on average than {against}."
    for name, to in lost.items():
        if to:
            most = words.conjunction(to)
            yield f"{name} loses {_points(regrets[name])} on average, more than {most}: of no use here."
    if scope == "cut" and fixed.any():
        best = table[fixed].sort_values("regret", kind="stable").iloc[0]
        yield (
            f"With hindsight, one fixed cut would have been enough: {best['predictor']} loses "
            f"{_points(float(best['regret']))} on average over {words.count(int(best['boards']), 'comparison')}. A "
            "probe that loses more tells you nothing beyond this study's usual cut."
        )


def probe_cells(row: Mapping[Any, Any], chosen: str) -> tuple[Cell, ...]:
    """Return the cells of one row of the scoreboard, one for each of `PROBE_COLUMNS`; `chosen`: what it takes."""
    name = f"[{row['predictor']}]" if row["is_null"] else str(row["predictor"])
    strategy = str(row["strategy"])
    return (
        Cell(name, str(row["predictor"]), "" if row["is_null"] else str(row["undefined"])),
        Cell(strategy, strategy),
        Cell(words.fraction_label(row["fraction"]), float(row["fraction"])),
        _correlation(row["spearman"]),
        _span(row["spearman_low"], row["spearman_high"]),
        _span(row["fisher_low"], row["fisher_high"]),
        _known(words.p_number(row["p"]), row["p"]),
        _correlation(row["kendall"]),
        _correlation(row["weighted_tau"]),
        _known(f"{100 * row['regret']:.1f}", row["regret"]),
        _known(f"{100 * row['regret_low']:.1f} to {100 * row['regret_high']:.1f}", row["regret_low"]),
        Cell(chosen, chosen),
    )


def _correlation(value: float) -> Cell:
    return _known(f"{value:+.2f}".replace("-", "−"), value)


def _span(low: float, high: float) -> Cell:
    return _known(f"{low:+.2f} to {high:+.2f}".replace("-", "−"), low)


def _known(text: str, value: float) -> Cell:
    return Cell(words.NOTHING, "") if math.isnan(value) else Cell(text, float(value))


def _points(regret: float) -> str:
    return f"{100 * regret:.1f} points"
