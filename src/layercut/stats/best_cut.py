"""Which cut to take: chosen on validation accuracy, reported on test accuracy.

Choosing and reporting on the same images would promise too much: the winner of many conditions is in part the
luckiest (the "winner's curse"; docs/architecture.md, rule 1). So a condition without validation accuracy is never
chosen.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import pandas as pd

from layercut.metrics import ACCURACY
from layercut.significance import ALPHA
from layercut.stats.candidates import Measured, by_strategy_of, candidates_of, distinct_of, judgeable
from layercut.stats.choice import BestCut, Cheaper, GainSplit, Undecided
from layercut.stats.contrast import Contrast, contrasts_of, contrasts_to_scratch, holm
from layercut.stats.design import (
    SCRATCH,
    Context,
    DesignPoint,
    accuracies_of,
    context_columns,
    context_of,
    paired_differences,
    plain_rows,
)
from layercut.stats.estimate import estimates
from layercut.stats.metric import metric_of
from layercut.stats.selection import best_on_selection, standing
from layercut.stats.signed_rank import signed_rank_test
from layercut.stats.tables import Results, results_of

CLEARLY_SMALLER = 0.8
"""A condition with a larger part of the parameters saves nothing worth a sentence."""


def best_cuts(
    table: Results,
    by_strategy: bool = False,
    *,
    estimated: pd.DataFrame | None = None,
    contrasted: pd.DataFrame | None = None,
    with_rivals: bool = True,
) -> list[BestCut]:
    """Return the best condition of each context at each fraction, or of each strategy there.

    The candidate with the highest mean validation accuracy (or other metric of the study) over replicates, of equal
    ones that with the lowest mean log loss (`stats/selection.py`). A condition with a finished replicate that has none
    is no candidate, unless it is the only condition there is. Equivalent conditions are one candidate,
    called scratch or finetune if one of them is, else by the name under which it ran. Fractions without a finished
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
    for (context, fraction), here in candidates_of(estimated):
        scratch = next((row.mean for row in here if row.strategy == SCRATCH), float("nan"))
        for group in by_strategy_of(here).values() if by_strategy else [here] if here else []:
            if judged := judgeable(group):
                found.append(
                    _best(
                        context=context,
                        group=judged,
                        num_unjudged=len(distinct_of(group)) - len(distinct_of(judged)),
                        mean_scratch=scratch,
                        accuracies=accuracies.get((context, fraction)),
                        to_scratch=to_scratch,
                    )
                )
    metric = metric_of(table)
    return found if metric == ACCURACY else [replace(one, metric=metric) for one in found]


def undecided(estimated: pd.DataFrame) -> list[Undecided]:
    """Return where `best_cuts` chooses nothing although trials have finished; `estimated`: from `estimates`."""
    return [
        Undecided(context, fraction, len(distinct_of(here)))
        for (context, fraction), here in candidates_of(estimated)
        if here and not judgeable(here)
    ]


def _best(
    *,
    context: Context,
    group: list[Measured],
    num_unjudged: int,
    mean_scratch: float,
    accuracies: pd.DataFrame | None,
    to_scratch: Mapping[tuple[Context, str, int, float], Mapping[str, Any]],
) -> BestCut:
    candidates = distinct_of(group)
    best = candidates[0] if len(candidates) == 1 else best_on_selection(candidates)
    open_ones = [one for one in candidates if one is not best and standing(one, best).open]
    open_ones = sorted(open_ones, key=lambda one: -one.mean_validation)
    scratch = next((one for one in candidates if one.strategy == SCRATCH), None)
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
        num_folds=best.num_folds,
        num_rivals=len(rivals),
        indistinguishable=same,
        better=better,
        num_unjudged=num_unjudged,
        mean_interval=None if math.isnan(best.low) else (best.low, best.high),
        mean_validation_loss=_known(best.mean_validation_loss),
        num_test_images=_known(best.num_test_images),
        num_judging_test_images=_known(best.num_judging_test_images),
        not_told_apart=tuple(one.point for one in open_ones),
        cheapest=_cheapest(best, open_ones),
        against_transfer=None if accuracies is None else _against_transfer(best, candidates, accuracies),
        transfers=best.transfers,
        split=None if accuracies is None else _split(best, scratch, candidates, accuracies),
        num_parameters=_whole(best.num_parameters),
        num_trained_parameters=_whole(best.num_trained_parameters),
        rate=best.rate,
        cutless=best.cutless,
        treatment=best.treatment,
    )


def _known(value: float) -> float | None:
    return None if math.isnan(value) else value


def _whole(value: float) -> int | None:
    return None if math.isnan(value) else round(value)


def _cheapest(best: Measured, open_ones: Sequence[Measured]) -> Cheaper | None:
    """Return the smallest condition within one standard error of the best, where it is clearly smaller."""
    near = [one for one in open_ones if standing(one, best).near]
    smaller = [one for one in near if one.num_parameters < CLEARLY_SMALLER * best.num_parameters]
    if not smaller:
        return None
    least = min(smaller, key=lambda one: (one.num_parameters, -one.mean_validation))
    return Cheaper(least.point, least.num_parameters / best.num_parameters)


def _against_transfer(
    best: Measured, candidates: Sequence[Measured], accuracies: pd.DataFrame
) -> tuple[DesignPoint, Contrast] | None:
    """Return the best transfer and the gain of scratch over it on test images, where scratch was chosen."""
    others = [one for one in candidates if one is not best]
    if best.strategy != SCRATCH or not others:
        return None
    rival = best_on_selection(others)
    return rival.point, _contrast(best, rival, accuracies)


def _smaller(best: Measured, scratch: Measured) -> bool:
    return best.num_parameters < scratch.num_parameters


def _split(
    best: Measured,
    scratch: Measured | None,
    candidates: Sequence[Measured],
    accuracies: pd.DataFrame,
) -> GainSplit | None:
    """Return how a smaller network's gain over scratch splits; None where the network is as large as scratch's."""
    if scratch is None or not _smaller(best, scratch) or not best.transfers:
        return None
    at_cut = [one for one in candidates if one.cut == best.cut and one.num_parameters == best.num_parameters]
    control = next((one for one in at_cut if not one.transfers), None)
    if control is None:
        return GainSplit(None, None)
    return GainSplit(_contrast(control, scratch, accuracies), _contrast(best, control, accuracies))


def _contrast(one: Measured, other: Measured, accuracies: pd.DataFrame) -> Contrast:
    return contrasts_of(paired_differences(accuracies, [one.condition], other.condition))[0]


def _rivals(best: Measured, group: list[Measured], candidates: list[Measured]) -> list[Measured]:
    """Return the candidates to test against the best: few, so that few replicates suffice."""
    by_strategy = by_strategy_of(group)
    own = {one.condition for one in by_strategy[best.strategy]}
    others = [[one for one in part if one.condition != best.condition] for part in by_strategy.values()]
    wanted = own | {best_on_selection(part).condition for part in others if part} if len(candidates) > 1 else own
    rivals = [one for one in candidates if one.condition in wanted - {best.condition}]
    return sorted(rivals, key=lambda one: -one.mean)


def _compare(
    best: Measured, rivals: list[Measured], accuracies: pd.DataFrame
) -> tuple[tuple[DesignPoint, ...], tuple[DesignPoint, ...]]:
    """Return the rivals not distinguishable from the best, and those distinguishably better, on test."""
    differences = paired_differences(accuracies, [one.condition for one in rivals], best.condition)
    adjusted = holm([signed_rank_test(difference).p for difference in differences])
    same = tuple(one.point for one, p in zip(rivals, adjusted, strict=True) if not p < ALPHA)
    better = tuple(
        one.point
        for one, p, difference in zip(rivals, adjusted, differences, strict=True)
        if p < ALPHA and difference.mean() > 0
    )
    return same, better
