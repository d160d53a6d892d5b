"""F1 of each class under the best cut of each strategy: which classes does transfer help?"""

from __future__ import annotations

import pandas as pd

from layercut.charts import Axis, Cells, Chart, Panel, Tick
from layercut.figures.names import fraction_label, strategies_in_order
from layercut.figures.study_tables import StudyTables
from layercut.stats import BestCut


def compute(tables: StudyTables) -> Chart | None:
    """Return the chart of one context; None where no trial of it kept a classification report."""
    scores = tables.measured.class_scores
    rows = tables.results[["strategy", "cut", "fraction", "condition"]].drop_duplicates(["strategy", "cut", "fraction"])
    keys = {(name, cut, fraction): str(key) for name, cut, fraction, key in rows.itertuples(index=False, name=None)}
    known = set(scores["condition"])
    best = [one for one in tables.best_by_strategy if keys[one.strategy, one.cut, one.fraction] in known]
    if not best:
        return None
    conditions = {keys[one.strategy, one.cut, one.fraction] for one in best}
    own = scores[scores["condition"].isin(conditions)]
    means = 100 * own.groupby(["condition", "class_name"], sort=False)["f1"].mean()
    classes = list(map(str, own["class_name"].unique()))
    panels = tuple(
        _panel(fraction, [(one, keys[one.strategy, one.cut, one.fraction]) for one in best if one.fraction == fraction],
               means, classes)
        for fraction in sorted({one.fraction for one in best})
    )  # fmt: skip
    return Chart(
        name="class_scores",
        title="Classes one by one",
        panels=panels,
        caption="F1 of each class on test images (harmonic mean of precision and recall), in per cent, under the best "
        "cut of each strategy, a panel for each fraction of the data: mean over replicates. `load_class_scores` gives "
        "precision and recall of every trial.",
        alt=f"F1 of the classes {', '.join(classes)}, from {means.min():.1f} to {means.max():.1f} per cent.",
        color_scale=(float(means.min()), float(means.max())),
        color_title="F1 (%)",
    )


def _panel(fraction: float, best: list[tuple[BestCut, str]], means: pd.Series, classes: list[str]) -> Panel:
    order = strategies_in_order(one.strategy for one, _ in best)
    ordered = sorted(best, key=lambda pair: order.index(pair[0].strategy))
    columns = tuple(one.strategy if one.cutless else f"{one.strategy} {one.cut}" for one, _ in ordered)
    values = tuple(tuple(float(means[condition, name]) for _, condition in ordered) for name in classes)
    label = fraction_label(fraction)
    return Panel(
        f"{label} of the data",
        Axis("Strategy and blocks kept", scale="category", ticks=tuple(Tick(i, c) for i, c in enumerate(columns))),
        Axis("Class", scale="category", ticks=tuple(Tick(i, c) for i, c in enumerate(classes))),
        cells=Cells(tuple(classes), columns, values, tuple(tuple(f"{v:.1f}" for v in row) for row in values)),
        fraction=label,
    )
