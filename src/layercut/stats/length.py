"""Trials that were still improving when their training ended."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

import pandas as pd

from layercut.stats.choice import BestCut
from layercut.stats.design import SCRATCH, Context, DesignPoint, contexts, finished
from layercut.stats.tables import Results, results_of

MOST_IMPROVING = 0.2
"""With a greater share of trials still improving, a comparison is in part one of how long was trained."""


class Improving(NamedTuple):
    """Counts of the trials whose reason for ending is known, and of those that were still improving."""

    num_improving: int
    num_trials: int

    @property
    def share(self) -> float:
        """Return the fraction that was still improving; 0 where nothing is known."""
        return self.num_improving / self.num_trials if self.num_trials else 0.0


class ShortTrainings(NamedTuple):
    """The trials of one strategy at one fraction."""

    context: Context
    fraction: float
    strategy: str
    improving: Improving


class ShortComparison(NamedTuple):
    """The transfer that an answer compares with scratch, where either side was still improving too often."""

    best: BestCut
    point: DesignPoint
    """The transfer."""
    transfer: Improving
    scratch: Improving


def improving_by_strategy(table: Results) -> list[ShortTrainings]:
    """Return for each context, fraction and strategy how many trials were still improving at the limit.

    A trial was if it ended at its last epoch, with the best validation accuracy of all in that epoch. Trials are
    counted once, whatever number of cuts shares them; those that had no validation images, were imported, whose last
    weights were asked for, or whose head was solved, are not counted: nothing tells.

    Args:
        table: what `load_results` returns.
    """
    return [
        ShortTrainings(context, float(rows["fraction"].iloc[0]), str(rows["strategy"].iloc[0]), _improving(rows))
        for context, known in contexts(_known(results_of(table)))
        for _, rows in known.groupby(["fraction", "strategy"], sort=False)
    ]


def short_comparisons(table: Results, best: Iterable[BestCut]) -> Iterator[ShortComparison]:
    """Yield the comparisons of answers with scratch in which more than a fifth of a side was improving.

    Where scratch was chosen, it is compared with the transfer that did best on validation images.
    """
    known = dict(contexts(_known(results_of(table))))
    for one in best:
        if one.context not in known or (one.contrast is None and one.against_transfer is None):
            continue
        point = one.against_transfer[0] if one.against_transfer else one.point
        rows = known[one.context]
        rows = rows[rows["fraction"] == one.fraction]
        at = True if point.cut is None else rows["cut"] == point.cut
        transfer = _improving(rows[(rows["strategy"] == point.strategy) & at])
        scratch = _improving(rows[rows["strategy"] == SCRATCH])
        if max(transfer.share, scratch.share) > MOST_IMPROVING:
            yield ShortComparison(one, point, transfer, scratch)


def _known(table: pd.DataFrame) -> pd.DataFrame:
    """Return the finished trials that could have been seen to stop improving."""
    if table.empty or "stop_reason" not in table:
        return table.iloc[:0]
    done = finished(table)
    told = done["stop_reason"].isin(["limit", "patience", "target"])
    return done[told & done["validation_accuracy"].notna()]


def _improving(rows: pd.DataFrame) -> Improving:
    trials = rows.drop_duplicates("key")
    at_the_limit = (trials["stop_reason"] == "limit") & (trials["best_epoch"] == trials["num_epochs"])
    return Improving(int(at_the_limit.sum()), len(trials))
