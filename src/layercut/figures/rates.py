"""A sentence for captions where conditions have learning rates of their own."""

from __future__ import annotations

import dataclasses

from layercut.charts import Chart
from layercut.figures.study_tables import StudyTables

COMPARING = frozenset(
    {
        "cut_boxes", "difference_to_scratch", "accuracy_by_fraction", "mean_heatmap", "accuracy_by_parameters",
        "accuracy_bars", "accuracy_surface", "learning_curves", "class_scores",
    }
)  # fmt: skip
"""Figures that set conditions side by side."""


def with_own_rates(name: str, chart: Chart | None, tables: StudyTables) -> Chart | None:
    """Return a chart whose caption says so, where it compares conditions whose learning rates pilots chose."""
    if chart is None or name not in COMPARING or tables.estimates["lowest_rate"].isna().all():
        return chart
    return dataclasses.replace(chart, caption=f"{chart.caption} {OWN_RATES}")


OWN_RATES = "Each condition is trained at its own learning rate, chosen in pilots."
