"""The candidates for the best cut: the distinct conditions that have finished."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

from layercut.stats.choice import ChosenRate
from layercut.stats.design import Context, DesignPoint, context_columns, contexts, plain_rows


class Measured(NamedTuple):
    """What the choice looks at in a row of `estimates`."""

    strategy: str
    cut: int
    fraction: float
    num_blocks: int
    condition: str
    merged: bool
    cutless: bool
    transfers: bool
    treatment: str
    num_replicates: int
    mean: float
    low: float
    high: float
    mean_validation: float
    mean_validation_loss: float
    num_without_validation: int
    num_trained_parameters: float
    num_parameters: float
    num_train_images: float
    num_validation_images: float
    num_test_images: float
    num_judging_images: float
    num_judging_test_images: float
    num_folds: float
    learning_rate: float
    lowest_rate: float
    highest_rate: float

    @property
    def point(self) -> DesignPoint:
        """Return what it is called."""
        return DesignPoint(self.strategy, None if self.cutless else self.cut)

    @property
    def rate(self) -> ChosenRate | None:
        """Return its learning rate, where pilots chose it."""
        if math.isnan(self.lowest_rate) or math.isnan(self.learning_rate):
            return None
        return ChosenRate(self.learning_rate, self.lowest_rate, self.highest_rate)


def distinct(rows: pd.DataFrame, within: Sequence[str] = ()) -> pd.DataFrame:
    """Return one row per distinct condition, under its best-known name; `within`: of each of these alone."""
    order = np.lexsort((rows["merged"].to_numpy(dtype=bool), ~rows["cutless"].to_numpy(dtype=bool)))
    first = rows.iloc[order].drop_duplicates([*within, "condition"])
    return first.sort_index()


def candidates_of(estimated: pd.DataFrame) -> Iterator[tuple[tuple[Context, float], list[Measured]]]:
    """Yield the finished conditions of each context and fraction: contexts as they appear, fractions ascending."""
    for context, part in contexts(estimated[[*context_columns(estimated), *Measured._fields]]):
        rows = [Measured(**{name: row[name] for name in Measured._fields}) for row in plain_rows(part)]
        for fraction in sorted({row.fraction for row in rows}):
            done = [row for row in rows if row.fraction == fraction and row.num_replicates > 0]
            yield (context, fraction), done


def by_strategy_of(candidates: Iterable[Measured]) -> dict[str, list[Measured]]:
    """Return the candidates of each strategy."""
    groups: dict[str, list[Measured]] = {}
    for one in candidates:
        groups.setdefault(one.strategy, []).append(one)
    return groups


def judgeable(group: list[Measured]) -> list[Measured]:
    """Return those that can be chosen; a single condition needs no choice."""
    return group if len(distinct_of(group)) == 1 else [one for one in group if not one.num_without_validation]


def distinct_of(group: Iterable[Measured]) -> list[Measured]:
    """Return the same as `distinct`, for plain rows."""
    order = sorted(group, key=lambda one: (not one.cutless, one.merged))
    named = {one.condition: one for one in reversed(order)}
    return [one for one in group if named[one.condition] is one]
