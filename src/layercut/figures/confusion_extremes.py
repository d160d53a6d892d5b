"""Confusion matrices of the best and of the worst of all settings of a study."""

from __future__ import annotations

from layercut.charts import Chart
from layercut.figures.confusion_matrix import of_trials
from layercut.figures.kept_trials import extreme_trials
from layercut.figures.study_tables import StudyTables

_WHICH = (
    "One trial of each, its accuracy in brackets: of all sources, models, factor levels and conditions with kept "
    "predictions those with the highest and the lowest mean on test images (so this is not a recommendation)."
)


def compute(tables: StudyTables) -> Chart | None:
    """Return the chart, with the first context of a study; None for the others, and where a study has one context."""
    whole = tables.whole
    if whole is None or len(whole.contexts()) < 2 or whole.contexts()[0][0] != tables.context:
        return None
    shown = extreme_trials(whole)
    if len(shown) < 2:
        return None
    return of_trials(shown, "confusion_extremes", "Confusion matrices of the best and the worst setting", _WHICH)
