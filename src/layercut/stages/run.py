"""Dispatch a job to its stage: the function that executors call."""

from __future__ import annotations

from collections.abc import Iterator

from layercut.files import needing_space
from layercut.plan.jobs import ExtractJob, Job, PilotJob, ProbeJob, RepresentationJob, SourceJob
from layercut.records import Record
from layercut.stages.context import RunContext
from layercut.stages.extract import run_extract
from layercut.stages.pilot import run_pilot
from layercut.stages.probe import run_probe
from layercut.stages.source import run_source
from layercut.stages.stacked import run_stacked
from layercut.stages.transfer import run_transfer


def run_job(job: Job, context: RunContext) -> Iterator[Record | tuple[Record, ...]]:
    """Do one job and yield its records as they come; failures of trials are records.

    A tuple of records is written whole or not at all.

    Raises:
        StorageFullError: the disk is full; continuing would only fail again.
    """
    with needing_space(f"cannot write to {context.output_dir}"):
        yield from _records(job, context)


def _records(job: Job, context: RunContext) -> Iterator[Record | tuple[Record, ...]]:
    if isinstance(job, SourceJob):
        yield from run_source(job, context)
    elif isinstance(job, ExtractJob):
        yield from run_extract(job, context)
    elif isinstance(job, ProbeJob):
        yield from run_probe(job, context)
    elif isinstance(job, RepresentationJob):
        from layercut.stages.represent import run_represent  # noqa: PLC0415 - t-SNE: no other job needs scikit-learn

        yield from run_represent(job, context)
    elif isinstance(job, PilotJob):
        yield from run_pilot(job, context)
    elif job.condition.group is not None:
        yield run_stacked(job, context)
    else:
        yield from run_transfer(job, context)
