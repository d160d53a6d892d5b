"""What earlier studies make one expect of a condition that was not tried yet: a gain, and how far it may be off.

Each study tells of conditions like it: of the same strategy, at a similar place, rate and number of images, in a model
of similar size. Its word is the mean of these, weighted by their likeness; the expected gain is the mean over studies,
pulled towards none, and its spread is how much studies differ, never less than few of them can tell. A study of ten
times the images says less of this one than one of as many: what is learned is a shift with the number of images, not a
winner.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple, Protocol

import numpy as np

from layercut.priors.table import Gain

WORST = -0.2
"""A greater loss than this counts as this: how bad a failure is says nothing of how good a success would be."""

_LENGTH = 0.3
"""Of the likeness of places, in shares of blocks."""
_DECADES = 0.5
"""Of the likeness of rates and of numbers of images."""
_DECADES_OF_SIZE = 1.0
"""Of the likeness of models, in parameters."""
_ANOTHER = 0.1
"""What another strategy says, beside the same one."""
_STUDIES = 1.0
"""The pull towards `NOTHING` weighs as much as so many studies."""
WIDER = 1.5
"""Gains differ so many times as much as the scatter of earlier studies says: these are few, and their failures, which
are many at low rates, hide how much a success may gain."""


class Belief(NamedTuple):
    """Of the gain of one condition."""

    gain: float
    spread: float
    """Standard deviation."""


NOTHING = Belief(0.0, 0.06)
"""What is believed of what no study tells: as good as a solved head, give or take."""


class Untried(Protocol):
    """What a condition is known by before it is tried."""

    @property
    def strategy(self) -> str: ...

    @property
    def left(self) -> float: ...

    @property
    def frozen(self) -> float: ...

    @property
    def rate(self) -> float | None: ...

    @property
    def num_parameters(self) -> int: ...


def believed(gains: Sequence[Gain], arm: Untried, num_images: int) -> Belief:
    """Return what earlier studies say of a trained condition on so many labelled images."""
    if arm.rate is None:
        return Belief(0.0, 0.0)
    words: dict[str, list[tuple[float, float]]] = {}
    for one in gains:
        words.setdefault(one.study, []).append((_likeness(one, arm, arm.rate, num_images), max(one.gain, WORST)))
    told = np.array([_word(own) for own in words.values()]).reshape(-1, 2)
    weights, means = told[:, 0], told[:, 1]
    whole = weights.sum() + _STUDIES
    gain = (weights @ means + _STUDIES * NOTHING.gain) / whole
    scatter = (weights @ (means - gain) ** 2 + _STUDIES * NOTHING.spread**2) / whole
    return Belief(float(gain), WIDER * math.sqrt(scatter * (1 + 1 / whole)))


def _word(own: Sequence[tuple[float, float]]) -> tuple[float, float]:
    """Return how much one study says, and what."""
    weights, values = np.array(own).T
    return float(weights.max()), float(weights @ values / max(weights.sum(), 1e-12))


def _likeness(one: Gain, arm: Untried, rate: float, num_images: int) -> float:
    places = (one.left - arm.left) ** 2 + (one.frozen - arm.frozen) ** 2
    decades = math.log10(one.rate / rate) ** 2 + math.log10(one.num_images / max(1, num_images)) ** 2
    sizes = math.log10(one.num_parameters / arm.num_parameters) if arm.num_parameters else 0.0
    same = 1.0 if one.strategy == arm.strategy else _ANOTHER
    return same * math.exp(-(places / _LENGTH**2 + decades / _DECADES**2 + (sizes / _DECADES_OF_SIZE) ** 2) / 2)
