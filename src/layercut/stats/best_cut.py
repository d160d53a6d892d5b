"""Which cut to take: chosen on validation accuracy, reported on test accuracy.

Choosing and reporting on the same images would promise too much: the winner of many conditions is in part the
luckiest (DESIGN.md, rule 1; the "winner's curse").
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

from layercut.significance import ALPHA
from layercut.stats.contrast import Contrast, contrasts_to_scratch, holm
from layercut.stats.design import CUTLESS, SCRATCH, Context, by_replicate, contexts, finished, rows_of
from layercut.stats.estimate import estimates
from layercut.stats.signed_rank import signed_rank_test

_TIE = 1e-12


@dataclass(frozen=True)
class BestCut:
    """The chosen condition of one context at one fraction. Accuracies are 0..1."""

    context: Context
    fraction: float
    strategy: str
    cut: int
    num_blocks: int
    chosen_on: Literal["validation", "test"]
    """`test` where some candidate has no validation accuracy: the reported accuracy is then optimistic."""
    num_candidates: int
    num_replicates: int
    mean_validation: float
    mean_test: float
    mean_scratch: float
    """Mean test accuracy of scratch at this fraction; NaN where the study has none."""
    contrast: Contrast | None
    """Difference to scratch in test accuracy; None where scratch was chosen or is missing."""
    p_holm: float
    """p-value of the contrast within its family: the conditions of this strategy at this fraction."""
    num_comparisons: int
    num_train_images: float
    num_validation_images: float
    num_rivals: int = 0
    """Conditions it was compared with: other cuts of its strategy, the best cut of each other strategy."""
    indistinguishable: tuple[tuple[str, int], ...] = ()
    """Rivals (strategy, cut) with p >= 0.05 after Holm over all rivals, on test; best mean first."""
    better: tuple[tuple[str, int], ...] = ()
    """Rivals distinguishable from it and better on test."""


def best_cuts(
    table: pd.DataFrame,
    by_strategy: bool = False,
    *,
    estimated: pd.DataFrame | None = None,
    contrasted: pd.DataFrame | None = None,
    with_rivals: bool = True,
) -> list[BestCut]:
    """Return the best condition of each context at each fraction, or of each strategy there.

    The candidate with the highest mean validation accuracy over replicates; where any candidate lacks
    validation accuracies, with the highest mean test accuracy. Of equal ones, that which trains the fewest
    parameters; then the deeper cut; then the one named first. Equivalent conditions are one candidate, called
    scratch or finetune if one of them is, else by the name under which it ran. Fractions without a finished
    trial are left out.

    Args:
        table: what `load_results` returns.
        by_strategy: choose the best cut of each strategy.
        estimated: `estimates(table)`, where the caller has it.
        contrasted: `contrasts_to_scratch(table)`, likewise.
        with_rivals: also compare it with its rivals.
    """
    found = []
    estimated = estimates(table) if estimated is None else estimated
    contrasted = contrasts_to_scratch(table) if contrasted is None else contrasted
    for context, part in contexts(table):
        rows, differences = rows_of(estimated, context), rows_of(contrasted, context)
        done = finished(part)
        for fraction in sorted(rows["fraction"].unique()):
            here = rows[(rows["fraction"] == fraction) & (rows["num_replicates"] > 0)]
            trials, to_scratch = (
                done[done["fraction"] == fraction],
                differences[differences["fraction"] == fraction],
            )
            scratch = here[here["strategy"] == SCRATCH]
            accuracies = by_replicate(trials) if with_rivals else None
            for group in [g for _, g in here.groupby("strategy", sort=False)] if by_strategy else [here]:
                if len(group):
                    found.append(
                        _best(
                            context=context,
                            fraction=float(fraction),
                            group=group,
                            scratch=scratch,
                            accuracies=accuracies,
                            to_scratch=to_scratch,
                        )
                    )
    return found


def distinct(rows: pd.DataFrame) -> pd.DataFrame:
    """Return one row a distinct condition, under the name it is best known by."""
    order = rows.assign(_cutless=~rows["strategy"].isin(CUTLESS))
    order = order.sort_values(["_cutless", "merged"], kind="stable").drop_duplicates("condition")
    return order.drop(columns="_cutless").sort_index()


def _best(
    *,
    context: Context,
    fraction: float,
    group: pd.DataFrame,
    scratch: pd.DataFrame,
    accuracies: pd.DataFrame | None,
    to_scratch: pd.DataFrame,
) -> BestCut:
    candidates = distinct(group)
    on_validation = not candidates["num_without_validation"].any()
    score = "mean_validation" if on_validation else "mean"
    best = _highest(candidates, score)
    own = to_scratch[(to_scratch["strategy"] == best["strategy"]) & (to_scratch["cut"] == best["cut"])]
    row = None if own.empty or best["strategy"] == SCRATCH else own.iloc[0]
    rivals = candidates.iloc[:0] if accuracies is None else _rivals(best, group, candidates, score)
    same, better = ((), ()) if accuracies is None else _compare(best, rivals, accuracies)
    return BestCut(
        context=context,
        fraction=fraction,
        strategy=str(best["strategy"]),
        cut=int(best["cut"]),
        num_blocks=int(best["num_blocks"]),
        chosen_on="validation" if on_validation else "test",
        num_candidates=len(candidates),
        num_replicates=int(best["num_replicates"]),
        mean_validation=float(best["mean_validation"]),
        mean_test=float(best["mean"]),
        mean_scratch=float(scratch["mean"].iloc[0]) if len(scratch) else float("nan"),
        contrast=None if row is None else Contrast(int(row["num_pairs"]), *map(float, row[list(Contrast._fields[1:])])),
        p_holm=float("nan") if row is None else float(row["p_holm"]),
        num_comparisons=0 if row is None else int(row["num_comparisons"]),
        num_train_images=float(best["num_train_images"]),
        num_validation_images=float(best["num_validation_images"]),
        num_rivals=len(rivals),
        indistinguishable=same,
        better=better,
    )


def _highest(candidates: pd.DataFrame, score: str) -> pd.Series:
    tied = candidates[candidates[score] >= candidates[score].max() - _TIE]
    order = tied.assign(_cost=tied["num_trained_parameters"].fillna(np.inf), _depth=-tied["cut"])
    best: pd.Series = order.sort_values(["_cost", "_depth"], kind="stable").iloc[0]
    return best


def _rivals(best: pd.Series, group: pd.DataFrame, candidates: pd.DataFrame, score: str) -> pd.DataFrame:
    """Return the candidates whose comparison with the best is worth a test: few, so that few replicates do."""
    own = group[group["strategy"] == best["strategy"]]["condition"]
    others = [_highest(part, score)["condition"] for _, part in group.groupby("strategy", sort=False)]
    wanted = {*own, *others} - {best["condition"]}
    rivals: pd.DataFrame = candidates[candidates["condition"].isin(wanted)]
    return rivals.sort_values("mean", ascending=False)


def _compare(
    best: pd.Series, others: pd.DataFrame, by_condition: pd.DataFrame
) -> tuple[tuple[tuple[str, int], ...], tuple[tuple[str, int], ...]]:
    """Return the rivals not distinguishable from the best, and those distinguishably better, on test."""
    differences = [(by_condition[c] - by_condition[best["condition"]]).dropna() for c in others["condition"]]
    adjusted = holm([signed_rank_test(difference).p for difference in differences])
    names = [(str(strategy), int(cut)) for strategy, cut in zip(others["strategy"], others["cut"], strict=True)]
    same = tuple(name for name, p in zip(names, adjusted, strict=True) if not p < ALPHA)
    better = tuple(
        name
        for name, p, difference in zip(names, adjusted, differences, strict=True)
        if p < ALPHA and difference.mean() > 0
    )
    return same, better
