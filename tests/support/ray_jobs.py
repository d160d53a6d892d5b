"""Jobs for tests of the Ray executor: plain functions in a module that its workers can import."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple


class Context(NamedTuple):
    """What these jobs get of a run."""

    folders: tuple[Path, ...]
    device: str = "cpu"


def count_up(job: int, context: Context) -> Iterator[int]:
    """Yield the numbers below the job."""
    yield from range(job)


def fail(job: str, context: Context) -> Iterator[str]:
    """Yield once, then raise."""
    yield "before"
    raise FileNotFoundError(f"no {job}")


def be_killed(job: int, context: Context) -> Iterator[str]:
    """Yield "first", be killed on the first `job` tries, then yield "second"."""
    yield "first"
    tries = context.folders[0] / f"tries-{job}"
    with tries.open("a") as file:
        file.write("x")
    if tries.stat().st_size <= job:
        os.kill(os.getpid(), signal.SIGKILL)
    yield "second"


def stay_where_marked(job: int, context: Context) -> Iterator[Any]:
    """Yield the number of the parent process, which is the node's; then wait for ever if a file has that name."""
    yield os.getppid()
    while (context.folders[0] / f"doomed-{os.getppid()}").exists():
        time.sleep(0.01)
    yield "end"


def visible_gpu(job: int, context: Context) -> Iterator[str | None]:
    """Yield what CUDA would see."""
    yield os.environ.get("CUDA_VISIBLE_DEVICES")
