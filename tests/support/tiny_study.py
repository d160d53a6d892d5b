"""A study on scikit-learn's digits that runs in about a second, and a command line to run it with."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

TINY = """\
name: tiny
seed: 3
source: {dataset: digits, classes: [0, 1, 2]}
target: {dataset: digits, classes: [3, 4, 5]}
model: {name: plain_cnn, depth: 2, channels: 8, kernel_size: 3, pool_every: 2}
pretraining: {lr: 3e-3, epochs: 2, batch_size: 64, threads: 1}
transfer:
  strategies: [scratch, freeze, reinit, truncate]
  fractions: [0.1, 0.3]
  replicates: 2
  training: {lr: 3e-3, epochs: 2, batch_size: 64}
"""
"""28 distinct trials in 14 jobs, stored features for the deeper cut."""

NUM_TRIALS = 28

PATIENCE_SECONDS = 120.0
"""How long anything may take before a test gives up; nothing is measured by it."""

_PROGRAM = """\
import signal
signal.signal(signal.SIGINT, signal.default_int_handler)  # a parent in the background may have it ignored
from layercut.cli.main import main
main()
"""
_MARK = "LAYERCUT_TEST_MARK"


def write_study(folder: Path, text: str = TINY) -> Path:
    """Write a study file and return its path."""
    path = folder / "study.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def num_finished(output: Path) -> int:
    """Return how many trials the ledger has; 0 where there is none yet."""
    ledger = output / "ledger.sqlite"
    if not ledger.exists():
        return 0
    with closing(sqlite3.connect(f"{ledger.as_uri()}?mode=ro", uri=True)) as connection:
        try:
            return int(connection.execute("SELECT count(*) FROM trials").fetchone()[0])
        except sqlite3.OperationalError:  # created, but without tables yet
            return 0


@dataclass(frozen=True)
class CommandLine:
    """A `layercut` that runs in a process group of its own, as in a terminal."""

    process: subprocess.Popen[str]
    mark: str

    def processes(self) -> list[int]:
        """Return the ids of all its processes that are alive, its own included."""
        return [pid for pid in _process_ids() if _has_mark(pid, self.mark)]

    def servers(self) -> list[int]:
        """Return the ids of the processes that workers are forked from."""
        return [pid for pid in self.processes() if _parent(pid) == self.process.pid and b"forkserver" in _command(pid)]

    def workers(self) -> list[int]:
        """Return the ids of the processes that do jobs."""
        servers = self.servers()
        return [pid for pid in self.processes() if _parent(pid) in servers]

    def signal_group(self, number: signal.Signals) -> None:
        """Signal every process of the group, as a terminal does."""
        os.killpg(self.process.pid, number)

    def wait_until(self, happened: Callable[[], bool]) -> None:
        """Wait until something has happened or the command has ended."""
        wait_until(lambda: self.process.poll() is not None or happened())

    def finish(self) -> tuple[int, str, str]:
        """Wait for the end; return exit code, stdout and stderr."""
        stdout, stderr = self.process.communicate(timeout=PATIENCE_SECONDS)
        return self.process.returncode, stdout, stderr


@contextmanager
def command_line(arguments: Sequence[str | Path]) -> Iterator[CommandLine]:
    """Start `layercut` with these arguments; at the end nothing of it is left."""
    mark = uuid.uuid4().hex
    process = subprocess.Popen(
        [sys.executable, "-c", _PROGRAM, *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, _MARK: mark},
        start_new_session=True,
    )
    started = CommandLine(process, mark)
    try:
        yield started
    finally:
        for pid in started.processes():
            kill(pid)
        process.communicate(timeout=PATIENCE_SECONDS)


def wait_until(happened: Callable[[], bool]) -> None:
    """Look every few milliseconds until something has happened."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not happened():
        if time.monotonic() > deadline:
            raise TimeoutError(f"what was waited for did not happen within {PATIENCE_SECONDS:g} s")
        time.sleep(0.003)


def kill(pid: int) -> None:
    """Kill one process, if it is still there."""
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return


def _process_ids() -> list[int]:
    return [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit()]


def _has_mark(pid: int, mark: str) -> bool:
    try:
        return f"{_MARK}={mark}".encode() in Path(f"/proc/{pid}/environ").read_bytes()
    except OSError:  # ended meanwhile, or somebody else's
        return False


def _parent(pid: int) -> int | None:
    try:
        return int(Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[1])
    except OSError:
        return None


def _command(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""
