"""A study with `validation: folds`: every label counts once in the choice, and what is reported saw them all."""

from __future__ import annotations

from pathlib import Path

import pytest

from layercut import load_results, run_study
from layercut.errors import SpecError
from layercut.ledger import Ledger
from support.tiny import tiny_plan, tiny_study

FOLDS = ("transfer.validation=folds", "transfer.num_folds=3", "transfer.fractions=[0.1]", "transfer.cuts=[0, 2, 3]")
LENGTH = ("transfer.training.epochs=4", "transfer.training.min_steps=16")


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    output = tmp_path_factory.mktemp("folds") / "run"
    assert not run_study(tiny_study(*FOLDS, *LENGTH), output, executor="serial", device="cpu").failed
    return output


def test_every_image_of_the_sample_is_trained_on_and_counts_in_the_choice(run: Path) -> None:
    with Ledger(run, read_only=True) as ledger:
        trials = list(ledger.trials())
    assert trials
    for trial in trials:
        assert trial.num_folds == 3
        assert trial.num_train_images == trial.num_validation_images
        pooled = {point.epoch: point.validation_accuracy for point in trial.curve}
        assert pooled[trial.best_epoch] == max(pooled.values()) >= trial.validation_accuracy - 1e-12
        assert trial.validation_accuracy * trial.num_validation_images == pytest.approx(
            round(trial.validation_accuracy * trial.num_validation_images)
        )
        assert trial.stop_reason in ("limit", "patience")
        assert trial.frozen_unchanged is not False


def test_records_do_not_depend_on_workers_or_on_stored_features(run: Path, tmp_path: Path) -> None:
    study = tiny_study(*FOLDS, *LENGTH)
    with Ledger(run, read_only=True) as ledger:
        expected = ledger.records_hash()
    other = run_study(study, tmp_path / "workers", executor="processes", workers=2, device="cpu", memory_bytes=0)
    assert other.records_hash == expected


def test_results_say_how_training_ended_and_how_many_steps_it_took(run: Path) -> None:
    table = load_results(run)
    assert set(table["stop_reason"]) <= {"limit", "patience"}
    assert (table["num_steps"] >= 1).all()
    assert (table["num_folds"] == 3).all()
    assert table["validation_loss"].notna().all()


def test_the_number_of_folds_is_part_of_what_is_measured_and_the_share_for_validation_is_not() -> None:
    keys = [
        {condition.key for condition in tiny_plan(*FOLDS, change).plan.conditions}
        for change in ("transfer.val_split=0.1", "transfer.val_split=0.4", "transfer.num_folds=4")
    ]
    assert keys[0] == keys[1]
    assert not keys[0] & keys[2]


def test_the_plan_says_where_images_are_too_few_to_choose_by() -> None:
    few = tiny_plan("transfer.fractions=[0.05]").plan.warnings
    assert any("`validation: folds` uses all" in warning for warning in few)
    single = tiny_plan("transfer.validation=folds", "transfer.fractions=[0.007]").plan.warnings
    assert any("no folds, not 5" in warning for warning in single)
    assert any("5 of 5 classes have one image" in warning for warning in single)


def test_log_points_are_of_one_model_and_refused_beside_folds() -> None:
    with pytest.raises(SpecError, match="log_points"):
        tiny_plan(*FOLDS, "transfer.training.log_points=true", "transfer.training.patience=null")
