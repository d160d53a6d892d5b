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


class Candidate(NamedTuple):
    """Features of one cut of one bank of images."""

    bank: str
    cut: int
    num_bytes: int
    flops: int
    """Operations to compute the features of all the bank's images from pixels."""
    num_uses: int
    """Maximum number of passes over the images that the study's trials make."""


def choose(candidates: Iterable[Candidate], budget_bytes: int) -> dict[str, list[int]]:
    """Return for each bank the cuts to store: those that save most for each byte, until the budget is full."""
    candidates = list(candidates)
    chosen: dict[str, list[int]] = {candidate.bank: [] for candidate in candidates}
    left = budget_bytes
    for candidate in sorted(candidates, key=_saving_density, reverse=True):
        worth_it = candidate.flops >= MIN_FLOPS_PER_BYTE * candidate.num_bytes and candidate.num_uses > 1
        if worth_it and candidate.num_bytes <= left:
            chosen[candidate.bank].append(candidate.cut)
            left -= candidate.num_bytes
    return {bank: sorted(cuts) for bank, cuts in chosen.items()}


def default_budget_bytes(free_disk_bytes: int) -> int:
    """Return half of this machine's memory, or half of the free disk where that is less."""
    memory_bytes = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return min(memory_bytes, free_disk_bytes) // 2


def _saving_density(candidate: Candidate) -> tuple[float, int]:
    return candidate.flops * candidate.num_uses / max(candidate.num_bytes, 1), candidate.cut
