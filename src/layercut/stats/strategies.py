"""Compare two strategies: at each cut, over all cuts, and each at its best cut."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from layercut.errors import UserError, did_you_mean
from layercut.stats.best_cut import best_cuts
from layercut.stats.contrast import Contrast, adjust_families, contrasts_of
from layercut.stats.design import SCRATCH, by_fraction, by_replicate, context_columns, contexts, finished
from layercut.stats.tables import Results, results_of


def compare_strategies(table: Results, strategy: str, baseline: str) -> pd.DataFrame:
    """Return the contrasts in test accuracy of one strategy with another, paired by replicate.

    Rows, by column `at`: `cut`, one for each cut that both have (scratch is the same at every cut);
    `all cuts`, the mean over these cuts in each replicate; `best cuts`, each strategy at its own best cut
    (chosen on validation accuracy). Columns: those of the context; `at`, `fraction`, `cut`, `baseline_cut`
    (-1 over all cuts), `condition`, `baseline_condition`; the fields of `Contrast`; `p_holm` and
    `num_comparisons`. Families for Holm: the cuts at one fraction; each of the other rows is a family of its
    own. Cuts at which both are the same trials are no comparison (p is NaN), and do not enter the mean over
    cuts, since they would only dilute the difference.

    Raises:
        UserError: the table lacks a strategy, or they are the same.
    """
    table = results_of(table)
    known = sorted(map(str, table["strategy"].unique()))
    for name in (strategy, baseline):
        if name not in known:
            raise UserError(f"these results have no strategy {name!r}{did_you_mean(name, known)}; {', '.join(known)}")
    if strategy == baseline:
        raise UserError(f"expected two strategies to compare; got {strategy!r} twice")
    best = {(b.context, b.fraction, b.strategy): b.cut for b in best_cuts(table, by_strategy=True)}
    rows, differences = [], []
    for context, part in contexts(table):
        names = {c: part[c].iloc[0] for c in context_columns(table)}
        for fraction, trials in by_fraction(finished(part)):
            at_best = [best.get((context, fraction, name)) for name in (strategy, baseline)]
            for row, values in _rows(trials, strategy, baseline, at_best):
                rows.append(names | {"fraction": fraction} | row)
                differences.append(values)
    columns = [*context_columns(table), "at", "fraction", "cut", "baseline_cut", "condition", "baseline_condition"]
    found = pd.DataFrame(rows, columns=columns)
    found = found.join(pd.DataFrame(contrasts_of(differences), columns=list(Contrast._fields)))
    found.loc[found["condition"].notna() & (found["condition"] == found["baseline_condition"]), "p"] = np.nan
    adjust_families(
        found, [*context_columns(table), "fraction", "at"], ["condition", "baseline_condition"], differences
    )
    found.attrs = dict(table.attrs)
    return found


def _rows(
    trials: pd.DataFrame, strategy: str, baseline: str, at_best: list[int | None]
) -> Iterator[tuple[dict[str, object], NDArray[np.float64]]]:
    accuracies = by_replicate(trials)
    own, others = _conditions(trials, strategy), _conditions(trials, baseline)
    if SCRATCH in (strategy, baseline):
        whole = set(own) | set(others)
        own, others = (
            dict.fromkeys(whole, next(iter(c.values()))) if name == SCRATCH and c else c
            for name, c in ((strategy, own), (baseline, others))
        )
    distinct = {}
    for cut in sorted(own.keys() & others.keys()):
        pair = own[cut], others[cut]
        if pair[0] != pair[1]:
            distinct[pair] = accuracies[pair[0]] - accuracies[pair[1]]
        yield _row("cut", cut, cut, pair), _differences(accuracies, pair)
    if distinct:
        mean = pd.DataFrame(distinct).dropna().mean(axis=1).to_numpy(dtype=np.float64)
        yield _row("all cuts", -1, -1, (None, None)), mean
    if at_best[0] is not None and at_best[1] is not None:
        pair = own[at_best[0]], others[at_best[1]]
        yield _row("best cuts", at_best[0], at_best[1], pair), _differences(accuracies, pair)


def _conditions(trials: pd.DataFrame, strategy: str) -> dict[int, str]:
    """Return the condition at each cut of a strategy."""
    rows = trials[trials["strategy"] == strategy].drop_duplicates("cut")
    return {int(cut): str(condition) for cut, condition in zip(rows["cut"], rows["condition"], strict=True)}


def _row(at: str, cut: int, baseline_cut: int, conditions: tuple[str | None, str | None]) -> dict[str, object]:
    names = {"condition": conditions[0], "baseline_condition": conditions[1]}
    return {"at": at, "cut": cut, "baseline_cut": baseline_cut} | names


def _differences(accuracies: pd.DataFrame, pair: tuple[str, str]) -> NDArray[np.float64]:
    return (accuracies[pair[0]] - accuracies[pair[1]]).dropna().to_numpy(dtype=np.float64)
