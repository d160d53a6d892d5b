"""What every registered executor keeps to."""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from layercut import load_study, run_study
from layercut.executors import EXECUTORS
from layercut.executors.base import Done, Event, Executor, Lost, Result
from layercut.executors.serial import SerialExecutor
from support.tiny_study import NUM_TRIALS, wait_until, write_study

IN_PROCESS = {"serial"}
"""Executors that do jobs in the caller's process."""


NAMES = [pytest.param(name, marks=[pytest.mark.exhaustive] if name == "ray" else []) for name in EXECUTORS]


@pytest.fixture(scope="module", params=NAMES)
def name(request: pytest.FixtureRequest) -> str:
    """The executor's name."""
    if request.param == "ray":
        pytest.importorskip("ray", reason="an extra that is not installed")
    return str(request.param)


@pytest.fixture(scope="module")
def executor(name: str) -> Iterator[Executor]:
    """An executor with two workers, which find the functions of these tests."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(Path(__file__).parents[1]))
        executor = EXECUTORS[name](2, ("support.executor_jobs",))
        yield executor
        executor.close()


def test_every_job_ends_once_and_its_values_keep_their_order(executor: Executor) -> None:
    events = list(executor.run("support.executor_jobs:count", [3, 0, 2, 5], None))
    assert sorted(event.job for event in events if isinstance(event, Done)) == [0, 2, 3, 5]
    for job in (0, 2, 3, 5):
        own = [event for event in events if event.job == job]
        assert own == [*(Result(job, (job, number)) for number in range(job)), Done(job)]


def test_every_job_gets_the_context(executor: Executor) -> None:
    events = executor.run("support.executor_jobs:tell_context", range(4), "here")
    assert {event.value for event in events if isinstance(event, Result)} == {f"here {job}" for job in range(4)}


def test_no_jobs_are_no_events(executor: Executor) -> None:
    assert list(executor.run("support.executor_jobs:count", [], None)) == []


def test_an_executor_can_be_used_again(executor: Executor) -> None:
    first, second = (set(executor.run("support.executor_jobs:count", [2, 1], None)) for _ in range(2))
    assert first == second


def test_jobs_are_taken_as_they_are_needed(executor: Executor) -> None:
    taken = []

    def jobs() -> Iterator[int]:
        for job in range(100):
            taken.append(job)
            yield job

    events = executor.run("support.executor_jobs:tell_process", jobs(), None)
    next(events)
    assert len(taken) < 10
    events.close()  # type: ignore[attr-defined]


def test_an_exception_is_an_event_with_its_name_and_what_was_yielded_before_stands(executor: Executor) -> None:
    events = set(executor.run("support.executor_jobs:raise_after_one", [1, 2], None))
    (lost,) = (event for event in events if isinstance(event, Lost))
    assert (lost.job, lost.error) == (1, "ValueError")
    assert lost.message.startswith("job 1 is odd\n")
    assert "raise_after_one" in lost.message
    assert {Result(1, 1), Result(2, 2), Done(2)} == events - {lost}


def test_in_the_callers_process_an_exception_comes_through_to_a_debugger(name: str, executor: Executor) -> None:
    if name not in IN_PROCESS:
        pytest.skip("does jobs in other processes, where no debugger of ours is")
    events = executor.run("support.executor_jobs:raise_after_one", [1, 2], SimpleNamespace(reraise=True))
    assert next(events) == Result(1, 1)
    with pytest.raises(ValueError, match="job 1 is odd"):
        next(events)


def test_a_worker_that_is_killed_costs_no_job_but_its_own(name: str, executor: Executor) -> None:
    if name in IN_PROCESS:
        pytest.skip("does jobs in this process, which cannot outlive itself")
    events = list(executor.run("support.executor_jobs:die", range(4), None))
    lost = [event for event in events if isinstance(event, Lost)]
    assert sorted(event.job for event in lost) == [1, 3]
    assert {event.error for event in lost} == {None}
    assert all(event.message for event in lost)
    assert sorted(event.job for event in events if isinstance(event, Done)) == [0, 2]
    assert sorted(event.value for event in events if isinstance(event, Result)) == list(range(4))


def _alive(workers: Iterable[int]) -> list[int]:
    return [worker for worker in workers if Path(f"/proc/{worker}").exists()]


def test_closing_the_events_leaves_no_worker(name: str, executor: Executor) -> None:
    if name in IN_PROCESS:
        pytest.skip("has no workers")
    events = executor.run("support.executor_jobs:wait_forever", range(4), None)
    workers = [event.value for _, event in zip(range(2), events, strict=False) if isinstance(event, Result)]
    assert len(_alive(workers)) == 2
    events.close()  # type: ignore[attr-defined]
    wait_until(lambda: not _alive(workers))


def test_an_interrupt_leaves_no_worker(name: str, executor: Executor) -> None:
    if name in IN_PROCESS:
        pytest.skip("has no workers")
    workers: list[int] = []

    def work() -> None:
        for event in executor.run("support.executor_jobs:wait_forever", range(2), None):
            assert isinstance(event, Result), event
            workers.append(event.value)
            if len(workers) == 2:
                raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        work()
    executor.close()
    wait_until(lambda: not _alive(workers))


class _Shuffled:
    """Does jobs one after the other, in another order."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)  # noqa: S311 - an order, not a secret
        self._serial = SerialExecutor()

    def run(self, function: str, jobs: Iterable[Any], context: Any) -> Iterator[Event]:
        shuffled = list(jobs)
        self._random.shuffle(shuffled)
        return self._serial.run(function, shuffled, context)

    def close(self) -> None:
        self._serial.close()


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The study file; decoded datasets lie in a folder of the tests."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LAYERCUT_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield write_study(tmp_path_factory.mktemp("study"))


@pytest.fixture(scope="module")
def expected_hash(study: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    """What the simplest executor gives."""
    summary = run_study(load_study(study), tmp_path_factory.mktemp("serial"), executor="serial")
    assert summary.num_finished == NUM_TRIALS
    return summary.records_hash


@pytest.mark.parametrize("num_workers", [1, 2])
def test_every_executor_gives_the_records_of_the_serial_one(
    study: Path, expected_hash: str, tmp_path: Path, name: str, num_workers: int
) -> None:
    summary = run_study(load_study(study), tmp_path, executor=name, workers=num_workers)
    assert summary.records_hash == expected_hash


@pytest.mark.parametrize("seed", [1, 2])
def test_the_order_of_jobs_changes_nothing(study: Path, expected_hash: str, tmp_path: Path, seed: int) -> None:
    assert run_study(load_study(study), tmp_path, executor=_Shuffled(seed)).records_hash == expected_hash


def test_stored_features_change_nothing(study: Path, expected_hash: str, tmp_path: Path) -> None:
    summary = run_study(load_study(study), tmp_path, executor="serial", memory_bytes=0)
    assert not (tmp_path / "features").exists()
    assert summary.records_hash == expected_hash
