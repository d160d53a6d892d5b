"""Running a study: the only place where plan, executor and ledger meet.

The plan says what there is to do, the ledger what is done; the rest goes to the executor, level by level, and its
records are written as they come back. Whatever stops a run, the same call finishes the study.
"""

from __future__ import annotations

import dataclasses
import inspect
import shutil
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import yaml

from layercut.artifacts import is_kept
from layercut.artifacts.representations import holds_representations
from layercut.data.cache import default_cache_dir, default_data_dir
from layercut.errors import StorageFullError, UserError
from layercut.executors import EXECUTORS
from layercut.executors.base import ClusterExecutorFactory, Done, Executor, Lost, Result
from layercut.features.budget import Candidate, choose, default_budget_bytes
from layercut.ledger import Ledger
from layercut.locking import output_lock
from layercut.plan.canonical import probe_key, trial_key
from layercut.plan.expand import Plan
from layercut.plan.jobs import Condition, ExtractJob, Job, ProbeJob, RepresentationJob, SourceJob, TransferJob
from layercut.plan.schedule import extract_jobs, needed_sources, pending_probes, transfer_jobs
from layercut.plan.summary import summarize
from layercut.preflight import CheckedPlan, plan_with_data
from layercut.progress import NoProgress, Progress
from layercut.records import FailureKind, FailureRecord, Record
from layercut.spec import StudySpec
from layercut.stages.context import Context
from layercut.stages.environment import capture_environment, num_usable_cores
from layercut.stages.extract import discard_damaged, is_stored
from layercut.stages.keep_images import keep_images
from layercut.tracking import Tracking, open_tracking
from layercut.training.device import resolve_device
from layercut.training.precision import Precision

_STAGE = "layercut.stages.run:run_job"
_JOBS: dict[type, str] = {SourceJob: "source", ExtractJob: "extract", RepresentationJob: "represent"}
"""What failures call the jobs that have no trials or probes."""

WRITE_SECONDS = 0.2
"""Records are written so often: thousands of short trials share a transaction, and a crash loses no more than this."""


@dataclass(frozen=True)
class RunSummary:
    """How a run ended."""

    output_dir: Path
    num_trials: int
    num_finished: int
    """Trials with a result, of this and earlier runs."""
    failed: dict[str, int]
    """Failed trials by kind."""
    failed_jobs: dict[str, int]
    """Failed jobs of pretraining, features and representations by kind; each trial computes failed features again."""
    num_probes: int
    """Scores, one a probe, layer and sample; of this and earlier runs."""
    failed_probes: dict[str, int]
    """Probes without a score by kind; `undefined` is a result: the score has no value there."""
    records_hash: str
    """Equal for two runs of a study exactly if every result is equal in every bit."""

    @property
    def num_failed(self) -> int:
        """Return how many trials gave no result."""
        return sum(self.failed.values())

    def as_json(self) -> dict[str, Any]:
        """Return the fields as JSON values."""
        return dataclasses.asdict(self) | {"output_dir": str(self.output_dir)}

    def describe(self) -> str:
        """Return one sentence."""
        failed = ", ".join(f"{count} {kind.replace('_', ' ')}" for kind, count in sorted(self.failed.items()))
        jobs = ", ".join(f"{count} {kind.replace('_', ' ')}" for kind, count in sorted(self.failed_jobs.items()))
        return (
            f"{self.num_finished:,} of {self.num_trials:,} trials finished"
            + (f"; failed: {failed}" if failed else "")
            + (f"; failed pretraining, feature or representation jobs: {jobs}" if jobs else "")
            + (f"; {self.num_probes:,} probe scores" if self.num_probes else "")
            + (f", {sum(self.failed_probes.values()):,} without a value" if self.failed_probes else "")
        )


def run_study(
    spec: StudySpec,
    output_dir: str | Path | None = None,
    *,
    device: str = "auto",
    precision: Precision = "float32",
    stack: bool | None = None,
    executor: str | Executor = "processes",
    workers: int | None = None,
    address: str | None = None,
    memory_bytes: int | None = None,
    data_dir: str | Path | None = None,
    debug: bool = False,
    command: str | None = None,
    progress: Progress | None = None,
) -> RunSummary:
    """Run a study, or what is left of it, and return how it ended.

    Args:
        spec: the study, from `load_study`.
        output_dir: where everything is written; `runs/NAME` where None.
        device: `auto`, `cpu` or `cuda`.
        precision: `float32`, `bf16` or `bf16_eval` (`training/precision.py`); part of what is measured.
        stack: train the replicates of a condition as one model, which keeps a GPU busy; part of what is measured.
            None: on `cuda` only. What cannot be trained so is trained one by one, and the plan's warnings say it.
        executor: `serial`, `processes`, `ray`, or an executor of one's own.
        workers: worker processes; a core each where None (one where the device is a GPU).
        address: of the cluster, for an executor that uses one; for `ray`, an own one on this machine where None.
        memory_bytes: budget for stored features; half of the memory where None.
        data_dir: where datasets are; `LAYERCUT_DATA` or the user's cache folder where None.
        debug: let an exception in a trial through instead of recording it.
        command: how the report says that the study is run again.

    Raises:
        UserError: something in the study or its data cannot be used; nothing has run.
        StorageFullError: the disk is full; free space and call again.

    Example:
        >>> from layercut import load_study, run_study
        >>> spec = load_study("digits", ["transfer.fractions=[0.05]", "transfer.replicates=1", "transfer.cuts=[0, 4]"])
        >>> run_study(spec, tmp_path, executor="serial").num_finished
        4
    """
    torch_device = resolve_device(device)
    stacked = torch_device.type == "cuda" if stack is None else stack
    checked = plan_with_data(spec, Path(data_dir or default_data_dir()), default_cache_dir(), precision, stacked)
    output_dir = Path(output_dir or Path("runs") / spec.name)
    workforce = _hire(executor, workers, address, torch_device.type) if isinstance(executor, str) else executor
    with output_lock(output_dir), Ledger(output_dir, create=True) as ledger:
        environment = capture_environment(torch_device)
        _write_down(spec, checked.plan, ledger, output_dir, command)
        ledger.add_environment(environment)
        datasets = {fingerprint: folder.absolute() for fingerprint, folder in checked.datasets.items()}
        context = Context(output_dir.absolute(), torch_device.type, datasets, environment.key, debug)
        keep_images(checked.plan, context)
        tracking = open_tracking(spec, output_dir, checked.plan.names)
        run = _Run(checked, ledger, context, workforce, progress or NoProgress(), tracking)
        try:
            tracking.replay(ledger)
            run.all_levels(memory_bytes)
        finally:
            workforce.close()
            tracking.close()
        return _summarize(checked.plan, ledger, output_dir)


class _Run:
    """One pass over the levels of a plan."""

    def __init__(
        self,
        checked: CheckedPlan,
        ledger: Ledger,
        context: Context,
        executor: Executor,
        progress: Progress,
        tracking: Tracking,
    ) -> None:
        self._plan = checked.plan
        self._ledger = ledger
        self._context = context
        self._executor = executor
        self._progress = progress
        self._tracking = tracking
        self._failed_sources: dict[str, str] = {}
        """Key of a checkpoint that could not be made -> why."""
        self._points = {job.key: [point.key for point in job.points] for job in checked.plan.sources}
        self._recorded: set[str] = set()
        """Keys of what this run has written or is about to write."""
        self._unwritten: list[Record] = []
        self._written_at = time.monotonic()

    def all_levels(self, memory_bytes: int | None) -> None:
        """Do what is left: sources, features, trials."""
        done = self._ledger.finished_keys() - self._without_artifacts()
        pending = {
            condition.key
            for condition in self._plan.conditions
            if any(trial_key(condition.key, r) not in done for r in range(condition.num_replicates))
        }
        probes = pending_probes(self._plan, done.__contains__)
        pictures = [job for job in self._plan.representations if self._must_represent(job)]
        needed = needed_sources(self._plan, pending, [*probes, *pictures])
        sources = [job for job in needed if not self._has_source(job, done)]
        self._ledger.forget_failures(job.key for job in sources)
        self._level("sources", sources)
        chosen = choose(self._candidates(pending), self._budget(memory_bytes))
        extracts = list(extract_jobs(self._plan, chosen, pending))
        for job in extracts:
            discard_damaged(job, self._context)
        extracts = [job for job in extracts if self._must_extract(job)]
        self._ledger.forget_failures(job.key for job in extracts)
        self._level("features", extracts)
        self._probe(probes)
        self._represent(pictures)
        trials = list(transfer_jobs(self._plan, done.__contains__))
        self._record_orphans([job for job in trials if job.condition.source in self._failed_sources])
        self._level("trials", [job for job in trials if job.condition.source not in self._failed_sources])

    def _without_artifacts(self) -> set[str]:
        """Return finished trials of which the study now keeps more than is there: they are run again."""
        keeping = [condition for condition in self._plan.conditions if condition.keep]
        if not keeping:
            return set()
        finished = {key for (key,) in self._ledger.select("SELECT key FROM trials")}
        wanted = (
            (trial_key(condition.key, replicate), condition.kept(replicate))
            for condition in keeping
            for replicate in range(condition.num_replicates)
        )
        output_dir = self._context.output_dir
        return {key for key, what in wanted if what and key in finished and not is_kept(output_dir, key, what)}

    def _probe(self, jobs: Sequence[ProbeJob]) -> None:
        able = []
        for job in jobs:
            failed = [key for key in (job.source, job.reference) if key in self._failed_sources]
            if failed:
                self._fail_probe(job, "error", f"its source failed: {self._failed_sources[str(failed[0])]}")
            else:
                able.append(job)
        self._level("probes", able)

    def _represent(self, jobs: Sequence[RepresentationJob]) -> None:
        """Make what figures show of sources; without its source there is nothing, as the probes' failures say."""
        able = [job for job in jobs if not {job.source, job.reference} & self._failed_sources.keys()]
        self._ledger.forget_failures(job.key for job in able)
        self._level("representations", able)

    def _fail_probe(self, job: ProbeJob, kind: FailureKind, message: str, traceback: str = "") -> None:
        """Write down every score of a job that this run has not written."""
        for probing in job.probings:
            for layer in probing.layers:
                key = probe_key(probing.key, job.replicate, layer)
                if key not in self._recorded:
                    self._keep(self._failure(key, "probe", probing.key, job.replicate, kind, message, traceback))

    def _level(self, name: str, jobs: Sequence[Job]) -> None:
        if not jobs:
            return
        self._progress.begin(name, len(jobs), sum(max(job.flops, 1) for job in jobs))
        try:
            for event in self._executor.run(_STAGE, jobs, self._context):
                if isinstance(event, Result):
                    self._keep(*(event.value if isinstance(event.value, tuple) else (event.value,)))
                elif isinstance(event, Lost):
                    self._lose(event)
                if isinstance(event, Done | Lost):
                    self._progress.advance(max(event.job.flops, 1))
        finally:
            self._write()
        self._progress.end()

    def _keep(self, *records: Record) -> None:
        self._unwritten += records
        for record in records:
            self._recorded.add(record.key)
            self._progress.record(record)
            if isinstance(record, FailureRecord) and record.job == "source":
                self._failed_sources |= dict.fromkeys(self._points[record.key], record.message)
        if time.monotonic() - self._written_at > WRITE_SECONDS:
            self._write()

    def _write(self) -> None:
        """Write what has come back since the last time, in one transaction."""
        records, self._unwritten = self._unwritten, []
        if records:
            self._ledger.append(records)
            self._tracking.add(records)
        self._written_at = time.monotonic()

    def _lose(self, event: Lost) -> None:
        """Write down what a lost job leaves open; the next run tries again."""
        if event.error == StorageFullError.__name__:
            raise StorageFullError(event.message.splitlines()[0])
        if event.error is not None and self._context.reraise:
            raise RuntimeError(f"{event.error} in a worker: {event.message}")
        kind: FailureKind = "worker_lost" if event.error is None else "error"
        message, _, traceback = event.message.partition("\n")
        if isinstance(event.job, TransferJob):
            condition = event.job.condition
            keys = {r: trial_key(condition.key, r) for r in event.job.replicates}
            for replicate, key in keys.items():
                if key not in self._recorded:
                    self._keep(self._failure(key, "transfer", condition.key, replicate, kind, message, traceback))
        elif isinstance(event.job, ProbeJob):
            self._fail_probe(event.job, kind, message, traceback)
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

    def _has_source(self, job: SourceJob, done: set[str]) -> bool:
        recorded = job.kind != "train" or done.issuperset(point.key for point in job.points)
        return recorded and all(self._context.checkpoint(point.key).exists() for point in job.points)

    def _must_extract(self, job: ExtractJob) -> bool:
        return job.bank.source not in self._failed_sources and not is_stored(job, self._context)

    def _must_represent(self, job: RepresentationJob) -> bool:
        return not holds_representations(self._context.output_dir, job.name, job.key)

    def _candidates(self, pending: set[str]) -> Iterable[Candidate]:
        used = {
            condition.bank.key for condition in self._plan.conditions if condition.bank and condition.key in pending
        }
        for key in used:
            for cost in self._plan.banks[key][1]:
                yield Candidate(key, cost.cut, cost.num_bytes, cost.flops, cost.num_uses)

    def _budget(self, memory_bytes: int | None) -> int:
        free_bytes = shutil.disk_usage(self._context.output_dir).free
        return min(memory_bytes, free_bytes) if memory_bytes is not None else default_budget_bytes(free_bytes)

    def _record_orphans(self, jobs: Iterable[TransferJob]) -> None:
        """A trial whose source failed is a failure too, never a missing row."""
        for job in jobs:
            message = self._failed_sources[str(job.condition.source)]
            for replicate in job.replicates:
                self._keep(self._orphan(job.condition, replicate, message))

    def _orphan(self, condition: Condition, replicate: int, message: str) -> FailureRecord:
        key = trial_key(condition.key, replicate)
        return self._failure(key, "transfer", condition.key, replicate, "error", f"its source failed: {message}")


def _hire(executor: str, workers: int | None, address: str | None, device: str) -> Executor:
    factory, preload = EXECUTORS[executor], (_STAGE.partition(":")[0],)
    if address is None:
        return factory(workers or (1 if device == "cuda" else num_usable_cores()), preload)
    if "address" not in inspect.signature(factory).parameters:
        raise UserError(
            f"--address {address}: the executor {executor!r} works on this machine only; try --executor ray"
        )
    return cast(ClusterExecutorFactory, factory)(workers, preload, address=address)


def _write_down(spec: StudySpec, plan: Plan, ledger: Ledger, output_dir: Path, command: str | None) -> None:
    text = yaml.safe_dump(spec.model_dump(mode="json", exclude_unset=True), sort_keys=False)
    (output_dir / "study.yaml").write_text(text, encoding="utf-8")
    ledger.set_meta("study_name", spec.name)
    ledger.set_meta("study_text", text)
    ledger.set_meta("seed", spec.seed)
    ledger.set_meta("command", command)
    ledger.set_meta("plan", summarize(spec, plan))
    ledger.set_meta("probes", dict(plan.about_probes))
    ledger.set_meta("probings", {probing.key: probing.label for job in plan.probes for probing in job.probings})
    ledger.replace_names(plan.names)


def _summarize(plan: Plan, ledger: Ledger, output_dir: Path) -> RunSummary:
    counts = ledger.counts(named=True)
    num_trials = sum(condition.num_replicates for condition in plan.conditions)
    return RunSummary(
        output_dir,
        num_trials,
        counts["finished"],
        counts["failed"],
        counts["failed_jobs"],
        counts["probes"],
        counts["failed_probes"],
        ledger.records_hash(named=True),
    )
