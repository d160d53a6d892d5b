"""Scatter within classes as a share of all scatter: 0 where every class is one point, 1 where class means agree.

    sum_i |x_i - m_(y_i)|^2 / sum_i |x_i - m|^2

with class means m_c and the mean m of all images, over all units.

Reference:
    The metric "sum of squares" (within-class over total) of a study of pretraining checkpoints and transfer;
    one minus the eta squared of a one-way analysis of variance. No differences.
"""

from __future__ import annotations

from layercut.errors import ProbeUndefinedError
from layercut.probes.base import Activations
from layercut.probes.classes import several_in_a_class
from layercut.probes.function import FunctionProbe
from layercut.probes.scatter import scatter_by_unit
from layercut.probes.vectors import FlattenedSpec, vectors


def sum_of_squares(activations: Activations, options: FlattenedSpec) -> dict[str, float]:
    """Return within / total; undefined where all images or all classes' sizes make it meaningless."""
    rows = vectors(activations.features, options.view)
    scatter = scatter_by_unit(rows, several_in_a_class(activations.labels))
    total = float(scatter.total.sum())
    if total == 0:
        raise ProbeUndefinedError("features are the same for every image")
    return {"within_to_total": float(scatter.within.sum()) / total}


SUM_OF_SQUARES = FunctionProbe("labels", {"within_to_total": "lower"}, sum_of_squares, FlattenedSpec)
