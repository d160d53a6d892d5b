"""A probe made from a pure function and its declared properties."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel

from layercut.probes.base import Activations, Direction, Kind
from layercut.spec.base import NoOptions


@dataclass(frozen=True)
class FunctionProbe:
    """The form of every probe of ours."""

    kind: Kind
    directions: Mapping[str, Direction]
    scores: Callable[[Activations, Any], dict[str, float]]
    options: type[BaseModel] = NoOptions
    holds_out: bool = False
    """Whether it judges images by others, of other groups where there are groups."""

    def __call__(self, activations: Activations, options: Any) -> dict[str, float]:
        """Return every score named in `directions`."""
        return self.scores(activations, options)
