"""The contract of a probe: its inputs and its scores."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, NamedTuple, Protocol, runtime_checkable

from pydantic import BaseModel
from torch import Tensor

Kind = Literal["features", "labels", "pair", "output", "weights"]
"""What a probe looks at.

`features`: activations alone. `labels`: activations and target labels. `pair`: activations of two models on the same
images. `output`: the source model's logits and target labels, one score per source, regardless of the cut. `weights`:
the values of a block, no images.
"""

Direction = Literal["higher", "lower"]
"""Which values of a score should go with better transfer."""


class Activations(NamedTuple):
    """What a source model makes of some images at one place (a tap); all on the CPU."""

    features: Tensor
    """Float32 "n ...", as the place gives them: "n c h w" behind a convolution, "n d" behind a dense layer."""
    labels: Tensor
    """Int64 "n", each in 0..num_classes-1."""
    num_classes: int
    seed: int
    """For probes that draw at random."""
    logits: Tensor | None = None
    """Float32 "n s": the source's outputs over its own s classes; None where its head is not known."""
    reference: Tensor | None = None
    """Float32 "n ...": the same place of a model trained on the target, for the same images."""
    weights: Mapping[str, Tensor] = {}
    """Values of the block that ends at the place, by name within it; empty where no block does."""
    groups: Tensor | None = None
    """Int64 "n": images of one number belong together, as crops of one photograph do; None: each stands alone."""


class Probe(Protocol):
    """A score of a source model's features, computed without training it; one file each."""

    kind: Kind
    directions: Mapping[str, Direction]
    """Direction of each score it gives; the first one stands for the probe in the scoreboard."""
    options: type[BaseModel]
    """Legal keys beside `name` in a study file."""

    def __call__(self, activations: Activations, options: Any) -> dict[str, float]:
        """Return every score named in `directions`.

        Raises:
            ProbeUndefinedError: the score has no value for these activations; the message says why.
        """
        ...


@runtime_checkable
class JudgesHeldOut(Protocol):
    """A probe that names the class of images it has not seen; beside the contract."""

    holds_out: bool
    """Whether it does, so that its scores depend on which images belong together."""


def holds_out(probe: Probe) -> bool:
    """Return whether a probe judges images by others, and keeps groups on one side of that."""
    return isinstance(probe, JudgesHeldOut) and probe.holds_out
