"""One job after the other in this process: the simplest executor, and the one to debug with."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, cast

from layercut.executors.base import Done, Event, Result
from layercut.registry import import_object


class SerialExecutor:
    """Does jobs in their order, in this process. Exceptions come through, to a debugger too."""

    def __init__(self, num_workers: int = 1, preload: tuple[str, ...] = ()) -> None:
        pass

    def run(self, function: str, jobs: Iterable[Any], context: Any) -> Iterator[Event]:
        """Do all jobs."""
        work = cast(Callable[[Any, Any], Iterator[Any]], import_object(function))
        for job in jobs:
            for value in work(job, context):
                yield Result(job, value)
            yield Done(job)

    def close(self) -> None:
        """Nothing to stop."""
