"""A model of which some parts stay frozen while the rest is trained."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Self

from torch import Tensor, nn

from layercut.models.base import CuttableModel


class PartlyTrained(CuttableModel):
    """Blocks and a head, some layers of them at rest: in eval mode always, so that their buffers stay too."""

    def __init__(self, blocks: Mapping[str, nn.Module], head: nn.Module, resting: Collection[str]) -> None:
        """`resting` are qualified names of layers; which parameters are trained is said by their `requires_grad`."""
        super().__init__(blocks, head)
        self._resting = tuple(resting)
        self.waiting: tuple[str, ...] = ()
        """Qualified names of blocks that rest for now, with all that is in them."""

    def train(self, mode: bool = True) -> Self:
        """Set the mode of everything that does not rest or wait."""
        super().train(mode)
        for name in self._resting:
            self.get_submodule(name).training = False  # itself alone: layers inside of it have their own mode
        for name in self.waiting:
            self.get_submodule(name).eval()
        return self

    def resting(self) -> list[nn.Module]:
        """Return the layers that rest."""
        return [self.get_submodule(name) for name in self._resting]

    def frozen_values(self) -> dict[str, Tensor]:
        """Return what stays as it is: parameters that are not trained, and buffers of layers at rest."""
        frozen = {name: value.detach() for name, value in self.named_parameters() if not value.requires_grad}
        for name in self._resting:
            buffers = self.get_submodule(name).named_buffers(prefix=name, recurse=False)
            frozen |= dict(buffers)
        return frozen
