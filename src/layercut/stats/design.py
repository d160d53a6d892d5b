"""Which rows of a results table belong together.

A *context* is everything of a condition except strategy, cut and fraction: source, target, model, the level of each
training factor, and the study. Conditions are compared within one context only. All of it stands in columns, so that
it outlives whatever is done to a table: a factor is a column whose name begins with `factor_`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple, cast

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from layercut.errors import UserError
from layercut.metrics import NAMES, Metric
from layercut.stats.metric import column_on_test, metric_of, scored_by

SCRATCH = "scratch"
"""The strategy that transfers nothing: the baseline of every comparison."""

POINT = ["strategy", "cut", "fraction"]
"""Columns that name a condition within its context."""

TREATMENT = ("cutless", "transfers", "treatment")
"""Columns that say what is done at a design point (`with_treatments`)."""

FACTOR = "factor_"
"""How the name of a column begins that holds the levels of a training factor; the factor's own name follows."""


class Context(NamedTuple):
    """Source, target, model, factor levels and study that several conditions share."""

    source: str
    target: str
    model: str
    factors: tuple[tuple[str, str], ...] = ()
    """Name and level of each; the level is empty where a study of the table lacks the factor."""
    study: str = ""

    def by_column(self) -> dict[str, str]:
        """Return the value that each column of a results table has in this context."""
        levels = {FACTOR + factor: level for factor, level in self.factors}
        return {"source": self.source, "target": self.target, "model": self.model, "study": self.study, **levels}


def factor_columns(table: pd.DataFrame) -> list[str]:
    """Return the columns of `table` that hold the levels of a training factor.

    Example:
        >>> factor_columns(pd.DataFrame(columns=["source", "factor_optimizer", "cut"]))
        ['factor_optimizer']
    """
    return [str(column) for column in table.columns if str(column).startswith(FACTOR)]


def level_columns(table: pd.DataFrame) -> list[str]:
    """Return what tells rows of one source, target and model apart: the study, and each factor."""
    return [*(name for name in ("study",) if name in table), *factor_columns(table)]


def context_columns(table: pd.DataFrame) -> list[str]:
    """Return the columns that tell contexts apart."""
    return ["source", "target", "model", *level_columns(table)]


def context_of(row: Mapping[Any, Any], columns: Sequence[str]) -> Context:
    """Return the context of one row; `columns` are the `context_columns` of its table."""
    levels = tuple((name.removeprefix(FACTOR), str(row[name])) for name in columns if name.startswith(FACTOR))
    study = str(row["study"]) if "study" in columns else ""
    return Context(str(row["source"]), str(row["target"]), str(row["model"]), levels, study)


def contexts(table: pd.DataFrame) -> Iterator[tuple[Context, pd.DataFrame]]:
    """Yield each context with its rows, in the order of first appearance; `attrs` are kept."""
    if table.empty:
        return
    table = with_named_levels(table)
    columns = context_columns(table)
    for values, rows in table.groupby(columns, sort=False, dropna=False):
        part = rows.copy()
        part.attrs = dict(table.attrs)
        yield context_of(dict(zip(columns, values, strict=True)), columns), part


def rows_of(table: pd.DataFrame, context: Context, any_source: bool = False) -> pd.DataFrame:
    """Return the rows of a table that are about one context, or about all like it of any source; `attrs` are kept."""
    table = with_named_levels(table)
    wanted = np.ones(len(table), dtype=bool)
    for column, name in context.by_column().items():
        if column in table and not (any_source and column == "source"):
            wanted &= (table[column].astype("str") == name).to_numpy(dtype=bool)
    part = table[wanted].reset_index(drop=True)
    part.attrs = dict(table.attrs)
    return part


def with_named_levels(table: pd.DataFrame) -> pd.DataFrame:
    """Return a table whose levels are texts again: files make numbers of them, and `concat` leaves holes.

    Example:
        >>> list(with_named_levels(pd.DataFrame({"factor_size": [8, 32, None]})).factor_size)
        ['8', '32', '']
    """
    odd = {name: table[name] for name in level_columns(table) if not _is_text(table[name])}
    if not odd:
        return table
    named = table.assign(**{name: [_level(value) for value in column] for name, column in odd.items()})
    named.attrs = dict(table.attrs)
    return named


def _is_text(column: pd.Series) -> bool:
    return column.empty or (pd.api.types.infer_dtype(column) == "string" and not column.hasnans)


def _level(value: Any) -> str:
    if pd.isna(value):
        return ""
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def with_treatments(table: pd.DataFrame) -> pd.DataFrame:
    """Return a table with what is done at each design point: older tables, and those made by hand, do not tell.

    `cutless`: the strategy does the same at every cut. `transfers`: some block comes from the source. `treatment`:
    both in words, empty where it was not written down.
    """
    if set(TREATMENT) <= set(table) and not table[list(TREATMENT)].isna().any(axis=None):
        return table
    is_scratch = table["strategy"] == SCRATCH
    found = table.assign(
        cutless=_filled(table, "cutless", is_scratch),
        transfers=_filled(table, "transfers", ~is_scratch),
        treatment=_filled(table, "treatment", pd.Series("", index=table.index)),
    )
    found.attrs = dict(table.attrs)
    return found


def _filled(table: pd.DataFrame, column: str, otherwise: pd.Series) -> pd.Series:
    if column not in table:
        return otherwise
    return table[column].where(table[column].notna(), otherwise).astype(otherwise.dtype)


class DesignPoint(NamedTuple):
    """A condition of one context and fraction, as it is called."""

    strategy: str
    cut: int | None
    """None where the strategy does the same at every cut."""


def cut_of(row: Mapping[Any, Any]) -> int | None:
    """Return the cut of a row; None where its strategy does the same at every cut."""
    return None if row["cutless"] else int(row["cut"])


def one_row_a_trial(table: pd.DataFrame) -> pd.DataFrame:
    """Return a results table with its levels as texts, in which no design point has two rows of one replicate.

    Raises:
        UserError: it has, or lacks a column: statistics would count a trial twice, or pick one at random.
    """
    needed = ["source", "target", "model", *POINT, "replicate", "status", column_on_test(metric_of(table))]
    if missing := [name for name in needed if name not in table]:
        raise UserError(
            f"expected a results table as `load_results` returns it; got one without {', '.join(missing)} "
            f"(it has {', '.join(map(str, table.columns[:8])) or 'no column'})"
        )
    table = with_treatments(with_named_levels(table))
    names = [*context_columns(table), *POINT, "replicate"]
    again = table.duplicated(names).to_numpy(dtype=bool)
    if again.any():
        second = int(again.argmax())
        row = table.iloc[second]
        first = int((table[names] == row[names]).all(axis=1).to_numpy(dtype=bool).argmax())
        point = ", ".join(f"{name} {row[name]}" for name in names if str(row[name]))
        raise UserError(
            f"expected one row for each condition and replicate; rows {first} and {second} of this table are both "
            f"{point} ({int(again.sum()):,} such rows in all). Give combined runs different values in the column "
            "`study`, and drop rows that a merge has repeated"
        )
    return table


def finished(table: pd.DataFrame, metric: Metric | None = None) -> pd.DataFrame:
    """Return the rows that hold a test accuracy: finished trials, one row per condition name and replicate.

    The column `score` holds the metric on the test images, in 0..1; that of the study where None.

    Raises:
        UserError: two rows are of one design point and replicate, or older versions made the table without the metric.
    """
    table = one_row_a_trial(table)
    metric = metric or metric_of(table)
    done = table[table["status"] == "finished"]
    scores = done[column_on_test(metric)] if column_on_test(metric) in done else pd.Series(np.nan, index=done.index)
    if len(done) and scores.isna().all() and done["test_accuracy"].notna().any():
        raise UserError(
            f"expected results with the {NAMES[metric]} of each trial; these were imported or made by an older "
            "version, and have accuracy alone"
        )
    done = done.assign(score=scores)[scores.notna()]
    done.attrs = dict(table.attrs)
    return done


def accuracies_of(table: pd.DataFrame) -> dict[tuple[Context, float], pd.DataFrame]:
    """Return test scores of finished trials by context and fraction, each as `by_replicate` gives them."""
    done = finished(table[[*context_columns(table), *POINT, "replicate", "status", "condition", *scored_by(table)]])
    shown = done[["replicate", "condition", "score"]]  # what is grouped is copied: no names
    columns, found = [*context_columns(done), "fraction"], {}
    for values, trials in shown.groupby([done[name] for name in columns], sort=False, dropna=False):
        context = context_of(dict(zip(columns, values, strict=True)), columns[:-1])
        found[context, cast(float, values[-1])] = by_replicate(trials)
    return found


def by_replicate(trials: pd.DataFrame) -> pd.DataFrame:
    """Return test scores of one context and fraction, one row per replicate and one column per condition's key.

    `trials`: from `finished`. NaN where that trial did not finish; of several rows of one trial the first one counts.
    """
    replicates, rows = np.unique(trials["replicate"].to_numpy(), return_inverse=True)
    columns, conditions = pd.factorize(trials["condition"], sort=True)
    values = np.full((len(replicates), len(conditions)), np.nan)
    scores = trials["score"].to_numpy(dtype=np.float64)
    values[rows[::-1], columns[::-1]] = scores[::-1]
    return pd.DataFrame(
        values, index=pd.Index(replicates, name="replicate"), columns=pd.Index(conditions, name="condition")
    )


def paired_differences(accuracies: pd.DataFrame, conditions: Sequence[str], baseline: str) -> list[NDArray[np.float64]]:
    """Return for each condition its accuracies less those of the baseline, where both finished (`by_replicate`)."""
    wide = accuracies[[*conditions, baseline]].to_numpy().T
    differences = wide[:-1] - wide[-1]
    return [difference[~np.isnan(difference)] for difference in differences]


def plain_rows(table: pd.DataFrame) -> list[dict[str, Any]]:
    """Return each row as a mapping of its columns, for what walks through few rows one by one: a frame is slow at it.

    Example:
        >>> plain_rows(pd.DataFrame({"cut": [0, 1], "mean": [0.5, 0.75]}))
        [{'cut': 0, 'mean': 0.5}, {'cut': 1, 'mean': 0.75}]
    """
    columns = [table[name].tolist() for name in table.columns]
    return [dict(zip(table.columns, values, strict=True)) for values in zip(*columns, strict=True)]


def by_fraction(table: pd.DataFrame) -> Iterator[tuple[float, pd.DataFrame]]:
    """Yield each fraction with its rows, in the order of first appearance."""
    for fraction, rows in table.groupby("fraction", sort=False):
        yield cast(float, fraction), rows


def rows_by(rows: Iterable[Mapping[str, Any]], name: str) -> dict[Any, list[Mapping[str, Any]]]:
    """Return plain rows by the value of one column, in the order of first appearance."""
    found: dict[Any, list[Mapping[str, Any]]] = {}
    for row in rows:
        found.setdefault(row[name], []).append(row)
    return found
