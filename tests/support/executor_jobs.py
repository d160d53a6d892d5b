"""Functions that executors call in tests; workers import this module by name."""

from __future__ import annotations

import multiprocessing
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple


class Wide(NamedTuple):
    """A job with threads."""

    num_threads: int


def count(job: int, context: object) -> Iterator[tuple[int, int]]:
    """Yield so many values."""
    for number in range(job):
        yield job, number


def tell_context(job: int, context: str) -> Iterator[str]:
    """Yield the context with the job."""
    yield f"{context} {job}"


def raise_after_one(job: int, context: object) -> Iterator[int]:
    """Yield one value; an odd job raises then."""
    yield job
    if job % 2:
        raise ValueError(f"job {job} is odd")


def die(job: int, context: object) -> Iterator[int]:
    """Yield one value; an odd job kills its process then."""
    yield job
    if job % 2:
        os.kill(os.getpid(), signal.SIGKILL)


def tell_process(job: int, context: object) -> Iterator[int]:
    """Yield the id of the process that does the job."""
    yield os.getpid()


def wait_forever(job: Path, context: object) -> Iterator[int]:
    """Yield the process's id, then wait for a signal."""
    yield os.getpid()
    signal.pause()
    yield -1


def yield_much(job: int, context: object) -> Iterator[int | bytes]:
    """Yield the process's id, then more than a pipe holds."""
    yield os.getpid()
    yield bytes(job)


_HELD: list[object] = []


def hold_semaphore(job: int, context: object) -> Iterator[int]:
    """Make a lock between processes and keep it, as libraries do."""
    _HELD.append(multiprocessing.get_context("forkserver").RLock())
    yield job


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
