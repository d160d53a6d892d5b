"""Compact letter display: which cuts of one strategy the data distinguish.

Two cuts share a letter exactly if their difference is not distinguishable. That relation is not transitive
(a may be like b and b like c, while a and c differ), so a cut may have several letters.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import combinations
from string import ascii_letters

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from layercut.significance import ALPHA, least_attainable_p
from layercut.stats.contrast import Contrast, adjust_families, contrasts_of, holm
from layercut.stats.design import SCRATCH, by_replicate, context_columns, finished
from layercut.stats.metric import scored_by
from layercut.stats.signed_rank import signed_rank_test
from layercut.stats.tables import Results, results_of


def rank_groups(table: Results, alpha: float = ALPHA) -> pd.DataFrame:
    """Return the letters of every cut, one row per condition name, `a` with the highest mean.

    Columns: those of the context; strategy, cut, fraction, num_blocks, condition; `num_replicates`; `mean`
    test accuracy; `letters`; `num_comparisons`, the pairs of cuts of this strategy and fraction, which are
    the family for Holm; `least_p` that any of them can reach after Holm, given its replicates: where it is
    not below `alpha` all cuts share one letter whatever they show; NaN without a pair. Scratch has no cuts
    and no row.
    """
    table = results_of(table)
    rows = []
    for names, trials in _by_strategy(table):
        accuracies = by_replicate(trials)
        cuts = trials.drop_duplicates("cut").sort_values("cut")
        counts = accuracies.count()
        means = {condition: column.mean() for condition, column in accuracies.items()}
        order = accuracies.mean().sort_values(ascending=False, kind="stable").index
        pairs = list(combinations(range(len(order)), 2))
        differences = _pair_differences(accuracies[list(order)], pairs)
        adjusted = holm([signed_rank_test(difference).p for difference in differences])
        apart = [pair for pair, p in zip(pairs, adjusted, strict=True) if p < alpha]
        letters = dict(zip(order, compact_letters(len(order), apart), strict=True))
        most = max(map(len, differences), default=0)
        for cut, condition, num_blocks in zip(cuts["cut"], cuts["condition"], cuts["num_blocks"], strict=True):
            rows.append(
                names
                | {
                    "cut": int(cut),
                    "num_blocks": int(num_blocks),
                    "condition": condition,
                    "num_replicates": int(counts[condition]),
                    "mean": float(means[condition]),
                    "letters": letters[condition],
                    "num_comparisons": len(pairs),
                    "least_p": least_attainable_p(most, len(pairs)) if pairs else float("nan"),
                }
            )
    columns = [*context_columns(table), "strategy", "cut", "fraction", "num_blocks", "condition"]
    found = pd.DataFrame(rows, columns=[*columns, "num_replicates", "mean", "letters", "num_comparisons", "least_p"])
    found.attrs = dict(table.attrs)
    return found


def pairwise_contrasts(table: Results) -> pd.DataFrame:
    """Return the contrast in test accuracy of each pair of cuts of one strategy at one fraction.

    Columns: those of the context; strategy, fraction; `cut` and `other_cut`, the smaller (the difference is
    `cut` less `other_cut`); the fields of `Contrast`; `p_holm` and `num_comparisons`, over all these pairs.
    Cuts that are the same condition (those of finetune) are no pair.
    """
    table = results_of(table)
    columns = context_columns(table)
    rows, differences = [], []
    for names, trials in _by_strategy(table):
        cuts = trials.drop_duplicates("cut").drop_duplicates("condition").sort_values("cut")
        found_cuts, pairs = list(map(int, cuts["cut"])), list(combinations(range(len(cuts)), 2))
        rows += [names | {"cut": found_cuts[j], "other_cut": found_cuts[i]} for i, j in pairs]
        differences += _pair_differences(by_replicate(trials)[list(cuts["condition"])], [(j, i) for i, j in pairs])
    found = pd.DataFrame(rows, columns=[*columns, "strategy", "fraction", "cut", "other_cut"])
    found = found.join(pd.DataFrame(contrasts_of(differences), columns=list(Contrast._fields)))
    adjust_families(found, [*columns, "strategy", "fraction"], ["cut", "other_cut"], differences)
    found.attrs = dict(table.attrs)
    return found


def compact_letters(number: int, apart: Iterable[tuple[int, int]]) -> list[str]:
    """Return letters for the items 0..number-1 such that two share one exactly if they are not in `apart`.

    Reference:
        Piepho 2004, An algorithm for a letter-based representation of all-pairwise comparisons, J. Comput.
        Graph. Stat. 13: insert and absorb. Of its sweeping we take only what removes whole letters.

    Example:
        >>> compact_letters(3, [(0, 2)])
        ['a', 'ab', 'b']
    """
    groups = [frozenset(range(number))]
    for first, second in apart:
        split = [group for group in groups if {first, second} <= group]
        groups = [group for group in groups if group not in split]
        groups += [group - {member} for group in split for member in (first, second)]
        groups = [group for group in dict.fromkeys(groups) if not any(group < other for other in groups)]
    groups = _needed(sorted((group for group in groups if group), key=sorted))
    return ["".join(_letter(i) for i, group in enumerate(groups) if item in group) for item in range(number)]


def _needed(groups: list[frozenset[int]]) -> list[frozenset[int]]:
    """Leave out groups whose members, alone and in pairs, all lie together in other groups."""
    kept = list(groups)
    for group in reversed(groups):
        others = [other for other in kept if other != group]
        pairs = combinations(sorted(group), 2) if len(group) > 1 else [tuple(group)]
        if others and all(any(set(pair) <= other for other in others) for pair in pairs):
            kept = others
    return kept


def _letter(place: int) -> str:
    """Return a..z, A..Z, then the same with primes."""
    return ascii_letters[place % len(ascii_letters)] + "′" * (place // len(ascii_letters))


def _by_strategy(table: pd.DataFrame) -> Iterator[tuple[dict[str, object], pd.DataFrame]]:
    """Yield context columns, strategy and fraction with their finished trials."""
    columns = [*context_columns(table), "strategy", "fraction"]
    needed = ["cut", "num_blocks", "condition", "replicate", "status", *scored_by(table)]
    done = finished(table[[*columns, *needed]])
    done = done[done["strategy"] != SCRATCH]
    shown = done[["cut", "num_blocks", "condition", "replicate", "score"]]  # grouping copies: no names
    for values, trials in shown.groupby([done[name] for name in columns], sort=False, dropna=False):
        yield dict(zip(columns, values, strict=True)), trials


def _pair_differences(accuracies: pd.DataFrame, pairs: Iterable[tuple[int, int]]) -> list[NDArray[np.float64]]:
    """Return column less column for each pair of positions, where both finished."""
    columns = accuracies.to_numpy().T
    differences = (columns[first] - columns[second] for first, second in pairs)
    return [difference[~np.isnan(difference)] for difference in differences]
