"""Compare two studies, condition by condition."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from html import escape
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from layercut.errors import UserError, did_you_mean
from layercut.metrics import ACCURACY, NAMES, Metric
from layercut.stats.contrast import adjust_families, contrasts_of
from layercut.stats.design import POINT, finished
from layercut.stats.interval import difference_interval
from layercut.stats.levels import at_levels, common_factors
from layercut.stats.metric import metric_of
from layercut.stats.rank_sum import rank_sum_test
from layercut.stats.same_names import under_one_name
from layercut.stats.study_notes import Side, read_side, study_notes
from layercut.stats.tables import Results

ACROSS = ("source", "target", "model")
"""Columns in which the two studies may differ as a whole, if that is what is asked."""


@dataclass(frozen=True)
class StudyComparison:
    """What `compare_studies` found."""

    study: str
    baseline: str
    rows: pd.DataFrame
    """A row a condition that both have; see `compare_studies`."""
    num_only_in_study: int
    num_only_in_baseline: int
    notes: tuple[str, ...]
    """What a reader must know before trusting the numbers."""
    metric: Metric = ACCURACY
    """By which they were compared."""

    @property
    def summary(self) -> str:
        """Return what was compared, in one sentence."""
        rows, only = self.rows, (self.num_only_in_study, self.num_only_in_baseline)
        paired = int(rows["paired"].sum())
        left_out = f"; {only[0]} only in the first and {only[1]} only in the second are left out" if any(only) else ""
        return (
            f"{len(rows)} conditions in both, {paired} of them paired by replicate{left_out}. Difference: "
            f"{self.study} minus {self.baseline}, in points of test {NAMES[self.metric]}; p after Holm over "
            f"{int(rows['num_comparisons'].max())} comparisons."
        )

    def _repr_html_(self) -> str:
        said = "".join(f"<li>{escape(note)}</li>" for note in self.notes)
        return f"<p>{escape(self.summary)}</p><ul>{said}</ul>{self.rows.to_html(max_rows=60)}"


def compare_studies(
    study: Results,
    baseline: Results,
    across: Sequence[str] = (),
    strategies: Sequence[str] = (),
    fractions: Sequence[float] = (),
    metric: Metric | None = None,
    levels: Mapping[str, str] | None = None,
) -> StudyComparison:
    """Return the difference in test accuracy, `study` minus `baseline`, of each condition that both have.

    Both are compared by the metric of `study`, whatever the other chose by, unless another is asked for. Conditions
    are matched by source, target, model, factor levels, strategy, cut and fraction; a source, target or model that the
    plans of both know as the same under two names, such as a model with a default spelled out, is one.
    Replicates that drew the same images in both (equal `split_hash`) are compared in pairs: exact signed-rank test,
    and the interval that goes with it. Where there is no such pair, or a replicate has other images in the other
    study, pairing would be an accident of numbering: all replicates are then two independent samples, with
    an exact Mann-Whitney test and the BCa interval of the difference of means. (Not Welch's t: accuracies near
    1 are skewed, and ten replicates are too few to rely on normality.)

    Columns of `rows`: those of the match; `paired`; `num_replicates` and `num_replicates_baseline` that
    entered; `mean`, `mean_baseline`; `mean_difference`, `low`, `high`, `p`, `effect` (rank-biserial);
    `condition`, `condition_baseline`; `p_holm` and `num_comparisons` over all rows, equivalent ones counted
    once. Where both hold the very same trials with the same results there is no comparison (p is NaN).

    Args:
        study: an output directory, or what `load_results` returns.
        baseline: the same, of the study to compare with.
        across: columns among `source`, `target` and `model` to leave out of the match; each study must then
            have one value in them.
        strategies: compare only these; by default all. Fewer comparisons need fewer replicates, if they were
            chosen before looking.
        fractions: likewise.
        metric: `accuracy`, `balanced_accuracy` or `macro_f1`; that of `study` where None.
        levels: training factors, by name, and the one level of each to compare; a study that lacks the factor is taken
            as it is.

    Raises:
        UserError: `across` names something else or is ambiguous, one study has a training factor that the other lacks,
            no condition is in both, or one of them was made by a version that did not record the metric.
        LedgerError: there is no ledger, or it is damaged.
    """
    sides, restricted = at_levels((read_side(study), read_side(baseline)), levels or {})
    sides, renamed = under_one_name(sides)
    _require_known("strategy", strategies, sides)
    _require_known("fraction", fractions, sides)
    on = [*_matched(sides, across), *POINT]
    wanted = [_restricted(side.table, strategies, fractions) for side in sides]
    metric = metric or metric_of(sides[0].table)
    groups = [dict(iter(finished(table, metric).groupby(on, sort=False, dropna=False))) for table in wanted]
    common = [name for name in groups[0] if name in groups[1]]
    if not common:
        raise UserError(_nothing_in_common(sides, on, [*strategies, *(f"{fraction:g}" for fraction in fractions)]))
    rows = pd.DataFrame(common, columns=on)
    compared = [_compare(groups[0][name], groups[1][name]) for name in common]
    differences = [one.pop("differences") for one in compared]
    rows = rows.join(pd.DataFrame(compared))
    adjust_families(rows, [], ["condition", "condition_baseline"], differences)
    names = _told_apart(sides)
    named = (replace(sides[0], name=names[0]), replace(sides[1], name=names[1]))
    return StudyComparison(
        study=names[0],
        baseline=names[1],
        rows=rows,
        num_only_in_study=len(groups[0]) - len(common),
        num_only_in_baseline=len(groups[1]) - len(common),
        notes=(*restricted, *renamed, *study_notes(named, rows)),
        metric=metric,
    )


def _restricted(table: pd.DataFrame, strategies: Sequence[str], fractions: Sequence[float]) -> pd.DataFrame:
    part = table[table["strategy"].isin(strategies)] if strategies else table
    part = part[part["fraction"].isin(fractions)] if fractions else part
    part.attrs = dict(table.attrs)
    return part


def _told_apart(sides: tuple[Side, Side]) -> tuple[str, str]:
    """Return the studies' names; where these are equal those of their folders, then their paths."""
    places = [Path(side.place) for side in sides]
    choices = ([side.name for side in sides], [place.name for place in places], [str(place) for place in places])
    first, second = next((names for names in choices if names[0] != names[1]), choices[0])
    return first, second


def _matched(sides: tuple[Side, Side], across: Sequence[str]) -> list[str]:
    """Return the columns, besides those of the point, that must be equal in both."""
    if unknown := [name for name in across if name not in ACROSS]:
        raise UserError(f"studies can be compared across {', '.join(ACROSS)}; got {', '.join(unknown)}")
    for name in across:
        for side in sides:
            if len(values := list(map(str, side.table[name].unique()))) > 1:
                raise UserError(
                    f"across {name}: expected one {name} in each study; {side.name} has {', '.join(values)}"
                )
    return [*(name for name in ACROSS if name not in across), *common_factors(sides)]


def _require_known(column: str, asked: Sequence[Any], sides: tuple[Side, Side]) -> None:
    """Refuse names that neither study has, so that a typo is not silently ignored."""
    known = sorted({value for side in sides for value in side.table[column].unique()})
    for value in asked:
        if value not in known:
            names = list(map(str, known))
            near = did_you_mean(value, names) if isinstance(value, str) else ""
            raise UserError(f"the studies have no {column} {value!r}{near}; they have: {', '.join(names) or 'none'}")


def _nothing_in_common(sides: tuple[Side, Side], on: Sequence[str], asked: Sequence[str]) -> str:
    for side in sides:
        done = side.table[side.table["status"] == "finished"]
        if len(done) and done["test_accuracy"].isna().all():
            return (
                f"no trial of {side.name} has been tested, as in a recommendation, so there is no accuracy to compare: "
                f"`layercut run {side.place}` tests them all"
            )
    for column in on:
        here, there = (sorted(map(str, side.table[column].unique())) for side in sides)
        if not set(here) & set(there):
            hint = f" (--across {column} compares them all the same)" if column in ACROSS else ""
            return (
                f"the studies have no {column} in common{hint}: {', '.join(here) or 'none'} in the first, "
                f"{', '.join(there) or 'none'} in the second"
            )
    only = f" among those of {', '.join(asked)}" if asked else ""
    return f"the studies have no finished condition in common{only}"


def _compare(own: pd.DataFrame, other: pd.DataFrame) -> dict[str, Any]:
    both = own.merge(other, on="replicate", suffixes=("", "_baseline"))
    same_images = both["split_hash"].notna() & (both["split_hash"] == both["split_hash_baseline"])
    paired = len(both) > 0 and bool(same_images.all())
    a, b = (both["score"], both["score_baseline"]) if paired else (own["score"], other["score"])
    values, baseline = a.to_numpy(dtype=np.float64), b.to_numpy(dtype=np.float64)
    described = {
        "paired": paired,
        "num_replicates": len(values),
        "num_replicates_baseline": len(baseline),
        "mean": float(values.mean()),
        "mean_baseline": float(baseline.mean()),
        "differences": values - baseline if paired else None,
    }
    if paired:
        (contrast,) = contrasts_of([values - baseline])
        described |= contrast._asdict()
        del described["num_pairs"]
        if (both["key"] == both["key_baseline"]).all() and (values == baseline).all():
            described["p"] = np.nan  # the very same trials
    else:
        low, high = difference_interval(values, baseline)
        described |= {"mean_difference": float(values.mean() - baseline.mean()), "low": low, "high": high}
        described |= rank_sum_test(values, baseline)._asdict()
    return described | {"condition": own["condition"].iloc[0], "condition_baseline": other["condition"].iloc[0]}
