"""Send the jobs of one level to the executor and record what comes back: results and failures, nothing else."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Iterable, Sequence

from layercut.errors import StorageFullError
from layercut.executors.base import Done, Executor, Lost, Result
from layercut.interop.tracking import Tracking
from layercut.ledger import Ledger
from layercut.plan.canonical import probe_key, trial_key
from layercut.plan.expand import Plan
from layercut.plan.jobs import Condition, ExtractJob, Job, PilotJob, ProbeJob, RepresentationJob, SourceJob, TransferJob
from layercut.records import FailureKind, FailureRecord, Record
from layercut.runner.progress import Progress
from layercut.stages import STAGE
from layercut.stages.context import RunContext

_JOBS: dict[type, str] = {
    SourceJob: "source",
    ExtractJob: "extract",
    RepresentationJob: "represent",
    PilotJob: "pilot",
}
"""What failures call the jobs that have no trials or probes."""

_KINDS: dict[str, FailureKind] = {"MemoryError": "out_of_memory", "OutOfMemoryError": "out_of_memory"}
"""What failures by exceptions of these names are."""

WRITE_SECONDS = 0.2
"""Records are written so often: thousands of short trials share a transaction, and a crash loses no more than this."""


class Recorder:
    """Runs jobs and writes every record once."""

    def __init__(
        self,
        plan: Plan,
        ledger: Ledger,
        context: RunContext,
        executor: Executor,
        progress: Progress,
        tracking: Tracking,
    ) -> None:
        self._ledger = ledger
        self._context = context
        self._executor = executor
        self._progress = progress
        self._tracking = tracking
        self._points = {job.key: [point.key for point in job.points] for job in plan.sources}
        self._recorded: set[str] = set()
        """Keys of what this run has written or is about to write."""
        self._unwritten: list[Record] = []
        self._written_at = time.monotonic()
        self.failed_sources: dict[str, str] = {}
        """Key of a checkpoint that could not be made -> why."""
        self.failed_pilots: dict[str, str] = {}
        """Key of a pilot without a result -> why."""

    def why_orphaned(self, source: str | None) -> str:
        """Return the failure messages of jobs whose source failed."""
        return f"its source failed: {self.failed_sources[str(source)]}"

    def do(self, name: str, jobs: Sequence[Job]) -> None:
        """Run the jobs of one level and record their results."""
        if not jobs:
            self._write()  # failures of jobs whose source failed
            return
        self._progress.begin(name, len(jobs), sum(max(job.flops, 1) for job in jobs))
        try:
            for event in self._executor.run(STAGE, jobs, self._context):
                if isinstance(event, Result):
                    self._keep(*(event.value if isinstance(event.value, tuple) else (event.value,)))
                elif isinstance(event, Lost):
                    self._lose(event)
                if isinstance(event, Done | Lost):
                    self._progress.advance(max(event.job.flops, 1))
        finally:
            self._write()
        self._progress.end()

    def record_orphans(self, jobs: Iterable[TransferJob]) -> None:
        """A trial whose source failed is a failure too, never a missing row."""
        for job in jobs:
            self._fail_trials(job.condition, job.replicates, self.why_orphaned(job.condition.source))

    def record_undecided(self, condition: Condition, why: str) -> None:
        """All trials of a condition without a learning rate are failures, never missing rows."""
        self._fail_trials(condition, range(condition.num_replicates), f"no learning rate could be chosen: {why}")

    def _fail_trials(self, condition: Condition, replicates: Iterable[int], message: str) -> None:
        for replicate in replicates:
            key = trial_key(condition.key, replicate)
            self._keep(self._failure(key, "transfer", condition.key, replicate, "error", message))

    def fail_probe(self, job: ProbeJob, kind: FailureKind, message: str, traceback: str = "") -> None:
        """Write down every score of a job that this run has not written."""
        for probing in job.probings:
            for layer in probing.layers:
                key = probe_key(probing.key, job.replicate, layer)
                if key not in self._recorded:
                    self._keep(self._failure(key, "probe", probing.key, job.replicate, kind, message, traceback))

    def _keep(self, *records: Record) -> None:
        self._unwritten += records
        for record in records:
            self._recorded.add(record.key)
            self._progress.record(record)
            if isinstance(record, FailureRecord) and record.job == "source":
                self.failed_sources |= dict.fromkeys(self._points[record.key], record.message)
            if isinstance(record, FailureRecord) and record.job == "pilot":
                self.failed_pilots[record.key] = record.message
        if time.monotonic() - self._written_at > WRITE_SECONDS:
            self._write()

    def _write(self) -> None:
        """Write everything that has come back since the last time, in one transaction."""
        records, self._unwritten = self._unwritten, []
        if records:
            self._ledger.append(records)
            self._tracking.add(records)
        self._written_at = time.monotonic()

    def _lose(self, event: Lost) -> None:
        """Record failures for whatever a lost job leaves open; the next run tries again."""
        if event.error == StorageFullError.__name__:
            raise StorageFullError(event.message.splitlines()[0])
        if event.error is not None and self._context.reraise:
            raise RuntimeError(f"{event.error} in a worker: {event.message}")
        kind: FailureKind = "worker_lost" if event.error is None else _KINDS.get(event.error, "error")
        message, _, traceback = event.message.partition("\n")
        if isinstance(event.job, TransferJob):
            condition = event.job.condition
            keys = {r: trial_key(condition.key, r) for r in event.job.replicates}
            for replicate, key in keys.items():
                if key not in self._recorded:
                    self._keep(self._failure(key, "transfer", condition.key, replicate, kind, message, traceback))
        elif isinstance(event.job, ProbeJob):
            self.fail_probe(event.job, kind, message, traceback)
        else:
            job = _JOBS[type(event.job)]
            self._keep(self._failure(event.job.key, job, None, None, kind, message, traceback))

    def _failure(
        self,
        key: str,
        job: str,
        condition: str | None,
        replicate: int | None,
        kind: FailureKind,
        message: str,
        traceback: str = "",
    ) -> FailureRecord:
        record = FailureRecord(key, job, condition, replicate, kind, message, traceback)
        return dataclasses.replace(record, device=self._context.device, environment=self._context.environment)
