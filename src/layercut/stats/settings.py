"""Every setting of a study side by side: its average over all epochs, and its final result."""

from __future__ import annotations

from typing import Any

import pandas as pd

from layercut.stats.curves import curve_averages
from layercut.stats.design import POINT, context_columns, finished
from layercut.stats.metric import column_on_test, metric_of


def compare_settings(results: pd.DataFrame, curves: pd.DataFrame) -> pd.DataFrame:
    """Return one row per condition of all contexts, best mean test accuracy first.

    Columns: those that name the condition, `num_replicates`, `mean_train_loss` and `mean_train_accuracy` (averages
    over a trial's epochs), `test_accuracy` (or `test_` and the study's other metric) and `seconds`, each a mean over
    replicates; accuracies are in 0..1.
    Trials that failed are left out; averages are NaN where there are no curves.

    Args:
        results: from `load_results`.
        curves: from `load_curves`.
    """
    done = finished(results)
    averages = curve_averages(curves)[["key", "mean_train_loss", "mean_train_accuracy"]]
    names = [*context_columns(done), *POINT]
    groups = done.merge(averages, on="key", how="left").groupby(names, sort=False, dropna=False)
    table = groups.agg(
        num_replicates=("key", "size"),
        mean_train_loss=("mean_train_loss", "mean"),
        mean_train_accuracy=("mean_train_accuracy", "mean"),
        score=("score", "mean"),
        seconds=("wall_seconds", "mean"),
    ).reset_index()
    shown = column_on_test(metric_of(results))
    table = table.rename(columns={"score": shown}).sort_values(shown, ascending=False, kind="stable", ignore_index=True)
    table.attrs = dict(results.attrs)
    return table


def setting_names(table: pd.DataFrame) -> list[str]:
    """Return a name for each row, made of what differs between rows."""
    columns = [*context_columns(table), *POINT]
    told = [name for name in columns if table[name].nunique() > 1] or ["strategy"]
    return [", ".join(_part(name, row[name]) for name in told) for row in table.to_dict("records")]


def _part(column: str, value: Any) -> str:
    if column == "cut":
        return f"cut {value}"
    return f"{100 * value:g} %" if column == "fraction" else str(value)
