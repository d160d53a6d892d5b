"""Probes of a line, one of each kind, for tests of what surrounds them."""

from __future__ import annotations

from pydantic import Field

from layercut.errors import ProbeUndefinedError
from layercut.registry import Entry
from layercut.spec.base import StrictSpec


class Options(StrictSpec):
    scale: float = Field(default=1.0, description="Factor.")


class Tiny:
    """A probe from a function of activations."""

    options = Options

    def __init__(self, kind, score):
        self.kind = kind
        self.directions = {"score": "higher"}
        self._score = score

    def __call__(self, activations, options):
        return {"score": options.scale * float(self._score(activations))}


def _of_deep_features(activations):
    if activations.features.dim() == 4 and activations.features.shape[1] == 1:
        raise ProbeUndefinedError("no score for pixels")
    return activations.features.mean()


MEAN = Tiny("features", lambda a: a.features.mean())
LABELS = Tiny("labels", lambda a: a.features.flatten(1)[a.labels == 0].mean())
PAIR = Tiny("pair", lambda a: (a.features - a.reference).abs().mean())
OUTPUT = Tiny("output", lambda a: a.logits.shape[1])
WEIGHTS = Tiny("weights", lambda a: sum(value.sum() for value in a.weights.values()))
DEEP = Tiny("features", _of_deep_features)
DRAW = Tiny("features", lambda a: a.seed % 1000)
NAN = Tiny("features", lambda a: float("nan"))

TABLE = {name.lower(): Entry(f"support.tiny_probes:{name}", "tiny") for name in
         ("MEAN", "LABELS", "PAIR", "OUTPUT", "WEIGHTS", "DEEP", "DRAW", "NAN")}  # fmt: skip
