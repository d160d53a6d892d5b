"""A recommendation that is killed at random moments and resumed: the same decisions, and nothing done twice."""

from __future__ import annotations

import random
import signal
from pathlib import Path

import pytest

import layercut
from layercut.ledger import Ledger
from layercut.recommending.outcome import read_recommendation
from support.tiny_recommendation import FAST, folder, journal_of, journal_steps, require_decisions_to_follow
from support.tiny_study import command_line, num_finished, wait_until


def _arguments(data: Path, output: Path) -> list[str | Path]:
    settings = [part for override in FAST for part in ("--set", override)]
    return [
        "recommend",
        "plain_cnn=random",
        "--data",
        data,
        "--budget",
        "1h",
        "-o",
        output,
        "--workers",
        "2",
        *settings,
    ]


def _kill(data: Path, output: Path, moments: random.Random) -> None:
    """Kill the whole process group some milliseconds after some more trials are done."""
    goal = num_finished(output) + moments.randint(0, 4)
    with command_line(_arguments(data, output)) as command:
        command.wait_until(lambda: num_finished(output) >= goal)
        looks = iter(range(moments.randint(0, 40)))
        command.wait_until(lambda: next(looks, None) is None)
        if command.process.poll() is None:
            command.signal_group(signal.SIGKILL)
        command.process.wait()
        wait_until(lambda: not command.processes())


def _require_same_decisions_after_kills(tmp_path: Path, num_kills: int, seed: int) -> None:
    data, output = folder(tmp_path / "photos", {"ants": 12, "bees": 12}), tmp_path / "run"
    moments = random.Random(seed)  # noqa: S311 - moments, not secrets
    before: list[object] = []
    for _ in range(num_kills):
        _kill(data, output, moments)
        now = journal_steps(output)
        assert now[: len(before)] == before
        before = now
    with command_line(_arguments(data, output)) as command:
        code, _, stderr = command.finish()
    assert code == 0, stderr
    assert [step.trials for step in journal_of(output).steps][: len(before)] == before
    require_decisions_to_follow(output)
    _require_each_trial_once(output)
    assert read_recommendation(output).model.class_names == ["ants", "bees"]
    assert [path.name for path in output.iterdir() if path.name.startswith(".")] == []
    _require_the_records_of_the_study(output)


def _require_each_trial_once(output: Path) -> None:
    """Trials run in the order of the decisions, none besides them, none twice."""
    journal = journal_of(output)
    with Ledger(output, read_only=True) as ledger:
        done = [(trial.condition, trial.replicate) for trial in ledger.trials()]
    assert len(done) == len(set(done))
    assert set(done) == set(map(tuple, journal.trials))
    place = {trial: number for number, step in enumerate(journal.steps) for trial in map(tuple, step.trials)}
    assert [place[trial] for trial in done] == sorted(place.values())


def _require_the_records_of_the_study(output: Path) -> None:
    """The ledger takes the study's own trials only where all their bits agree with what was resumed."""
    with Ledger(output, read_only=True) as ledger:
        tried = {trial.key: trial.curve for trial in ledger.trials()}
    layercut.run_study(output, executor="serial", device="cpu")
    with Ledger(output, read_only=True) as ledger:
        assert tried.items() <= {trial.key: trial.curve for trial in ledger.trials()}.items()


@pytest.mark.timeout(600)
def test_killed_at_random_moments_it_decides_what_it_would_have_decided(tmp_path: Path) -> None:
    _require_same_decisions_after_kills(tmp_path, num_kills=2, seed=0)


@pytest.mark.exhaustive
@pytest.mark.timeout(3000)
def test_killed_ten_times_it_decides_what_it_would_have_decided(tmp_path: Path) -> None:
    _require_same_decisions_after_kills(tmp_path, num_kills=10, seed=1)
