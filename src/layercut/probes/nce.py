"""Negative conditional entropy of the labels given the source's predicted class.

    - H(Y | Z) = mean_i log P(y_i | z_i)

Reference:
    Tran, Nguyen and Hassner, "Transferability and hardness of supervised classification tasks", ICCV 2019. As later
    work does, Z is the source's prediction, since target images have no source labels.
"""

from __future__ import annotations

from torch.nn.functional import one_hot

from layercut.probes.base import Activations
from layercut.probes.classes import present_classes
from layercut.probes.function import FunctionProbe
from layercut.probes.leep import expected_prediction, source_logits
from layercut.spec.base import NoOptions


def nce(activations: Activations, options: NoOptions) -> dict[str, float]:
    """Return the negative entropy in nats, at most 0."""
    logits = source_logits(activations)
    predicted = one_hot(logits.argmax(1), logits.shape[1]).double()
    # with certain predictions LEEP is the mean of log P(y | z)
    return {"negative_entropy": expected_prediction(predicted, present_classes(activations.labels))}


NCE = FunctionProbe("output", {"negative_entropy": "higher"}, nce)
