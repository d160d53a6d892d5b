"""What each condition yielded, over its replicates."""

from __future__ import annotations

import numpy as np
import pandas as pd

from layercut.stats.design import POINT, context_columns, finished, one_row_a_trial
from layercut.stats.interval import mean_intervals
from layercut.stats.tables import RATES, Results, results_of

_AVERAGED = ("num_trained_parameters", "num_parameters", "num_train_images", "num_validation_images", "num_test_images")


def estimates(table: Results) -> pd.DataFrame:
    """Return one row per condition name, scratch included, in the order of the table.

    Columns: those of the context; strategy, cut, fraction, num_blocks, condition, merged; `num_replicates`
    finished and `num_failed`; `mean`, `median`, `sd` (n - 1; NaN for one replicate), `sem`, `low`, `high` (95
    % bootstrap interval of the mean) of test accuracy; `mean_validation` accuracy and `mean_validation_loss`
    (log loss in nats); mean `num_trained_parameters`, `num_parameters`, `num_train_images`, `num_validation_images`,
    `num_test_images`; `learning_rate`, `lowest_rate` and `highest_rate` of the list it was chosen from. Accuracies are
    0..1. A condition whose trials all failed has
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
        num_failed=("_failed", "sum"),
        **{column: (column, "first") for column in RATES},
    )
    done = finished(table)
    done = done.assign(_unvalidated=done["validation_accuracy"].isna().astype("int64"))
    if "validation_loss" not in done:  # a table of before there was one, or made by hand
        done = done.assign(validation_loss=np.nan)
    groups = done.groupby(names, sort=False, dropna=False)
    measured = groups.agg(
        num_replicates=("test_accuracy", "size"),
        mean=("test_accuracy", "mean"),
        median=("test_accuracy", "median"),
        sd=("test_accuracy", "std"),
        sem=("test_accuracy", "sem"),
        mean_validation=("validation_accuracy", "mean"),
        mean_validation_loss=("validation_loss", "mean"),
        **{column: (column, "mean") for column in _AVERAGED},
        num_without_validation=("_unvalidated", "sum"),
    )
    for column in _AVERAGED:
        measured[column] = measured[column].astype("float64")  # from pandas' integers, which may be missing
    samples = [values.to_numpy(dtype=np.float64) for _, values in groups["test_accuracy"]]
    measured[["low", "high"]] = mean_intervals(samples)
    rows = rows.join(measured).reset_index()
    for column in ("num_replicates", "num_without_validation"):
        rows[column] = rows[column].fillna(0).astype(int)
    rows.attrs = dict(table.attrs)
    return rows
