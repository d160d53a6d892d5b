"""Good enough: conditions shown to be at most a margin worse than a reference.

A large p-value of a difference shows nothing: it may come of few replicates. Here the burden lies on the
claim: only data that speak against a loss of the margin or more let it pass.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from layercut.errors import UserError
from layercut.significance import ALPHA
from layercut.stats.best_cut import best_cuts
from layercut.stats.candidates import distinct
from layercut.stats.choice import BestCut
from layercut.stats.contrast import holm
from layercut.stats.design import accuracies_of, by_fraction, context_columns, contexts, paired_differences
from layercut.stats.estimate import estimates
from layercut.stats.interval import mean_intervals
from layercut.stats.signed_rank import signed_rank_test
from layercut.stats.tables import Results, results_of

MARGIN = 0.01
"""One point of accuracy."""


class EquivalenceTest(NamedTuple):
    """One-sided p-values of paired differences against a margin."""

    p_not_worse: float
    """Against: worse than the reference by the margin or more."""
    p_equivalent: float
    """Against: worse or better by the margin or more."""


def equivalence_test(differences: ArrayLike, margin: float = MARGIN) -> EquivalenceTest:
    """Test paired differences against a margin with exact one-sided signed-rank tests.

    Not worse (non-inferior): `differences + margin` tend to be above zero. Equivalent: that, and
    `margin - differences` too; its p-value is the larger of the two (two one-sided tests, TOST). Like every
    signed-rank test this speaks of the centre of symmetric differences.

    Raises:
        UserError: the margin is not above 0.

    Reference:
        Schuirmann 1987, J. Pharmacokinet. Biopharm. 15 (TOST); Wellek 2010, Testing statistical hypotheses
        of equivalence and noninferiority, section 5.4, whose signed-rank test we shift by the margin, with
        ties and zeros as in `signed_rank_test`.

    Example:
        >>> equivalence_test([-0.002, 0.004, 0.001, -0.001, 0.003])
        EquivalenceTest(p_not_worse=0.03125, p_equivalent=0.03125)
    """
    if not 0 < margin < np.inf:
        raise UserError(f"the margin must be above 0, such as 0.01 for one point of accuracy; got {margin!r}")
    values = np.asarray(differences, dtype=np.float64)
    not_worse = signed_rank_test(values + margin, "greater").p
    not_better = signed_rank_test(margin - values, "greater").p
    return EquivalenceTest(not_worse, float(np.maximum(not_worse, not_better)))


def good_enough(
    table: Results,
    margin: float = MARGIN,
    reference: tuple[str, int] | None = None,
    alpha: float = ALPHA,
    *,
    estimated: pd.DataFrame | None = None,
    best: Sequence[BestCut] | None = None,
) -> pd.DataFrame:
    """Return, for each condition, whether it is shown to be not worse than a reference by more than `margin`.

    Columns: those of the context; strategy, cut, fraction, cutless, num_blocks, condition; `num_parameters` and
    `num_trained_parameters` (means), for the question is mostly asked of smaller ones; `reference_strategy`,
    `reference_cut`; `num_pairs`; `mean_difference` to the reference with its 95 % interval `low`, `high`;
    `p_not_worse` and `p_equivalent`, adjusted after Holm over the `num_comparisons` conditions of this
    context and fraction; `not_worse` and `equivalent`, whether these are below `alpha`. Equivalent names are
    one row, the reference none.

    Args:
        table: what `load_results` returns.
        margin: difference in accuracy, 0.01 for one point.
        reference: strategy and cut to compare with; by default the best condition of each context and
            fraction, which is chosen on validation accuracy; without such a choice nothing is compared.
        alpha: level below which a claim is taken to be shown.
        estimated: `estimates(table)`, where the caller has it.
        best: `best_cuts(table)`, likewise.

    Raises:
        UserError: the margin is not above 0.
    """
    table = results_of(table)
    equivalence_test([], margin)  # refuses a margin before any work
    parts = []
    estimated = estimates(table) if estimated is None else estimated
    best = best_cuts(table, estimated=estimated) if best is None else best
    chosen = {(one.context, one.fraction): (one.strategy, one.cut) for one in best}
    accuracies, sizes = accuracies_of(table), table.groupby("condition")["num_parameters"].mean()
    for context, rows in contexts(estimated[estimated["num_replicates"] > 0]):
        once = distinct(rows, ["fraction"])
        for fraction, group in by_fraction(rows):
            place = context, fraction
            name = reference or chosen.get(place)
            here = group.iloc[:0] if name is None else group[(group["strategy"] == name[0]) & (group["cut"] == name[1])]
            if len(here):
                others = once[(once["fraction"] == fraction) & (once["condition"] != here["condition"].iloc[0])]
                others = others.assign(num_parameters=others["condition"].map(sizes).astype("float64"))
                parts.append(_against(here.iloc[0], others, accuracies[place], margin, alpha))
    found = pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=_COLUMNS)
    found = found[[*context_columns(table), *_COLUMNS]] if parts else found
    found.attrs = dict(table.attrs)
    return found


_COLUMNS = [
    "strategy", "cut", "fraction", "cutless", "num_blocks", "condition", "num_parameters", "num_trained_parameters",
    "reference_strategy", "reference_cut", "num_pairs", "mean_difference", "low", "high",
    "p_not_worse", "p_equivalent", "num_comparisons", "not_worse", "equivalent",
]  # fmt: skip


def _against(
    reference: pd.Series, others: pd.DataFrame, accuracies: pd.DataFrame, margin: float, alpha: float
) -> pd.DataFrame:
    differences = paired_differences(accuracies, list(others["condition"]), str(reference["condition"]))
    tests = [equivalence_test(difference, margin) for difference in differences]
    rows = others.copy()
    rows["reference_strategy"], rows["reference_cut"] = str(reference["strategy"]), int(reference["cut"])
    rows["num_pairs"] = [len(difference) for difference in differences]
    rows["mean_difference"] = [d.mean() if len(d) else np.nan for d in differences]
    rows[["low", "high"]] = mean_intervals(differences)
    for column in EquivalenceTest._fields:
        rows[column] = holm([getattr(test, column) for test in tests])
        rows[column.removeprefix("p_")] = rows[column] < alpha
    rows["num_comparisons"] = sum(len(difference) > 0 for difference in differences)
    return rows
