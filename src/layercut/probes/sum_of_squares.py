"""Scatter within classes as a fraction of all scatter: 0 if every class is one point, 1 if all class means agree.

    sum_i |x_i - m_(y_i)|^2 / sum_i |x_i - m|^2

with class means m_c and the mean m of all images, over all units.

Reference:
    The metric "sum of squares" (within-class over total) of a study of pretraining checkpoints and transfer;
    one minus the eta squared of a one-way analysis of variance. No differences.
"""

from __future__ import annotations

from layercut.probes.base import Activations
from layercut.probes.classes import several_in_a_class
from layercut.probes.function import FunctionProbe
from layercut.probes.products import centred_gram
from layercut.probes.vectors import FlattenedSpec


def sum_of_squares(activations: Activations, options: FlattenedSpec) -> dict[str, float]:
    """Return within / total; undefined where all images are the same or each class has one image."""
    classes = several_in_a_class(activations.labels)
    products = centred_gram(activations.features, options.view)
    total = float(products.diagonal().sum())
    between = float((classes.membership * (products @ classes.membership) / classes.sizes).sum())  # sum n_c |m_c - m|^2
    return {"within_to_total": max(0.0, 1 - between / total)}


SUM_OF_SQUARES = FunctionProbe("labels", {"within_to_total": "lower"}, sum_of_squares, FlattenedSpec)
