"""Estimates of each condition, over its replicates."""

from __future__ import annotations

import numpy as np
import pandas as pd

from layercut.metrics import ACCURACY
from layercut.stats.columns import RATES
from layercut.stats.design import POINT, TREATMENT, context_columns, finished, one_row_a_trial
from layercut.stats.interval import mean_intervals
from layercut.stats.metric import column_on_validation, metric_of
from layercut.stats.tables import Results, results_of

_AVERAGED = (
    "num_trained_parameters", "num_parameters", "num_train_images", "num_validation_images", "num_test_images",
    "num_judging_images", "num_judging_test_images", "num_folds",
)  # fmt: skip


def estimates(table: Results) -> pd.DataFrame:
    """Return one row per condition name, scratch included, in the order of the table.

    Columns: those of the context; strategy, cut, fraction, num_blocks, condition, merged; `cutless`, `transfers`,
    `treatment`; `num_replicates`
    finished and `num_failed`; `mean`, `median`, `sd` (n - 1; NaN for one replicate), `sem`, `low`, `high` (95
    % bootstrap interval of the mean) of test accuracy, or of the study's other metric; `mean_validation` of the same
    and `mean_validation_loss` (log loss in nats); mean `num_trained_parameters`, `num_parameters`, `num_train_images`,
    `num_validation_images`, `num_test_images`, `num_folds`; `num_judging_images` and `num_judging_test_images`, the
    last two as far as they count for the metric: all for accuracy, as many in equal classes for one over classes;
    `learning_rate`, `lowest_rate` and `highest_rate` of the list it was chosen from. Accuracies are 0..1. A condition
    whose trials all failed has
    NaN.

    Raises:
        UserError: two rows are of one design point and replicate.
    """
    table = results_of(table)
    table = one_row_a_trial(table)
    names = [*context_columns(table), *POINT]
    table = table.assign(**{column: np.nan for column in RATES if column not in table})  # one made by hand
    counted = table.assign(_failed=(table["status"] != "finished").astype("int64"))
    rows = counted.groupby(names, sort=False, dropna=False).agg(
        num_blocks=("num_blocks", "first"),
        condition=("condition", "first"),
        merged=("merged", "first"),
        **{column: (column, "first") for column in TREATMENT},
        num_failed=("_failed", "sum"),
        **{column: (column, "first") for column in RATES},
    )
    done = finished(table)
    validation = column_on_validation(metric_of(table))
    done = done.assign(_unvalidated=done[validation].isna().astype("int64"), **_judging(done))
    if "validation_loss" not in done:  # a table of before there was one, or made by hand
        done = done.assign(validation_loss=np.nan)
    done = done.assign(num_folds=done["num_folds"].astype("float64").fillna(0) if "num_folds" in done else 0.0)
    groups = done.groupby(names, sort=False, dropna=False)
    measured = groups.agg(
        num_replicates=("score", "size"),
        mean=("score", "mean"),
        median=("score", "median"),
        sd=("score", "std"),
        sem=("score", "sem"),
        mean_validation=(validation, "mean"),
        mean_validation_loss=("validation_loss", "mean"),
        **{column: (column, "mean") for column in _AVERAGED},
        num_without_validation=("_unvalidated", "sum"),
    )
    for column in _AVERAGED:
        measured[column] = measured[column].astype("float64")  # from pandas' integers, which may be missing
    samples = [values.to_numpy(dtype=np.float64) for _, values in groups["score"]]
    measured[["low", "high"]] = mean_intervals(samples)
    rows = rows.join(measured).reset_index()
    for column in ("num_replicates", "num_without_validation"):
        rows[column] = rows[column].fillna(0).astype(int)
    rows.attrs = dict(table.attrs)
    return rows


def _judging(done: pd.DataFrame) -> dict[str, pd.Series]:
    """Return how many images the metric rests on, as far as they count for it."""
    about = "num_" if metric_of(done) == ACCURACY else "num_effective_"
    return {
        "num_judging_images": done[f"{about}validation_images"],
        "num_judging_test_images": done[f"{about}test_images"],
    }
