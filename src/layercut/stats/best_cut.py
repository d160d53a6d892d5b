"""Which cut to take: chosen on validation accuracy, reported on test accuracy.

Choosing and reporting on the same images would promise too much: the winner of many conditions is in part the
luckiest (the "winner's curse"; docs/architecture.md, rule 1). So a condition without validation accuracy is never
chosen.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, NamedTuple

import numpy as np
import pandas as pd

from layercut.metrics import ACCURACY, Metric
from layercut.significance import ALPHA
from layercut.stats.contrast import Contrast, contrasts_of, contrasts_to_scratch, holm
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
from layercut.stats.metric import metric_of
from layercut.stats.selection import best_on_selection, standing
from layercut.stats.signed_rank import signed_rank_test
from layercut.stats.tables import Results, results_of

CONTROL = "scratch_truncate"
"""The same smaller network without anything transferred."""

CLEARLY_SMALLER = 0.8
"""A condition with a larger part of the parameters saves nothing worth a sentence."""


class Cheaper(NamedTuple):
    """A smaller condition that may be as good."""

    strategy: str
    cut: int
    parameters: float
    """Its parameters over those of the chosen condition, in 0..1."""


class ChosenRate(NamedTuple):
    """A learning rate that pilots chose, and the ends of the list that it was chosen from."""

    taken: float
    lowest: float
    highest: float


class Split(NamedTuple):
    """The gain of a smaller network over scratch in two parts; None where its control was not run."""

    smaller: Contrast | None
    """The smaller network from scratch, over scratch."""
    learned: Contrast | None
    """The chosen condition, over the smaller network from scratch: what comes of the source."""


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
    mean_interval: tuple[float, float] | None = None
    """95 % interval of `mean_test`; None with one replicate."""
    mean_validation_loss: float | None = None
    """Mean log loss in nats on validation images; None where it was not written down."""
    num_test_images: float | None = None
    num_judging_test_images: float | None = None
    """As far as they count for the metric: all for accuracy, as many in equal classes for one over classes.
    None: all."""
    not_told_apart: tuple[tuple[str, int], ...] = ()
    """Conditions (strategy, cut) that validation images cannot tell from it, best first (`stats/selection.py`)."""
    cheapest: Cheaper | None = None
    """The smallest of these, where it has far fewer parameters."""
    against_transfer: tuple[str, int, Contrast] | None = None
    """Where scratch was chosen: the transfer that did best on validation images, and what scratch gains over it."""
    transfers: bool = True
    """Whether anything of the source is in it: not where all blocks are removed, nor in the control of truncation."""
    split: Split | None = None
    """Where the chosen network is smaller than scratch's: what part of the gain that is."""
    num_parameters: int | None = None
    """Of the network that is left."""
    num_trained_parameters: int | None = None
    rate: ChosenRate | None = None
    """Its learning rate, where pilots chose it."""
    metric: Metric = ACCURACY
    """What all values are, and what it was chosen by."""


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
    learning_rate: float
    lowest_rate: float
    highest_rate: float

    @property
    def rate(self) -> ChosenRate | None:
        """Return its learning rate, where pilots chose it."""
        if math.isnan(self.lowest_rate) or math.isnan(self.learning_rate):
            return None
        return ChosenRate(self.learning_rate, self.lowest_rate, self.highest_rate)


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
    metric = metric_of(table)
    return found if metric == ACCURACY else [replace(one, metric=metric) for one in found]


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
        num_rivals=len(rivals),
        indistinguishable=same,
        better=better,
        num_unjudged=num_unjudged,
        mean_interval=None if math.isnan(best.low) else (best.low, best.high),
        mean_validation_loss=_known(best.mean_validation_loss),
        num_test_images=_known(best.num_test_images),
        num_judging_test_images=_known(best.num_judging_test_images),
        not_told_apart=tuple((one.strategy, one.cut) for one in open_ones),
        cheapest=_cheapest(best, open_ones),
        against_transfer=None if accuracies is None else _against_transfer(best, candidates, accuracies),
        transfers=_transfers(best, scratch),
        split=None if accuracies is None else _split(best, scratch, candidates, accuracies),
        num_parameters=_whole(best.num_parameters),
        num_trained_parameters=_whole(best.num_trained_parameters),
        rate=best.rate,
    )


def _known(value: float) -> float | None:
    return None if math.isnan(value) else value


def _whole(value: float) -> int | None:
    return None if math.isnan(value) else round(value)


def _cheapest(best: _Candidate, open_ones: Sequence[_Candidate]) -> Cheaper | None:
    """Return the smallest condition within one standard error of the best, where it is clearly smaller."""
    near = [one for one in open_ones if standing(one, best).near]
    smaller = [one for one in near if one.num_parameters < CLEARLY_SMALLER * best.num_parameters]
    if not smaller:
        return None
    least = min(smaller, key=lambda one: (one.num_parameters, -one.mean_validation))
    return Cheaper(least.strategy, least.cut, least.num_parameters / best.num_parameters)


def _against_transfer(
    best: _Candidate, candidates: Sequence[_Candidate], accuracies: pd.DataFrame
) -> tuple[str, int, Contrast] | None:
    """Return the best transfer and what scratch, where it was chosen, gains over it on test images."""
    others = [one for one in candidates if one is not best]
    if best.strategy != SCRATCH or not others:
        return None
    rival = best_on_selection(others)
    return rival.strategy, rival.cut, _contrast(best, rival, accuracies)


def _smaller(best: _Candidate, scratch: _Candidate) -> bool:
    return best.num_parameters < scratch.num_parameters


def _transfers(best: _Candidate, scratch: _Candidate | None) -> bool:
    nothing_left = best.cut == 0 and scratch is not None and _smaller(best, scratch)
    return best.strategy not in (SCRATCH, CONTROL) and not nothing_left


def _split(
    best: _Candidate, scratch: _Candidate | None, candidates: Sequence[_Candidate], accuracies: pd.DataFrame
) -> Split | None:
    """Return how a smaller network's gain over scratch divides; None where the network is as large as scratch's."""
    if scratch is None or not _smaller(best, scratch) or not _transfers(best, scratch):
        return None
    control = next((one for one in candidates if (one.strategy, one.cut) == (CONTROL, best.cut)), None)
    if control is None:
        return Split(None, None)
    return Split(_contrast(control, scratch, accuracies), _contrast(best, control, accuracies))


def _contrast(one: _Candidate, other: _Candidate, accuracies: pd.DataFrame) -> Contrast:
    return contrasts_of(paired_differences(accuracies, [one.condition], other.condition))[0]


def _distinct(group: Iterable[_Candidate]) -> list[_Candidate]:
    """Return what `distinct` returns, of plain rows."""
    order = sorted(group, key=lambda one: (one.strategy not in CUTLESS, one.merged))
    named = {one.condition: one for one in reversed(order)}
    return [one for one in group if named[one.condition] is one]


def _rivals(best: _Candidate, group: list[_Candidate], candidates: list[_Candidate]) -> list[_Candidate]:
    """Return the candidates whose comparison with the best is worth a test: few, so that few replicates do."""
    by_strategy = _by_strategy(group)
    own = {one.condition for one in by_strategy[best.strategy]}
    others = [[one for one in part if one.condition != best.condition] for part in by_strategy.values()]
    wanted = own | {best_on_selection(part).condition for part in others if part} if len(candidates) > 1 else own
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
