"""The contract of an executor.

An executor does jobs with a function given as `"module:object"`, which takes a job and the run's context and
yields results. Results come back in any order, tagged with their job; the same jobs give the same results
whatever the executor, the number of workers and the order.

A job that says `num_threads` computes with so many: executors that do several jobs at a time leave room for them.

Executors ask a context for what it has of these: `reraise`, which lets an exception through to a debugger where jobs
are done in the caller's process; and, for many machines, `device`, which is `cuda` where each job needs a GPU, and
`folders`, which every machine must see; the first is written to.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple, Protocol


class Result(NamedTuple):
    """One value that a job yielded."""

    job: Any
    value: Any


class Done(NamedTuple):
    """A job came to its end."""

    job: Any


class Lost(NamedTuple):
    """A job's worker died, or its function raised; what it yielded before stands."""

    job: Any
    error: str | None
    """Name of the exception that came out; None: the process died, as it does when the system is out of memory."""
    message: str


Event = Result | Done | Lost


class Executor(Protocol):
    """A way of doing jobs."""

    def run(self, function: str, jobs: Iterable[Any], context: Any) -> Iterator[Event]:
        """Run all jobs; each ends with one `Done` or `Lost`, without affecting the others.

        Closing the iterator, or an interrupt, stops the workers.
        """
        ...

    def close(self) -> None:
        """Stop the workers."""
        ...


class ExecutorFactory(Protocol):
    """Makes an executor."""

    def __call__(self, num_workers: int, preload: tuple[str, ...]) -> Executor:
        """Make it; `preload` are modules that workers import once."""
        ...


class ClusterExecutorFactory(Protocol):
    """Makes an executor that works on machines which `address` names."""

    def __call__(self, num_workers: int | None, preload: tuple[str, ...], address: str = ...) -> Executor:
        """Make it; without a number of workers it does as many jobs at a time as the machines have room for."""
        ...
