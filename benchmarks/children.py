"""Contenders as child processes: seconds and peak memory of the whole tree of processes that each starts."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import IO, Any, NamedTuple

ROOT = Path(__file__).parents[1]
SAMPLE_SECONDS = 0.25
GROWTH = 1.03
"""A tree's memory is measured exactly (15 ms a process) only where its rough size grew by this much."""


class Child(NamedTuple):
    """How a child process went."""

    answer: dict[str, Any]
    """What it wrote to its `--out`, or printed."""
    seconds: float
    """From start to end, imports included."""
    cpu_seconds: float
    """Of the child and of those of its processes that it waited for."""
    peak_memory_bytes: int
    """Greatest sum over the tree of each process's proportional share (PSS): shared pages count once."""
    peak_anonymous_bytes: int
    """The same without pages of files, which the system may drop at any time."""
    largest_process_bytes: int
    """Greatest resident size of any one process (`ru_maxrss`)."""

    def without_answer(self) -> dict[str, Any]:
        """Return the measurements as JSON values."""
        return {name: value for name, value in self._asdict().items() if name != "answer"}


def run_child(module: str, *arguments: str | Path, environment: dict[str, str] | None = None) -> Child:
    """Run `python -m module ARGUMENTS --out FILE` and return what it measured and wrote.

    Raises:
        subprocess.CalledProcessError: it failed; its output is on this process's stderr.
    """
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "answer.json"
        child = _measure([module, *map(str, arguments), "--out", str(out)], sys.stderr, environment)
        return child._replace(answer=json.loads(out.read_text(encoding="utf-8")))


def run_command(module: str, *arguments: str | Path) -> Child:
    """Run `python -m module ARGUMENTS`, which prints JSON, and return what it measured and printed.

    Raises:
        subprocess.CalledProcessError: it failed; its messages are on this process's stderr.
    """
    with tempfile.TemporaryFile("w+", encoding="utf-8") as printed:
        child = _measure([module, *map(str, arguments)], printed)
        printed.seek(0)
        return child._replace(answer=json.load(printed))


def _measure(command: list[str], stdout: IO[str], environment: dict[str, str] | None = None) -> Child:
    """Run `python -m COMMAND` to its end; the answer is empty."""
    started = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, "-m", *command], cwd=ROOT, stdout=stdout, env={**os.environ, **(environment or {})}
    )
    memory = _MemoryWatch(process.pid)
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - started
    process.returncode = os.waitstatus_to_exitcode(status)
    memory.stop()
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, process.args)
    largest = usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    return Child({}, seconds, usage.ru_utime + usage.ru_stime, memory.peak, memory.peak_anonymous, largest)


class _MemoryWatch:
    """Looks at the memory of a tree of processes a few times a second; 0 where there is no /proc."""

    def __init__(self, pid: int) -> None:
        self.peak = 0
        self.peak_anonymous = 0
        self._pid = pid
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._ended.set()
        self._thread.join()

    def _watch(self) -> None:
        roughly = 0
        while not self._ended.wait(SAMPLE_SECONDS):
            now = rough_memory(self._pid)
            if now < GROWTH * roughly:
                continue
            roughly = now
            whole, anonymous = tree_memory(self._pid)
            self.peak = max(self.peak, whole)
            self.peak_anonymous = max(self.peak_anonymous, anonymous)


def rough_memory(pid: int) -> int:
    """Return the resident pages of a process and its descendants, shared ones counted in each."""
    pages = 0
    for member in _tree(pid):
        with contextlib.suppress(OSError):  # ended meanwhile
            pages += int(Path(f"/proc/{member}/statm").read_text(encoding="ascii").split()[1])
    return pages


def tree_memory(pid: int) -> tuple[int, int]:
    """Return the proportional resident bytes of a process and its descendants, and the anonymous part of them."""
    whole = anonymous = 0
    for member in _tree(pid):
        try:
            lines = Path(f"/proc/{member}/smaps_rollup").read_text(encoding="ascii").splitlines()
        except OSError:  # ended meanwhile
            continue
        kilobytes = {line.split(":")[0]: int(line.split()[1]) for line in lines[1:]}
        whole += 1024 * kilobytes.get("Pss", 0)
        anonymous += 1024 * kilobytes.get("Pss_Anon", 0)
    return whole, anonymous


def _tree(pid: int) -> list[int]:
    tree = [pid]
    for member in tree:
        for children in Path(f"/proc/{member}/task").glob("*/children"):
            with contextlib.suppress(OSError):  # ended meanwhile
                tree += map(int, children.read_text(encoding="ascii").split())
    return tree
