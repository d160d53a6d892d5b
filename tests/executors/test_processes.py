"""Worker processes: what happens to their jobs when they die, and to them when the parent does."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from multiprocessing.connection import wait
from pathlib import Path
from types import SimpleNamespace

import pytest

from layercut.executors.base import Done, Lost, Result
from layercut.executors.processes import ProcessExecutor
from support.executor_jobs import Wide
from support.tiny_study import kill, wait_until


@pytest.fixture
def executor() -> Iterator[ProcessExecutor]:
    """One worker."""
    executor = ProcessExecutor(1, ("support.executor_jobs",))
    yield executor
    executor.close()


def test_no_workers_are_refused() -> None:
    with pytest.raises(ValueError, match="expected at least 1 worker; got 0"):
        ProcessExecutor(0)


def test_a_worker_does_many_jobs(executor: ProcessExecutor) -> None:
    events = executor.run("support.executor_jobs:tell_process", range(5), None)
    workers = {event.value for event in events if isinstance(event, Result)}
    assert len(workers) == 1
    assert workers != {os.getpid()}


def test_the_signal_that_killed_a_worker_is_named(executor: ProcessExecutor) -> None:
    events = list(executor.run("support.executor_jobs:die", [1], None))
    assert events[0] == Result(1, 1)
    assert isinstance(events[1], Lost)
    assert "killed by SIGKILL (often the system's answer to a lack of memory)" in events[1].message


def test_a_worker_killed_in_the_middle_of_a_message_costs_its_job_only(executor: ProcessExecutor) -> None:
    events = executor.run("support.executor_jobs:yield_much", [10**8, 1], None)
    first = next(events)
    assert isinstance(first, Result)
    assert wait(list(executor._busy), timeout=60)
    kill(first.value)
    lost, *others = events
    assert isinstance(lost, Lost)
    assert (lost.job, lost.error) == (10**8, None)
    assert others[1:] == [Result(1, b"\0"), Done(1)]


def test_a_worker_killed_while_idle_costs_the_next_job_at_most(executor: ProcessExecutor) -> None:
    (first, _) = executor.run("support.executor_jobs:tell_process", [1], None)
    assert isinstance(first, Result)
    kill(first.value)
    events = list(executor.run("support.executor_jobs:tell_process", [1, 2], None))
    assert [type(event) for event in events] == [Lost, Result, Done]


_SCRIPT = """
from layercut.executors.processes import ProcessExecutor
for event in ProcessExecutor(2, ("support.executor_jobs",)).run("support.executor_jobs:wait_forever", range(2), None):
    print(event.value, flush=True)
"""


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_workers_end_with_their_parent_however_it_ends(tmp_path: Path, number: signal.Signals) -> None:
    script = tmp_path / "script_without_a_main_guard.py"
    script.write_text(_SCRIPT, encoding="utf-8")
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[1])}
    with subprocess.Popen([sys.executable, str(script)], stdout=subprocess.PIPE, text=True, env=environment) as process:
        assert process.stdout is not None
        workers = [int(process.stdout.readline()) for _ in range(2)]
        assert all(Path(f"/proc/{worker}").exists() for worker in workers)
        process.send_signal(number)
        assert process.wait() == -number
    wait_until(lambda: not any(Path(f"/proc/{worker}").exists() for worker in workers))


_HOLDING = """
from layercut.executors.processes import ProcessExecutor
executor = ProcessExecutor(2, ("support.executor_jobs",))
print(len(list(executor.run("support.executor_jobs:hold_semaphore", range(4), None))))
executor.close()
"""


def test_what_libraries_hold_in_workers_is_given_back_at_the_end_without_a_word(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(_HOLDING, encoding="utf-8")
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(Path(__file__).parents[1]), *sys.path])}
    done = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, env=environment, check=True)
    assert (done.stdout, done.stderr) == ("8\n", "")


@pytest.mark.parametrize(
    ("num_threads", "device", "expected"),
    [(1, "cpu", 4), (2, "cpu", 2), (3, "cpu", 1), (16, "cpu", 1), (16, "cuda", 4)],
)
def test_jobs_with_threads_take_the_place_of_as_many_workers(num_threads: int, device: str, expected: int) -> None:
    executor = ProcessExecutor(4)
    events = executor.run("support.executor_jobs:tell_process", [Wide(num_threads)] * 8, SimpleNamespace(device=device))
    next(events)
    assert len(executor._busy) == expected
    assert sum(isinstance(event, Done) for event in events) == 8
    executor.close()
