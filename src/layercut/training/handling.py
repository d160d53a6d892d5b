"""Per-parameter training settings: the learning rate, and whether a parameter is pulled back to its initial value."""

from __future__ import annotations

from collections.abc import Mapping, Set
from typing import NamedTuple


class Handling(NamedTuple):
    """By names of parameters; what is not named learns at the training's own rate, towards nothing."""

    rates: Mapping[str, float] = {}
    """Factors of the learning rate."""
    pulled: Set[str] = frozenset()
    """Those that a penalty draws to the values that they have when the training begins."""
    pull: float = 0.0
    """Strength of it: the gradient gets `pull` times the distance."""
    turns: Mapping[str, int] = {}
    """When blocks join, by their qualified names, 0 with the head (`training/unfreezing.py`)."""


PLAIN = Handling()
"""Everything learns alike."""
