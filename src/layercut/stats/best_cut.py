"""Which cut to take: chosen on validation accuracy, reported on test accuracy.

Choosing and reporting on the same images would promise too much: the winner of many conditions is in part the
luckiest (DESIGN.md, rule 1; the "winner's curse"). So a condition that has nothing to be chosen on is not chosen.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import numpy as np
import pandas as pd

from layercut.significance import ALPHA
from layercut.stats.contrast import Contrast, contrasts_to_scratch, holm
from layercut.stats.design import (
    CUTLESS,
    SCRATCH,
    Context,
    accuracies_of,
    context_columns,
    context_of,
    contexts,
    paired_differences,
    plain_rows,
)
from layercut.stats.estimate import estimates
from layercut.stats.signed_rank import signed_rank_test
from layercut.stats.tables import Results, results_of

_TIE = 1e-12


@dataclass(frozen=True)
class BestCut:
    """The chosen condition of one context at one fraction. Accuracies are 0..1."""

    context: Context
    fraction: float
    strategy: str
    cut: int
    num_blocks: int
    chosen_on: Literal["validation"]
    """What the choice looked at; never test accuracy."""
    num_candidates: int
    """Distinct conditions that it was chosen among: those with a validation accuracy in every finished replicate."""
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
    num_unjudged: int = 0
    """Distinct conditions that finished but lack validation accuracies: no candidates, whatever they show on test."""


class _Candidate(NamedTuple):
    """What the choice looks at in a row of `estimates`."""

    strategy: str
    cut: int
    fraction: float
    num_blocks: int
    condition: str
    merged: bool
    num_replicates: int
    mean: float
    mean_validation: float
    num_without_validation: int
    num_trained_parameters: float
    num_train_images: float
    num_validation_images: float


def best_cuts(
    table: Results,
    by_strategy: bool = False,
    *,
    estimated: pd.DataFrame | None = None,
    contrasted: pd.DataFrame | None = None,
    with_rivals: bool = True,
) -> list[BestCut]:
    """Return the best condition of each context at each fraction, or of each strategy there.

    The candidate with the highest mean validation accuracy over replicates. A condition with a finished replicate
    that has none is no candidate, unless it is the only condition there is. Of equal ones, that which trains the
    fewest parameters; then the deeper cut; then the one named first. Equivalent conditions are one candidate, called
    scratch or finetune if one of them is, else by the name under which it ran. Fractions without a finished
    trial are left out, and those without a candidate, which `undecided` names.

    Args:
        table: what `load_results` returns.
        by_strategy: choose the best cut of each strategy.
        estimated: `estimates(table)`, where the caller has it.
        contrasted: `contrasts_to_scratch(table)`, likewise.
        with_rivals: also compare it with its rivals.
    """
    table = results_of(table)
    found = []
    estimated = estimates(table) if estimated is None else estimated
    contrasted = contrasts_to_scratch(table) if contrasted is None else contrasted
    accuracies = accuracies_of(table) if with_rivals else {}
    columns = context_columns(contrasted)
    to_scratch = {
        (context_of(row, columns), row["strategy"], row["cut"], row["fraction"]): row for row in plain_rows(contrasted)
    }
    for (context, fraction), here in _candidates(estimated):
        scratch = next((row.mean for row in here if row.strategy == SCRATCH), float("nan"))
        for group in _by_strategy(here).values() if by_strategy else [here] if here else []:
            if judged := _judged(group):
                found.append(
                    _best(
                        context=context,
                        group=judged,
                        num_unjudged=len(_distinct(group)) - len(_distinct(judged)),
                        mean_scratch=scratch,
                        accuracies=accuracies.get((context, fraction)),
                        to_scratch=to_scratch,
                    )
                )
    return found


class Undecided(NamedTuple):
    """A fraction of one context at which nothing is chosen, because nothing has a validation accuracy."""

    context: Context
    fraction: float
    num_conditions: int
    """Distinct ones that finished."""


def undecided(estimated: pd.DataFrame) -> list[Undecided]:
    """Return where `best_cuts` chooses nothing although trials have finished; `estimated`: from `estimates`."""
    return [
        Undecided(context, fraction, len(_distinct(here)))
        for (context, fraction), here in _candidates(estimated)
        if here and not _judged(here)
    ]


def distinct(rows: pd.DataFrame, within: Sequence[str] = ()) -> pd.DataFrame:
    """Return one row a distinct condition, under the name it is best known by; `within`: of each of these alone."""
    order = np.lexsort((rows["merged"].to_numpy(dtype=bool), ~rows["strategy"].isin(CUTLESS).to_numpy()))
    first = rows.iloc[order].drop_duplicates([*within, "condition"])
    return first.sort_index()


def _candidates(estimated: pd.DataFrame) -> Iterator[tuple[tuple[Context, float], list[_Candidate]]]:
    """Yield what finished of each context and fraction, contexts as they first appear, the smallest fraction first."""
    for context, part in contexts(estimated[[*context_columns(estimated), *_Candidate._fields]]):
        rows = [_Candidate(**{name: row[name] for name in _Candidate._fields}) for row in plain_rows(part)]
        for fraction in sorted({row.fraction for row in rows}):
            done = [row for row in rows if row.fraction == fraction and row.num_replicates > 0]
            yield (context, fraction), done


def _by_strategy(candidates: Iterable[_Candidate]) -> dict[str, list[_Candidate]]:
    groups: dict[str, list[_Candidate]] = {}
    for one in candidates:
        groups.setdefault(one.strategy, []).append(one)
    return groups


def _judged(group: list[_Candidate]) -> list[_Candidate]:
    """Return those that can be chosen; where there is but one condition there is nothing to choose."""
    return group if len(_distinct(group)) == 1 else [one for one in group if not one.num_without_validation]


def _best(
    *,
    context: Context,
    group: list[_Candidate],
    num_unjudged: int,
    mean_scratch: float,
    accuracies: pd.DataFrame | None,
    to_scratch: Mapping[tuple[Context, str, int, float], Mapping[str, Any]],
) -> BestCut:
    candidates = _distinct(group)
    best = candidates[0] if len(candidates) == 1 else _highest(candidates)
    rivals = [] if accuracies is None else _rivals(best, group, candidates)
    same, better = ((), ()) if accuracies is None else _compare(best, rivals, accuracies)
    own = None if best.strategy == SCRATCH else to_scratch.get((context, best.strategy, best.cut, best.fraction))
    return BestCut(
        context=context,
        fraction=best.fraction,
        strategy=best.strategy,
        cut=best.cut,
        num_blocks=best.num_blocks,
        chosen_on="validation",
        num_candidates=len(candidates),
        num_replicates=best.num_replicates,
        mean_validation=best.mean_validation,
        mean_test=best.mean,
        mean_scratch=mean_scratch,
        contrast=None if own is None else Contrast(**{name: own[name] for name in Contrast._fields}),
        p_holm=float("nan") if own is None else own["p_holm"],
        num_comparisons=0 if own is None else own["num_comparisons"],
        num_train_images=best.num_train_images,
        num_validation_images=best.num_validation_images,
        num_rivals=len(rivals),
        indistinguishable=same,
        better=better,
        num_unjudged=num_unjudged,
    )


def _distinct(group: Iterable[_Candidate]) -> list[_Candidate]:
    """Return what `distinct` returns, of plain rows."""
    order = sorted(group, key=lambda one: (one.strategy not in CUTLESS, one.merged))
    named = {one.condition: one for one in reversed(order)}
    return [one for one in group if named[one.condition] is one]


def _highest(candidates: Sequence[_Candidate]) -> _Candidate:
    least = max(one.mean_validation for one in candidates) - _TIE
    tied = [one for one in candidates if one.mean_validation >= least]
    return min(tied, key=lambda one: (_cost(one), -one.cut))


def _cost(candidate: _Candidate) -> float:
    trained = candidate.num_trained_parameters
    return math.inf if math.isnan(trained) else trained


def _rivals(best: _Candidate, group: list[_Candidate], candidates: list[_Candidate]) -> list[_Candidate]:
    """Return the candidates whose comparison with the best is worth a test: few, so that few replicates do."""
    by_strategy = _by_strategy(group)
    own = {one.condition for one in by_strategy[best.strategy]}
    wanted = own | {_highest(part).condition for part in by_strategy.values()} if len(candidates) > 1 else own
    rivals = [one for one in candidates if one.condition in wanted - {best.condition}]
    return sorted(rivals, key=lambda one: -one.mean)


def _compare(
    best: _Candidate, rivals: list[_Candidate], accuracies: pd.DataFrame
) -> tuple[tuple[tuple[str, int], ...], tuple[tuple[str, int], ...]]:
    """Return the rivals not distinguishable from the best, and those distinguishably better, on test."""
    differences = paired_differences(accuracies, [one.condition for one in rivals], best.condition)
    adjusted = holm([signed_rank_test(difference).p for difference in differences])
    same = tuple((one.strategy, one.cut) for one, p in zip(rivals, adjusted, strict=True) if not p < ALPHA)
    better = tuple(
        (one.strategy, one.cut)
        for one, p, difference in zip(rivals, adjusted, differences, strict=True)
        if p < ALPHA and difference.mean() > 0
    )
    return same, better
