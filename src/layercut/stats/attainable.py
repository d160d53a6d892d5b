"""Comparisons of a results table that have too few replicates to become significant, whatever they show."""

from __future__ import annotations

from typing import NamedTuple

import pandas as pd

from layercut.significance import ALPHA, least_attainable_p, replicates_needed
from layercut.stats.design import context_columns


class Unattainable(NamedTuple):
    """A family of comparisons that cannot hold a p-value below alpha."""

    context: tuple[str, ...]
    """Source, target, model and factor levels."""
    strategy: str
    fraction: float
    comparisons: int
    replicates: int
    """Most paired replicates that any comparison of the family has."""
    least_p: float
    """Least p-value after Holm."""
    needed_replicates: int


def unattainable(contrasts: pd.DataFrame, alpha: float = ALPHA) -> list[Unattainable]:
    """Return the families in which no p-value can fall below `alpha` after Holm.

    `contrasts` is what `contrasts_to_scratch` returns.
    """
    columns = context_columns(contrasts)
    found = []
    tested = contrasts[contrasts["num_comparisons"] > 0]
    for values, family in tested.groupby([*columns, "strategy", "fraction"], sort=False, dropna=False):
        *context, strategy, _ = values
        comparisons, replicates = int(family["num_comparisons"].max()), int(family["num_pairs"].max())
        least_p = least_attainable_p(replicates, comparisons)
        if least_p >= alpha:
            needed = replicates_needed(comparisons, alpha)
            names = tuple(str(value) for value in context)
            at = float(family["fraction"].iloc[0])
            found.append(Unattainable(names, str(strategy), at, comparisons, replicates, least_p, needed))
    return found
