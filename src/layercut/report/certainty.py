"""How certain a choice is, and which alternatives would do, in words."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

from layercut.figures import words
from layercut.stats import BestCut
from layercut.stats.design import cut_of

MARGIN_POINTS = 1
"""What is shown to lose less than this many points is good enough: the margin of `stats.good_enough`."""

LEAST_REPLICATES = 5
"""With fewer, a share of re-draws says more of the draw than of the cut."""

_WORTH_SAYING = 0.9
"""A condition with more than this share of the parameters saves nothing worth a sentence."""

_SIZES = {"num_parameters": "of its parameters", "num_trained_parameters": "of its trained parameters"}


def certainty_notes(
    best: BestCut, results: pd.DataFrame, probabilities: pd.DataFrame, enough: pd.DataFrame
) -> Iterator[str]:
    """Yield further notes on the answer of one context and fraction.

    Args:
        best: the answer.
        results: rows of its context.
        probabilities: `stats.probability_best` of its context.
        enough: `stats.good_enough` of its context.
    """
    yield from _probability(best, probabilities[probabilities["fraction"] == best.fraction])
    here = enough[(enough["fraction"] == best.fraction) & enough["not_worse"].astype(bool)]
    if len(here):
        yield from _cheaper(best, results[["fraction", "strategy", "cut", *_SIZES]], here)


def _probability(best: BestCut, rows: pd.DataFrame) -> Iterator[str]:
    own = rows[(rows["strategy"] == best.strategy) & (rows["cut"] == best.cut)]
    if len(own) != 1 or len(rows) < 2 or int(own["num_replicates"].iloc[0]) < LEAST_REPLICATES:
        return
    share = float(own["probability"].iloc[0])
    text = f"If the replicates are resampled, it is the best of all {len(rows)} in {_share(share)} of draws"
    first = rows.sort_values("probability", ascending=False, kind="stable").iloc[0]
    if float(first["probability"]) > share:
        name = words.condition_name(str(first["strategy"]), cut_of(dict(first)))
        text += f"; most often {name} ({_share(float(first['probability']))})"
    yield f"{text}."


def _cheaper(best: BestCut, results: pd.DataFrame, enough: pd.DataFrame) -> Iterator[str]:
    results = results[results["cut"] == best.cut]
    own = results[(results["strategy"] == best.strategy) & (results["fraction"] == best.fraction)]
    found = []
    for column, what in _SIZES.items():
        whole = float(own[column].astype("float64").mean())
        least = enough[enough[column] < _WORTH_SAYING * whole].sort_values(column, kind="stable")
        if len(least):
            name = words.condition_name(str(least["strategy"].iloc[0]), cut_of(dict(least.iloc[0])))
            found.append(f"{name} ({_share(float(least[column].iloc[0]) / whole)} {what})")
    if found:
        point = words.count(MARGIN_POINTS, "point")
        yield f"Shown to be less than {point} worse, at lower cost: {words.conjunction(list(dict.fromkeys(found)))}."


def _share(share: float) -> str:
    """Return a share in whole per cent, never rounded to none or all.

    Example:
        >>> [_share(s) for s in (0.0004, 0.5, 0.9996, 1.0)]
        ['< 1 %', '50 %', '> 99 %', '100 %']
    """
    if 0 < share < 0.01:
        return "< 1 %"
    return "> 99 %" if 0.99 < share < 1 else f"{100 * share:.0f} %"
