"""Log expected empirical prediction: how well the source's predicted classes predict the labels.

    mean_i log sum_z P(y_i | z) p_i(z),   P(y, z) = mean_i [y_i = y] p_i(z)

with the source's probabilities p_i(z) of its classes z.

Reference:
    Nguyen, Hassner, Seeger and Archambeau, "LEEP: a new measure to evaluate transferability of learned
    representations", ICML 2020. No differences.
"""

from __future__ import annotations

from torch import Tensor

from layercut.errors import ProbeUndefinedError
from layercut.probes.base import Activations
from layercut.probes.classes import Classes, present_classes
from layercut.probes.function import FunctionProbe
from layercut.probes.vectors import vectors
from layercut.spec.base import NoOptions


def leep(activations: Activations, options: NoOptions) -> dict[str, float]:
    """Return the mean log probability, at most 0."""
    probabilities = source_logits(activations).softmax(1)
    return {"log_likelihood": expected_prediction(probabilities, present_classes(activations.labels))}


def source_logits(activations: Activations) -> Tensor:
    """Return float64 "n s".

    Raises:
        ProbeUndefinedError: the head of the source is not known, or its outputs are not finite.
    """
    if activations.logits is None:
        raise ProbeUndefinedError("the source model's outputs are unknown")
    return vectors(activations.logits).double()


def expected_prediction(probabilities: Tensor, classes: Classes) -> float:
    """Return LEEP from float64 "n s" probabilities over any s states."""
    joint = classes.membership.T @ probabilities  # "k s"
    given_state = joint / joint.sum(0).clamp(min=1e-300)  # a state that nobody is in adds nothing
    expected = (probabilities @ given_state.T).gather(1, classes.labels[:, None])
    return float(expected.log().mean())


LEEP = FunctionProbe("output", {"log_likelihood": "higher"}, leep)
