"""Studies whose replicates are trained as one model: the same for every executor, after every interruption."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest

from layercut import load_results, load_study, run_study
from layercut.executors.base import Event
from layercut.executors.serial import SerialExecutor
from layercut.plan.jobs import TransferJob
from layercut.runner import RunSummary
from support.tiny_study import NUM_TRIALS, write_study


class _Watched:
    """The serial executor, which notes the trials' jobs and may be stopped after some."""

    def __init__(self, most: int | None = None) -> None:
        self.trial_jobs: list[TransferJob] = []
        self._most = most
        self._serial = SerialExecutor()

    def run(self, function: str, jobs: Iterable[Any], context: Any) -> Iterator[Event]:
        def watched() -> Iterator[Any]:
            for job in jobs:
                if isinstance(job, TransferJob):
                    if len(self.trial_jobs) == self._most:
                        raise KeyboardInterrupt
                    self.trial_jobs.append(job)
                yield job

        return self._serial.run(function, watched(), context)

    def close(self) -> None:
        self._serial.close()


def _run(study: Path, output: Path, executor: Any = "serial", **options: Any) -> RunSummary:
    return run_study(load_study(study), output, stack=True, executor=executor, workers=2, **options)


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The study file."""
    return write_study(tmp_path_factory.mktemp("study"))


@pytest.fixture(scope="module")
def finished(study: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, RunSummary]:
    """An output directory and how its run ended."""
    output = tmp_path_factory.mktemp("finished")
    return output, _run(study, output)


def test_every_trial_has_a_result_and_serial_trials_have_others_of_the_same_shape(
    study: Path, finished: tuple[Path, RunSummary], tmp_path: Path
) -> None:
    output, summary = finished
    assert (summary.num_finished, summary.failed, summary.failed_jobs) == (NUM_TRIALS, {}, {})
    serial = run_study(load_study(study), tmp_path, executor="serial", device="cpu")
    assert serial.records_hash != summary.records_hash
    ours, theirs = load_results(output), load_results(tmp_path)
    point = ["strategy", "cut", "fraction", "replicate"]
    columns = [*point, "test_accuracy", "best_epoch", "num_epochs"]
    assert ours.sort_values(point)[columns].values.tolist() == theirs.sort_values(point)[columns].values.tolist()


def test_worker_processes_give_the_same_records(study: Path, finished: tuple[Path, RunSummary], tmp_path: Path) -> None:
    assert _run(study, tmp_path, "processes").records_hash == finished[1].records_hash


def test_stored_features_change_nothing(study: Path, finished: tuple[Path, RunSummary], tmp_path: Path) -> None:
    summary = _run(study, tmp_path, memory_bytes=0)
    assert not (tmp_path / "features").exists()
    assert (finished[0] / "features").exists()
    assert summary.records_hash == finished[1].records_hash


def test_an_interrupted_study_goes_on_with_whole_groups(
    study: Path, finished: tuple[Path, RunSummary], tmp_path: Path
) -> None:
    with pytest.raises(KeyboardInterrupt):
        _run(study, tmp_path, _Watched(most=3))
    again = _Watched()
    assert _run(study, tmp_path, again).records_hash == finished[1].records_hash
    assert len(again.trial_jobs) == NUM_TRIALS // 2 - 3
    assert {job.replicates for job in again.trial_jobs} == {(0, 1)}


def test_a_group_of_which_one_record_is_missing_runs_again_whole(
    study: Path, finished: tuple[Path, RunSummary]
) -> None:
    output, summary = finished
    with sqlite3.connect(output / "ledger.sqlite") as connection:
        (trial,) = connection.execute("SELECT min(id) FROM trials WHERE replicate = 1").fetchone()
        connection.execute("DELETE FROM trial_details WHERE trial = ?", (trial,))
        connection.execute("DELETE FROM trials WHERE id = ?", (trial,))
    connection.close()
    again = _Watched()
    assert _run(study, output, again) == summary
    assert [job.replicates for job in again.trial_jobs] == [(0, 1)]
