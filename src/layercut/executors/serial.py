"""One job after the other in this process: the simplest executor, and the one for debugging."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterable, Iterator
from typing import Any, cast

from layercut.executors.base import Done, Event, Lost, Result
from layercut.registry import import_object


class SerialExecutor:
    """Does jobs in their order, in this process."""

    def __init__(self, num_workers: int = 1, preload: tuple[str, ...] = ()) -> None:
        pass

    def run(self, function: str, jobs: Iterable[Any], context: Any) -> Iterator[Event]:
        """Do all jobs; what one raises ends that job, or comes through where the context has `reraise`."""
        work = cast(Callable[[Any, Any], Iterator[Any]], import_object(function))
        for job in jobs:
            try:
                for value in work(job, context):
                    yield Result(job, value)
            except Exception as error:
                if getattr(context, "reraise", False):
                    raise
                yield Lost(job, type(error).__name__, f"{error}\n{traceback.format_exc()}")
            else:
                yield Done(job)

    def close(self) -> None:
        """Nothing to stop."""
