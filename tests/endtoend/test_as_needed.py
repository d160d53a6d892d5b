"""A study that validates as needed has the results of one that validates every epoch."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from layercut import run_study
from layercut.errors import SpecError
from layercut.ledger import Ledger
from layercut.records import TrialRecord
from support.tiny import tiny_plan, tiny_study

CUTS = "transfer.cuts=[2]"
FULL = "transfer.validation=full"
AS_NEEDED = "transfer.training.validate_epochs=as_needed"
TRAINING = ("transfer.training.epochs=8", "transfer.training.patience=2", "pretraining.epochs=1")
DESIGN = ("transfer.val_split=0.4", "transfer.fractions=[0.05]", "transfer.strategies=[scratch, freeze_reinit]")


def trials_of(output: Path, *overrides: str) -> list[TrialRecord]:
    study = tiny_study(CUTS, FULL, *DESIGN, *TRAINING, *overrides)
    summary = run_study(study, output, executor="serial", device="cpu")
    assert not summary.failed
    with Ledger(output, read_only=True) as ledger:
        names = {name.condition: (name.strategy, name.cut) for name in ledger.names() if not name.merged}
        return sorted(ledger.trials(), key=lambda trial: (names[trial.condition], trial.replicate))


@pytest.mark.slow
def test_the_records_are_equal_but_for_keys_and_curve(tmp_path: Path) -> None:
    full, needed = trials_of(tmp_path / "all"), trials_of(tmp_path / "as_needed", AS_NEEDED)
    assert len(full) == len(needed) == 2
    differing = {"key": "", "condition": "", "curve": (), "wall_seconds": None, "num_validation_looks": None}
    assert [dataclasses.replace(trial, **differing) for trial in full] == [
        dataclasses.replace(trial, **differing) for trial in needed
    ]
    points = [
        (point, expected)
        for trial, other in zip(needed, full, strict=True)
        for point, expected in zip(trial.curve, other.curve, strict=True)
    ]
    assert all(point == expected for point, expected in points if point.validation_accuracy is not None)
    assert any(point.validation_accuracy is None for point, _ in points)
    for trial, other in zip(needed, full, strict=True):
        assert other.num_validation_looks == len(other.curve) * other.num_validation_images
        assert trial.num_validation_looks < other.num_validation_looks


def test_the_default_leaves_the_keys_of_trials_as_they_are() -> None:
    plain = {condition.key for condition in tiny_plan(CUTS).plan.conditions}
    asked = {condition.key for condition in tiny_plan(CUTS, "transfer.training.validate_epochs=all").plan.conditions}
    needed = {condition.key for condition in tiny_plan(CUTS, AS_NEEDED).plan.conditions}
    assert plain == asked
    assert not plain & needed


def test_a_word_that_is_neither_is_refused() -> None:
    with pytest.raises(SpecError, match="validate_epochs"):
        tiny_plan(CUTS, "transfer.training.validate_epochs=never")
