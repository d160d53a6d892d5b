"""Turn a trial's exception into a failure record, so that the study continues and no row is missing."""

from __future__ import annotations

import time
import traceback
from collections.abc import Callable, Iterator
from typing import TypeVar, cast

import torch

from layercut.errors import ProbeUndefinedError, StorageFullError
from layercut.files import why_full
from layercut.records import FailureKind, FailureRecord
from layercut.stages.context import RunContext
from layercut.training.history import DivergedError

R = TypeVar("R")


def attempt(
    work: Callable[[], R],
    context: RunContext,
    key: str,
    job: str,
    condition: str | None = None,
    replicate: int | None = None,
) -> R | FailureRecord:
    """Return what `work` returns, or the record of its failure.

    Raises:
        StorageFullError: the disk is full; continuing would only fail again.
    """
    started = time.perf_counter()
    try:
        return work()
    except StorageFullError:
        raise
    except Exception as error:
        if full := why_full(error):
            raise StorageFullError(f"{full}: {error}") from error
        expected = isinstance(error, DivergedError | ProbeUndefinedError)
        if context.reraise and not expected:
            raise
        return FailureRecord(
            key=key,
            job=job,
            condition=condition,
            replicate=replicate,
            kind=_kind(error),
            message=str(error) or type(error).__name__,
            traceback="" if expected else traceback.format_exc(),
            curve=error.curve if isinstance(error, DivergedError) else (),
            device=context.device,
            environment=context.environment,
            wall_seconds=time.perf_counter() - started,
        )


def attempt_each(values: Iterator[R], context: RunContext, key: str, job: str) -> Iterator[R | FailureRecord]:
    """Yield the values; where making the next one fails, the record of it comes last.

    Raises:
        StorageFullError: the disk is full; continuing would only fail again.
    """
    end = object()
    while (value := attempt(lambda: next(values, end), context, key, job)) is not end:
        yield cast(R | FailureRecord, value)
        if isinstance(value, FailureRecord):
            return


def _kind(error: Exception) -> FailureKind:
    if isinstance(error, DivergedError):
        return "diverged"
    if isinstance(error, ProbeUndefinedError):
        return "undefined"
    if isinstance(error, MemoryError | torch.OutOfMemoryError) or "can't allocate memory" in str(error):
        return "out_of_memory"
    return "error"
