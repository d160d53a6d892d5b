"""Fisher's ratio: scatter between class means over scatter within classes.

    ratio = tr(S_b) / tr(S_w)                    over all units together
    eta_squared = mean over units of s_b / s_t    every unit counts alike; units without scatter are left out

Reference:
    Fisher, "The use of multiple measurements in taxonomic problems", Annals of Eugenics 7, 1936. We take traces, which
    needs no inverse where there are more units than images; `ratio` orders models as `sum_of_squares` does.
"""

from __future__ import annotations

from layercut.errors import ProbeUndefinedError
from layercut.probes.base import Activations
from layercut.probes.classes import several_in_a_class
from layercut.probes.function import FunctionProbe
from layercut.probes.scatter import scatter_by_unit
from layercut.probes.vectors import FlattenedSpec, vectors

ZERO = 1e-12
"""Share of all scatter below which there is none within classes."""


def fisher(activations: Activations, options: FlattenedSpec) -> dict[str, float]:
    """Return both ratios; undefined where the features, or those of every class, are all the same."""
    scatter = scatter_by_unit(vectors(activations.features, options.view), several_in_a_class(activations.labels))
    total, within = float(scatter.total.sum()), float(scatter.within.sum())
    if total == 0:
        raise ProbeUndefinedError("features are the same for every image")
    if within <= ZERO * total:
        raise ProbeUndefinedError("the features of all images of a class are the same, so the ratio is infinite")
    varied = scatter.total > 0
    eta_squared = (scatter.between[varied] / scatter.total[varied]).mean()
    return {"ratio": float(scatter.between.sum()) / within, "eta_squared": float(eta_squared)}


FISHER = FunctionProbe("labels", {"ratio": "higher", "eta_squared": "higher"}, fisher, FlattenedSpec)
