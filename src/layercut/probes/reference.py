"""The other model of a pair."""

from __future__ import annotations

from torch import Tensor

from layercut.errors import ProbeUndefinedError
from layercut.probes.base import Activations


def reference_features(activations: Activations) -> Tensor:
    """Return the features of the model trained on the target.

    Raises:
        ProbeUndefinedError: there is none, or it saw other images.
    """
    reference = activations.reference
    if reference is None:
        raise ProbeUndefinedError("there is no model to compare with")
    if len(reference) != len(activations.features):
        raise ProbeUndefinedError(f"{len(activations.features)} images here, {len(reference)} in the other model")
    return reference
