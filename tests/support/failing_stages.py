"""Stages that fail, for executors to call: in the forward pass of the second block, or before they have begun."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from unittest.mock import patch

from layercut.plan.jobs import Job, SourceJob
from layercut.stages.context import RunContext
from layercut.stages.run import run_job

_POOLING = "torch.nn.AvgPool2d.forward"
"""In the tiny study only the second block has one."""


def model_error(job: Job, context: RunContext) -> Iterator[Any]:
    """Do a job with a model that fails, but for sources."""
    if isinstance(job, SourceJob):
        yield from run_job(job, context)
    else:
        yield from source_error(job, context)


def source_error(job: Job, context: RunContext) -> Iterator[Any]:
    """Do a job with a model that fails, also for sources."""
    with patch(_POOLING, side_effect=ValueError("a defect of the model")):
        yield from run_job(job, context)


def no_memory_outside(job: Job, context: RunContext) -> Iterator[Any]:
    """Fail where no stage looks after it, but for sources."""
    if not isinstance(job, SourceJob):
        raise MemoryError("no memory left")
    yield from run_job(job, context)
