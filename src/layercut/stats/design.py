"""Which rows of a results table belong together.

A *context* is everything of a condition except strategy, cut and fraction: source, target, model and the
level of each training factor. Conditions are compared within one context only.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

SCRATCH = "scratch"
"""The strategy that transfers nothing: the baseline of every comparison."""

CUTLESS = (SCRATCH, "finetune")
"""Strategies that do the same at every cut."""

POINT = ["strategy", "cut", "fraction"]
"""Columns that name a condition within its context."""


class Context(NamedTuple):
    """Source, target, model and factor levels that several conditions share."""

    source: str
    target: str
    model: str
    factors: tuple[tuple[str, str], ...] = ()


def factors_of(table: pd.DataFrame) -> list[str]:
    """Return the names of the training factors, each a column of `table`."""
    return list(table.attrs.get("factors", []))


def context_columns(table: pd.DataFrame) -> list[str]:
    """Return the columns that tell contexts apart."""
    return ["source", "target", "model", *factors_of(table)]


def context_of(row: Mapping[Any, Any], factors: Sequence[str]) -> Context:
    """Return the context of one row."""
    levels = tuple((factor, str(row[factor])) for factor in factors)
    return Context(str(row["source"]), str(row["target"]), str(row["model"]), levels)


def contexts(table: pd.DataFrame) -> Iterator[tuple[Context, pd.DataFrame]]:
    """Yield each context with its rows, in the order of first appearance; `attrs` are kept."""
    columns = context_columns(table)
    if table.empty:
        return
    for values, rows in table.groupby(columns, sort=False, dropna=False):
        source, target, model, *levels = (str(value) for value in values)
        part = rows.copy()
        part.attrs = dict(table.attrs)
        yield Context(source, target, model, tuple(zip(factors_of(table), levels, strict=True))), part


def rows_of(table: pd.DataFrame, context: Context) -> pd.DataFrame:
    """Return the rows of a table that are about one context; `attrs` are kept."""
    named = {"source": context.source, "target": context.target, "model": context.model, **dict(context.factors)}
    wanted = np.ones(len(table), dtype=bool)
    for column, name in named.items():
        if column in table:
            wanted &= (table[column].astype("str") == name).to_numpy(dtype=bool)
    part = table[wanted].reset_index(drop=True)
    part.attrs = dict(table.attrs)
    return part


def finished(table: pd.DataFrame) -> pd.DataFrame:
    """Return the rows that hold a test accuracy: finished trials, one row a condition name and replicate."""
    done = table[(table["status"] == "finished") & table["test_accuracy"].notna()]
    done = done.drop_duplicates([*context_columns(table), *POINT, "replicate"])
    done.attrs = dict(table.attrs)
    return done


def accuracies_of(table: pd.DataFrame) -> dict[tuple[Context, float], pd.DataFrame]:
    """Return test accuracies of finished trials by context and fraction, each as `by_replicate` gives them."""
    columns = [*context_columns(table), "fraction"]
    done = finished(table[[*context_columns(table), *POINT, "replicate", "status", "condition", "test_accuracy"]])
    shown = done[["replicate", "condition", "test_accuracy"]]  # what is grouped is copied: no names
    found = {}
    for values, trials in shown.groupby([done[name] for name in columns], sort=False, dropna=False):
        source, target, model, *levels, fraction = values
        factors = zip(factors_of(table), map(str, levels), strict=True)
        found[Context(str(source), str(target), str(model), tuple(factors)), float(str(fraction))] = by_replicate(
            trials
        )
    return found


def by_replicate(trials: pd.DataFrame) -> pd.DataFrame:
    """Return test accuracies of one context and fraction, a row a replicate and a column a condition's key.

    NaN where that trial did not finish; of several rows of one trial the first one counts.
    """
    replicates, rows = np.unique(trials["replicate"].to_numpy(), return_inverse=True)
    columns, conditions = pd.factorize(trials["condition"], sort=True)
    values = np.full((len(replicates), len(conditions)), np.nan)
    accuracies = trials["test_accuracy"].to_numpy(dtype=np.float64)
    values[rows[::-1], columns[::-1]] = accuracies[::-1]
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


def rows_by(rows: Iterable[Mapping[str, Any]], name: str) -> dict[Any, list[Mapping[str, Any]]]:
    """Return plain rows by the value of one column, in the order of first appearance."""
    found: dict[Any, list[Mapping[str, Any]]] = {}
    for row in rows:
        found.setdefault(row[name], []).append(row)
    return found
