"""Which rows of a results table belong together.

A *context* is everything of a condition except strategy, cut and fraction: source, target, model and the
level of each training factor. Conditions are compared within one context only.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import pandas as pd

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


def by_replicate(trials: pd.DataFrame) -> pd.DataFrame:
    """Return test accuracies of one context and fraction, a row a replicate and a column a condition's key.

    NaN where that trial did not finish.
    """
    once = trials.drop_duplicates(["condition", "replicate"])
    return once.pivot(index="replicate", columns="condition", values="test_accuracy")
