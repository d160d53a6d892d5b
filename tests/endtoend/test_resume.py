"""A study that is stopped in any way, and started again, ends as if nothing had happened."""

from __future__ import annotations

import json
import random
import signal
from pathlib import Path

import pytest

from layercut import load_study, run_study
from support.tiny_study import NUM_TRIALS, CommandLine, command_line, kill, num_finished, wait_until, write_study

pytestmark = pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="finds processes through /proc")


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The study file."""
    return write_study(tmp_path_factory.mktemp("study"))


@pytest.fixture(scope="module")
def undisturbed_hash(study: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    """What the study gives when nothing happens to it."""
    summary = run_study(load_study(study), tmp_path_factory.mktemp("undisturbed"), executor="serial")
    assert summary.num_finished == NUM_TRIALS
    return summary.records_hash


def _run_arguments(study: Path, output: Path, num_workers: int = 2) -> list[str | Path]:
    return ["run", study, "-o", output, "--workers", str(num_workers), "--no-report", "--json"]


def _finish(study: Path, output: Path) -> str:
    """Run the study to its end and return its hash."""
    with command_line(_run_arguments(study, output)) as command:
        code, stdout, stderr = command.finish()
    assert code == 0, stderr
    summary = json.loads(stdout)
    assert summary["num_finished"] == NUM_TRIALS
    return str(summary["records_hash"])


def _finish_here(study: Path, output: Path) -> str:
    """Run the study to its end in this process, which starts quicker, and return its hash."""
    summary = run_study(load_study(study), output, executor="serial")
    assert (summary.num_finished, summary.failed) == (NUM_TRIALS, {})
    return summary.records_hash


def _wait_for_random_moment(command: CommandLine, output: Path, moments: random.Random, most_trials: int) -> None:
    """Wait for something to begin, then for some milliseconds: a moment in any phase of a run."""
    checkpoints = output / "checkpoints"
    phases = {
        "nothing done": lambda: True,
        "ledger": (output / "ledger.sqlite").exists,
        "checkpoint": lambda: checkpoints.is_dir() and any(checkpoints.iterdir()),
        "features": (output / "features").exists,
    }
    open_phases = [name for name, happened in phases.items() if name == "nothing done" or not happened()]
    phase = moments.choice([*open_phases, "trials", "trials"])
    goal = num_finished(output) + moments.randint(1, most_trials)
    command.wait_until(phases.get(phase, lambda: num_finished(output) >= goal))
    looks = iter(range(moments.randint(0, 300 if phase == "nothing done" else 30)))
    command.wait_until(lambda: next(looks, None) is None)


def _kill_and_finish(study: Path, output: Path, num_kills: int, most_trials: int, seed: int) -> str:
    """Kill the study again and again, sometimes with its workers and sometimes without, then let it finish."""
    moments = random.Random(seed)  # noqa: S311 - moments, not secrets
    for _ in range(num_kills):
        with command_line(_run_arguments(study, output)) as command:
            _wait_for_random_moment(command, output, moments, most_trials)
            if command.process.poll() is None and moments.random() < 0.5:
                command.signal_group(signal.SIGKILL)
            else:
                command.process.kill()
            command.process.wait()
            wait_until(lambda command=command: not command.processes())  # type: ignore[misc]
    return _finish(study, output)


def test_a_study_killed_at_random_moments_ends_with_the_hash_of_an_undisturbed_one_and_leaves_no_process(
    study: Path, undisturbed_hash: str, tmp_path: Path
) -> None:
    assert _kill_and_finish(study, tmp_path / "run", num_kills=4, most_trials=8, seed=1) == undisturbed_hash


@pytest.mark.exhaustive
@pytest.mark.timeout(1200)
def test_a_study_killed_twenty_times_ends_with_the_hash_of_an_undisturbed_one(
    study: Path, undisturbed_hash: str, tmp_path: Path
) -> None:
    assert _kill_and_finish(study, tmp_path / "run", num_kills=20, most_trials=3, seed=2) == undisturbed_hash


def test_ctrl_c_says_that_nothing_is_lost_and_the_same_command_finishes(
    study: Path, undisturbed_hash: str, tmp_path: Path
) -> None:
    output = tmp_path / "run"
    with command_line(_run_arguments(study, output, num_workers=1)) as command:
        command.wait_until(lambda: num_finished(output) >= 1)
        command.signal_group(signal.SIGINT)
        code, stdout, stderr = command.finish()
        wait_until(lambda: not command.processes())
    assert code == 130
    assert stdout == ""
    assert "nothing finished is lost" in stderr
    assert "Traceback" not in stderr
    assert 1 <= num_finished(output) < NUM_TRIALS
    assert _finish_here(study, output) == undisturbed_hash


def test_ctrl_c_while_workers_start_shows_no_traceback(study: Path, tmp_path: Path) -> None:
    output = tmp_path / "run"
    with command_line(_run_arguments(study, output)) as command:
        command.wait_until(lambda: len(command.servers()) > 0)
        looks = iter(range(50))  # until the fork server imports
        command.wait_until(lambda: next(looks, None) is None)
        command.signal_group(signal.SIGINT)
        code, _, stderr = command.finish()
        wait_until(lambda: not command.processes())
    assert code == 130
    assert "nothing finished is lost" in stderr
    assert "Traceback" not in stderr


def test_a_killed_worker_costs_its_job_and_the_next_run_makes_up_for_it(
    study: Path, undisturbed_hash: str, tmp_path: Path
) -> None:
    output = tmp_path / "run"
    with command_line(_run_arguments(study, output, num_workers=1)) as command:
        command.wait_until(lambda: num_finished(output) >= 1)
        for worker in command.workers():
            kill(worker)
        code, stdout, stderr = command.finish()
    summary = json.loads(stdout)
    if code:  # unless it was idle
        assert code == 3
        assert list(summary["failed"]) == ["worker_lost"]
        assert "failed" in stderr
    assert summary["num_finished"] + summary["failed"].get("worker_lost", 0) == NUM_TRIALS
    assert _finish_here(study, output) == undisturbed_hash
