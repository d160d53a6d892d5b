"""A study with checkpoints, seeds, augmentation and log points: the same bits for every executor and interruption."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from layercut import load_results, load_study, run_study
from layercut.executors.base import Event
from layercut.executors.serial import SerialExecutor
from layercut.ledger import Ledger
from layercut.runner import RunSummary
from layercut.stats.curves import load_curve_averages
from layercut.stats.tables import load_curves
from support.tiny_study import write_study

STUDY = """\
name: tiny
seed: 3
source: {dataset: digits, classes: [0, 1, 2]}
target: {dataset: digits, classes: [3, 4, 5], training: {batch_size: 16}}
model: {name: plain_cnn, depth: 2, channels: 4, pool_every: 2}
pretraining:
  {lr: 3e-3, epochs: 2, patience: null, threads: 1, seeds: 2, checkpoints: [0, batch 2, last], augmentation: [crop]}
transfer:
  cuts: [1]
  strategies: [scratch, freeze_reinit, finetune]
  fractions: [0.15]
  replicates: 2
  training:
    {optimizer: sgd, momentum: 0.9, lr: 0.02, epochs: 3, patience: null, lr_schedule: cosine, warmup_steps: 2,
     clip_norm: 1.0, kept_lr_scale: 0.5, augmentation: [crop, randaugment], log_points: true}
"""
NUM_TRIALS = 2 * (1 + 2 * 2 * 3)


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The study file."""
    return write_study(tmp_path_factory.mktemp("study"), STUDY)


@pytest.fixture(scope="module")
def finished(study: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, RunSummary]:
    """An output directory and how its run ended."""
    output = tmp_path_factory.mktemp("finished")
    return output, run_study(load_study(study), output, executor="serial", device="cpu")


class _Interrupted:
    """The serial executor, stopped after some jobs."""

    def __init__(self, most: int) -> None:
        self._left = most
        self._serial = SerialExecutor()

    def run(self, function: str, jobs: Iterable[Any], context: Any) -> Iterator[Event]:
        def some() -> Iterator[Any]:
            for job in jobs:
                if not self._left:
                    raise KeyboardInterrupt
                self._left -= 1
                yield job

        return self._serial.run(function, some(), context)

    def close(self) -> None:
        self._serial.close()


def test_every_trial_has_a_result_under_the_name_of_its_source(finished: tuple[Path, RunSummary]) -> None:
    output, summary = finished
    assert (summary.num_finished, summary.failed, summary.failed_jobs) == (NUM_TRIALS, {}, {})
    results = load_results(output)
    sources = {f"digits[0,1,2] seed {seed}{at}" for seed in (0, 1) for at in (" @ 0", " @ batch 2", "")}
    assert set(results["source"]) == sources
    assert results.groupby("source")["test_accuracy"].count().tolist() == [6] * 6


@pytest.mark.slow
def test_worker_processes_give_the_same_records(study: Path, finished: tuple[Path, RunSummary], tmp_path: Path) -> None:
    summary = run_study(load_study(study), tmp_path, executor="processes", workers=2, device="cpu")
    assert summary.records_hash == finished[1].records_hash


def test_an_interrupted_study_goes_on_with_the_same_records(
    study: Path, finished: tuple[Path, RunSummary], tmp_path: Path
) -> None:
    with pytest.raises(KeyboardInterrupt):
        run_study(load_study(study), tmp_path, executor=_Interrupted(most=4), device="cpu")
    again = run_study(load_study(study), tmp_path, executor="serial", device="cpu")
    assert again.records_hash == finished[1].records_hash


@pytest.mark.slow
def test_a_checkpoint_that_was_deleted_is_made_again_by_running_its_training_once_more(
    study: Path, finished: tuple[Path, RunSummary], tmp_path: Path
) -> None:
    run_study(load_study(study), tmp_path, executor="serial", device="cpu")
    files = sorted((tmp_path / "checkpoints").iterdir())
    assert len(files) == 6
    before = [path.read_bytes() for path in files]
    files[0].unlink()
    more = load_study(study, ["transfer.replicates=3"])
    assert run_study(more, tmp_path, executor="serial", device="cpu").failed_jobs == {}
    assert [path.read_bytes() for path in files] == before


def test_each_checkpoint_has_a_record_of_what_it_is_worth_on_its_own_task(finished: tuple[Path, RunSummary]) -> None:
    with Ledger(finished[0], read_only=True) as ledger:
        records = {record.source: record for record in ledger.pretrainings()}
    assert len(records) == 6
    first, last = records["digits[0,1,2] seed 0 @ 0"], records["digits[0,1,2] seed 0"]
    assert (first.num_epochs, first.curve, first.best_epoch) == (0, (), None)
    assert (last.num_epochs, len(last.curve)) == (2, 2)
    assert first.test_accuracy < last.test_accuracy
    assert len({record.checkpoint_hash for record in records.values()}) == 6
    assert records["digits[0,1,2] seed 1"].seeds != last.seeds


def test_the_area_under_the_log_points_is_that_of_the_accuracies(finished: tuple[Path, RunSummary]) -> None:
    with Ledger(finished[0], read_only=True) as ledger:
        trials = list(ledger.trials())
    for trial in trials:
        points, accuracies = list(trial.log_accuracies), list(trial.log_accuracies.values())
        assert points == ["0", "batch 1", "batch 3", "epoch 1", "epoch 3"]
        assert trial.log_area == pytest.approx(np.trapezoid(accuracies) / 4)
        assert trial.log_accuracies["epoch 3"] == trial.curve[-1].validation_accuracy
    areas = load_results(finished[0]).drop_duplicates("key")["log_area"]
    assert sorted(areas) == sorted(trial.log_area for trial in trials)


def test_curves_have_the_learning_rate_and_an_average_over_the_epochs(finished: tuple[Path, RunSummary]) -> None:
    curves = load_curves(finished[0])
    assert curves["learning_rate"].groupby(curves["epoch"]).nunique().tolist() == [1, 1, 1]
    assert curves.groupby("epoch")["learning_rate"].first().tolist() == pytest.approx([0.02, 0.015, 0.005])
    averages = load_curve_averages(finished[0])
    assert len(averages) == NUM_TRIALS
    row = averages.iloc[5]
    own = curves[curves["key"] == row["key"]]
    assert row["num_epochs"] == len(own) == 3
    assert row["mean_train_loss"] == pytest.approx(own["train_loss"].mean())
    assert row["mean_train_accuracy"] == pytest.approx(own["train_accuracy"].mean())


@pytest.mark.slow
def test_stacked_replicates_agree_with_serial_ones(
    study: Path, finished: tuple[Path, RunSummary], tmp_path: Path
) -> None:
    run_study(load_study(study), tmp_path, executor="serial", device="cpu", stack=True)
    point = ["source", "strategy", "cut", "replicate"]
    ours, theirs = (
        load_results(output).sort_values(point)[[*point, "test_accuracy", "log_area"]]
        for output in (tmp_path, finished[0])
    )
    assert ours.values.tolist() == theirs.values.tolist()


def test_a_training_that_fails_is_a_failure_of_every_trial_below_any_of_its_checkpoints(
    study: Path, tmp_path: Path
) -> None:
    diverging = load_study(study, ["pretraining.lr=1e30", "pretraining.seeds=1"])
    summary = run_study(diverging, tmp_path, executor="serial", device="cpu")
    assert summary.failed_jobs == {"diverged": 1}
    assert summary.failed == {"error": 2 * 2 * 3}
    assert summary.num_finished == 2
