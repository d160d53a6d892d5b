"""Checkpoints as known to the ledger: one that changed is set aside and computed again."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from layercut.checkpoints import stored_hash
from layercut.errors import CheckpointError
from layercut.ledger import Ledger
from layercut.plan.jobs import SourceJob
from layercut.stages.context import RunContext

_META = "checkpoints"
"""Hashes of weights that no pretraining made: read from a file or drawn at random, by key."""

SET_ASIDE = ".damaged"
"""What the name of a checkpoint that was set aside ends with."""


def known_hashes(ledger: Ledger) -> dict[str, str]:
    """Return the hash of every checkpoint that was written, by key."""
    trained = {record.key: record.checkpoint_hash for record in ledger.pretrainings()}
    return trained | (ledger.meta(_META) or {})


def set_aside_damaged(jobs: Iterable[SourceJob], known: dict[str, str], context: RunContext) -> list[str]:
    """Rename the checkpoints of these sources whose weights have changed; return their names."""
    found = []
    for job in jobs:
        for point in job.points:
            path = context.checkpoint(point.key)
            if path.exists() and point.key in known and not holds(path, known[point.key]):
                path.replace(path.with_name(path.name + SET_ASIDE))
                found.append(f"checkpoint {point.key} of {point.label}")
    return found


def holds(path: Path, expected: str) -> bool:
    """Return whether a checkpoint can be read and holds the weights of this hash."""
    try:
        return stored_hash(path) == expected
    except CheckpointError:
        return False


def write_down_hashes(jobs: Iterable[SourceJob], ledger: Ledger, context: RunContext) -> None:
    """Write down the hashes of weights that these sources have read or drawn; pretrainings have theirs."""
    made = {
        point.key: stored_hash(context.checkpoint(point.key))
        for job in jobs
        if job.kind != "train"
        for point in job.points
        if context.checkpoint(point.key).exists()
    }
    if made:
        ledger.set_meta(_META, (ledger.meta(_META) or {}) | made)
