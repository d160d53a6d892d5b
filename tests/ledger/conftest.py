"""One record of each kind, with every field filled."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from layercut.ledger import Ledger
from layercut.records import (
    ConditionName,
    Environment,
    EpochPoint,
    FailureRecord,
    PilotRecord,
    PretrainingRecord,
    ProbeRecord,
    TrialRecord,
)

CURVE = (EpochPoint(1, 0.1 + 0.2, 1 / 3), EpochPoint(2, 1e-300, 0.9, 0.7, 5e-324))


@dataclass(frozen=True)
class Examples:
    """Records that use every field."""

    trial: TrialRecord
    pilot: PilotRecord
    pretraining: PretrainingRecord
    probe: ProbeRecord
    failure: FailureRecord
    name: ConditionName
    environment: Environment

    def trials(self, count: int) -> list[TrialRecord]:
        """Return different trials of one condition."""
        return [replace(self.trial, key=f"{number:032x}", replicate=number) for number in range(count)]


@pytest.fixture
def examples() -> Examples:
    """Return records that use every field."""
    return Examples(
        trial=TrialRecord(
            "a" * 32, "c" * 32, 3, 0.1 + 0.2, 2 / 3, 1 / 7, 0.3, 2, 2, CURVE, 90, 10, 500, 1, 10**9, 10**10,
            True, {"order": 2**63 - 1}, "s" * 64, "w" * 64, {"5": {"recall": 0.25}}, "float32", "cpu", 1, "e", 1.5,
        ),
        pilot=PilotRecord(
            "9" * 32, "8" * 32, 3e-4, -1, False, 2 / 3, 0.7, 2, 2, CURVE, "s" * 64, "w" * 64, "float32", "cpu", "e", 0.7
        ),
        pretraining=PretrainingRecord(
            "b" * 32, "mnist[0,1]", "plain_cnn", 0.9, None, 0.8, 2, 2, CURVE, "w" * 64, {"order": 1}, "float32",
            "cpu", 2, "e", 10.0,
        ),
        probe=ProbeRecord(
            "d" * 32, "clustering", "mnist[0,1]", "conv0", 0.1, 0, "target", "train", {"ari": 0.1}, "e", 0.5
        ),
        failure=FailureRecord(
            "f" * 32, "transfer", "c" * 32, 4, "diverged", "loss is NaN", "Traceback",
            (EpochPoint(1, float("inf"), 0.1),), "cpu", "e", 0.1,
        ),
        name=ConditionName(
            "c" * 32, "mnist[0,1]", "mnist[2,3]", "plain_cnn", "freeze", 2, 0.1, 6, True, {"optimizer": "adam"}
        ),
        environment=Environment("e", "0.1", "abc", "3.11", {"torch": "2.9"}, "Linux", "x86", 2, "cpu"),
    )  # fmt: skip


@pytest.fixture
def ledger(tmp_path: Path):
    """Return a new ledger, closed after the test."""
    with Ledger(tmp_path, create=True) as ledger:
        yield ledger
