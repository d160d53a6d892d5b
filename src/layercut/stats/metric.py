"""The metric by which the conditions of a results table are compared."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from layercut.errors import UserError
from layercut.metrics import ACCURACY, METRICS, NAMES, Metric

COLUMN = "metric"
"""Of a results table: the study's metric, in every row."""


def metric_of(table: pd.DataFrame) -> Metric:
    """Return the metric of a results table; accuracy where it does not say.

    Raises:
        UserError: it tells of several, or of one that there is not.
    """
    told = list(map(str, table[COLUMN].dropna().unique())) if COLUMN in table else []
    if len(told) > 1:
        raise UserError(
            f"expected results of one metric; got {', '.join(told)}. All are recorded: choose one with "
            f'`table.assign({COLUMN}="{told[0]}")`'
        )
    known: list[Metric] = [name for name in METRICS if name in told]
    if told and not known:
        raise UserError(f"expected a metric, {', '.join(METRICS)}, in the column `{COLUMN}`; got {told[0]!r}")
    return known[0] if known else ACCURACY


def column_on_test(metric: Metric) -> str:
    """Return the column of a results table with a metric on the test images."""
    return f"test_{metric}"


def column_on_validation(metric: Metric) -> str:
    """Return the column of a results table with a metric on the validation images."""
    return f"validation_{metric}"


def scored_by(table: pd.DataFrame) -> list[str]:
    """Return the columns of a results table that say how well its trials did on the test images."""
    return [column_on_test(metric_of(table)), *([COLUMN] if COLUMN in table else [])]


def name_of(table: pd.DataFrame) -> str:
    """Return the metric of a results table as a sentence says it.

    Example:
        >>> name_of(pd.DataFrame({"metric": ["macro_f1"]}))
        'macro F1'
    """
    return NAMES[metric_of(table)]


def known_chance(plan: Mapping[str, Any], table: pd.DataFrame) -> Mapping[str, float]:
    """Return chance level by target, from a study's plan; empty where it is of another metric."""
    chances: Mapping[str, float] = plan.get("chance", {})
    return chances if (plan.get(COLUMN) or ACCURACY) == metric_of(table) else {}
