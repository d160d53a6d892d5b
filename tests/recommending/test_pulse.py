"""Seconds of a call that is killed: they count, as far as they are on the disk."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from layercut.recommending import pulse as module
from layercut.recommending.pulse import last_pulse, pulse
from support.tiny_recommendation import folder, journal_of, recommend

KILLED = """
import os, signal, sys, time
from pathlib import Path
from layercut.executors.serial import SerialExecutor
from layercut.recommending import pulse
from support.tiny_recommendation import recommend

class Killed(SerialExecutor):
    def run(self, function, jobs, context):
        time.sleep(1.0)
        os.kill(os.getpid(), signal.SIGKILL)
        yield

pulse.PERIOD = 0.05
recommend(Path(sys.argv[1]), Path(sys.argv[2]), executor=Killed(), clock=time.monotonic, budget="1h")
"""


def test_a_call_that_is_killed_in_a_trial_has_spent_what_it_had_spent_by_then(tmp_path: Path) -> None:
    data, output = folder(tmp_path / "photos", {"ants": 4, "bees": 4}), tmp_path / "run"
    command = [sys.executable, "-c", KILLED, str(output), str(data)]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    assert done.returncode == -signal.SIGKILL, done.stderr
    killed = journal_of(output)
    written = last_pulse(output, killed.identity)
    assert killed.spent_seconds == 0.0
    assert written >= 0.9
    recommend(output, data, budget=0.5)
    assert journal_of(output).begun_seconds >= written
    assert not (output / ".spent").exists()


def test_seconds_are_written_while_the_call_works_and_nothing_stays_when_it_ends(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "PERIOD", 0.01)
    with pulse(tmp_path, "mine", 5.0):
        while last_pulse(tmp_path, "mine") < 5.1:
            time.sleep(0.01)
        assert last_pulse(tmp_path, "another question") == 0.0
    assert last_pulse(tmp_path, "mine") == 0.0
    assert list(tmp_path.iterdir()) == []


def test_an_interrupted_call_leaves_no_pulse_as_its_journal_says_what_it_took(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt), pulse(tmp_path, "mine", 5.0):
        raise KeyboardInterrupt
    assert list(tmp_path.iterdir()) == []
