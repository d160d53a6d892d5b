"""A model that can be cut: an ordered list of named blocks and a head."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Mapping
from typing import Any, Protocol

import torch
from pydantic import BaseModel
from torch import Tensor, nn

ImageShape = tuple[int, int, int]
"""channels, height, width"""


class CuttableModel(nn.Module):
    """A classifier as a sequence of blocks and a head; one may cut after any number of blocks.

    images: Float "n c h w" -> logits: Float "n num_classes".
    Parameters are called `blocks.NAME...` and `head...`.
    """

    def __init__(
        self,
        blocks: Mapping[str, nn.Module],
        head: nn.Module,
        taps: Mapping[str, str] | None = None,
        before_activation: Mapping[str, str] | None = None,
        notes: tuple[str, ...] = (),
        stages: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__()
        self.blocks = nn.Sequential(OrderedDict(blocks))
        self.head = head
        self._taps = taps
        self._before_activation = dict(before_activation or {})
        self.notes = notes
        """What its user should know of it."""
        self.stages = stages
        """Name of each stage and of the block that ends it; none: by the size of features; None: each block is one."""

    @property
    def taps(self) -> dict[str, str]:
        """Return the places whose activations are worth looking at, from the input on.

        Name -> qualified name of the module whose output it is; the empty name is the whole model: its logits.
        The images themselves are no tap: they are always there. Each block, then the head's hidden layer, unless
        the model names others.
        """
        if self._taps is not None:
            return dict(self._taps)
        taps = {name: f"blocks.{name}" for name in self.block_names}
        if getattr(self.head, "activation", None) is not None:
            taps["hidden"] = "head.activation"
        return taps | {"output": ""}

    @property
    def before_activation(self) -> dict[str, str]:
        """Return by block the module whose output its last activation sees; blocks that do not say are left out."""
        return dict(self._before_activation)

    @property
    def block_names(self) -> list[str]:
        """Return the names of the blocks, from the input on."""
        return [name for name, _ in self.blocks.named_children()]

    def trunk(self, cut: int) -> nn.Sequential:
        """Return the first `cut` blocks; they share their parameters with this model."""
        return self.blocks[:cut]

    def forward(self, images: Tensor) -> Tensor:
        """Run blocks in the precision around them and the head in float32: bfloat16 logits would tie."""
        features: Tensor = self.blocks(images)
        if not torch.is_autocast_enabled(features.device.type):
            logits: Tensor = self.head(features)
            return logits
        with torch.autocast(features.device.type, enabled=False):
            logits = self.head(features.float())
            return logits


class DenseHead(nn.Module):
    """Flatten, an optional hidden dense layer, and the classifier.

    features: Float "n ..." -> logits: Float "n num_classes".
    """

    def __init__(
        self, num_features: int, num_classes: int, num_hidden: int | None, activation: Callable[[], nn.Module]
    ) -> None:
        super().__init__()
        self.hidden = nn.Linear(num_features, num_hidden) if num_hidden else None
        self.activation = activation() if num_hidden else None
        self.out = nn.Linear(num_hidden or num_features, num_classes)

    def forward(self, features: Tensor) -> Tensor:
        flat = features.flatten(1)
        if self.hidden is not None and self.activation is not None:
            flat = self.activation(self.hidden(flat))
        logits: Tensor = self.out(flat)
        return logits


class ModelFamily(Protocol):
    """How models of one name are made; one instance a file, listed in `models/__init__.py`."""

    options: type[BaseModel]
    """Legal keys beside `name` in a study file."""

    def build(self, options: Any, image_shape: ImageShape, num_classes: int) -> CuttableModel:
        """Return a new model; initial values come from torch's global generator.

        Raises:
            SpecError: the images are too small for the model.
        """
        ...

    def head(self, options: Any, feature_shape: tuple[int, ...], num_classes: int) -> nn.Module:
        """Return a new head for one cut's features, at the last cut the whole model's; `feature_shape` has no batch."""
        ...

    def import_names(self, options: Any, names: list[str]) -> dict[str, str] | None:
        """Return foreign parameter names -> ours where `names` are of a foreign format this family reads."""
        ...


def seeded_build(
    family: ModelFamily, options: Any, image_shape: ImageShape, num_classes: int, seed: int
) -> CuttableModel:
    """Build a model whose initial values depend on `seed` alone; the global generator is left as it was.

    All of it can be trained: what is frozen, a strategy says.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return family.build(options, image_shape, num_classes).requires_grad_(True)


def seeded_head(
    family: ModelFamily, options: Any, feature_shape: tuple[int, ...], num_classes: int, seed: int
) -> nn.Module:
    """Build a head whose initial values depend on `seed` alone."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return family.head(options, feature_shape, num_classes)
