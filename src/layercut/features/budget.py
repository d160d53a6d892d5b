"""Which cuts' features are worth storing.

The first cuts of a CNN are large and cheap to compute again, the last ones small and dear: what counts is
floating-point operations saved for each byte stored.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import NamedTuple

MIN_FLOPS_PER_BYTE = 30
"""Below this, computing again is faster than reading: a core does about 20 operations while it reads a byte."""


class StorableCut(NamedTuple):
    """Features of one cut of one feature set."""

    feature_set: str
    cut: int
    num_bytes: int
    flops: int
    """Operations to compute the features of all the feature set's images from pixels."""
    num_uses: int
    """Maximum number of passes over the images that the study's trials make."""


def choose(cuts: Iterable[StorableCut], budget_bytes: int) -> dict[str, list[int]]:
    """Return for each feature set the cuts to store: those that save most for each byte, until the budget is full."""
    cuts = list(cuts)
    chosen: dict[str, list[int]] = {one.feature_set: [] for one in cuts}
    left = budget_bytes
    for one in sorted(cuts, key=_saving_density, reverse=True):
        worth_it = one.flops >= MIN_FLOPS_PER_BYTE * one.num_bytes and one.num_uses > 1
        if worth_it and one.num_bytes <= left:
            chosen[one.feature_set].append(one.cut)
            left -= one.num_bytes
    return {feature_set: sorted(own) for feature_set, own in chosen.items()}


def default_budget_bytes(free_disk_bytes: int) -> int:
    """Return half of this machine's memory, or half of the free disk where that is less."""
    memory_bytes = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return min(memory_bytes, free_disk_bytes) // 2


def _saving_density(one: StorableCut) -> tuple[float, int]:
    return one.flops * one.num_uses / max(one.num_bytes, 1), one.cut
