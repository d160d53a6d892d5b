"""The output directory of a running study: prepared, locked, and written by nobody else."""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from os import PathLike
from pathlib import Path
from typing import cast

import torch
import yaml

from layercut.data.cache import default_cache_dir, default_data_dir
from layercut.errors import UserError
from layercut.executors import EXECUTORS
from layercut.executors.base import ClusterExecutorFactory, Executor
from layercut.executors.capacity import num_usable_cores
from layercut.executors.serial import SerialExecutor
from layercut.files import needing_space, written_whole
from layercut.interop.tracking import Tracking, open_tracking
from layercut.ledger import Ledger
from layercut.plan.canonical import trial_key
from layercut.plan.expand import Plan
from layercut.plan.jobs import Condition
from layercut.plan.preflight import plan_with_data
from layercut.plan.repeatable import require_repeatable
from layercut.plan.stacking import workers_on_gpu
from layercut.plan.summary import summarize
from layercut.runner.given import bound_to_process, portable, with_given
from layercut.runner.latency import write_down_latency
from layercut.runner.levels import at_known_rates, run_levels
from layercut.runner.locking import output_lock
from layercut.runner.progress import NoProgress, Progress
from layercut.runner.recorder import Recorder
from layercut.runner.summary import RunSummary, summarize_run
from layercut.spec import StudySpec
from layercut.stages import PRELOADED
from layercut.stages.context import RunContext
from layercut.stages.environment import capture_environment
from layercut.stages.keep_images import keep_images
from layercut.training.device import gpu_memory, resolve_device
from layercut.training.precision import Precision


@dataclass(frozen=True)
class OpenRun:
    """A study ready to run: all jobs that are left, or chosen trials only."""

    spec: StudySpec
    asked: Plan
    """As the study asks for it, before learning rates are chosen."""
    ledger: Ledger
    context: RunContext
    output_dir: Path
    recorder: Recorder
    tracking: Tracking
    memory_bytes: int | None
    mended: list[str] = field(default_factory=list)
    """What was damaged, and is made again."""

    @property
    def plan(self) -> Plan:
        """Return the plan with the learning rates that are known by now."""
        return at_known_rates(self.asked, self.ledger)

    def finish(self) -> None:
        """Run everything that is left, and measure how fast the models are."""
        found = run_levels(self.asked, self.ledger, self.context, self.recorder, self.memory_bytes, chosen=self._name)
        self.mended.extend(found)
        write_down_latency(self.asked, self.ledger)

    def _name(self, plan: Plan) -> None:
        """Write down which conditions the design points have now that learning rates are chosen."""
        _write_plan(self.spec, plan, self.ledger)
        self.tracking.rename(plan.names, self.ledger)

    def do(self, trials: Iterable[tuple[Condition, int]], tested: bool = True, first: int = 0) -> None:
        """Run only these trials and what they depend on; finished jobs are not repeated.

        Args:
            trials: conditions of the plan, each once, and up to which replicate of it. What the study keeps is kept
                where that is the first; else only records are.
            tested: whether they are evaluated on the test images.
            first: replicates below it are left out.
        """
        chosen = tuple(
            dataclasses.replace(
                condition, num_replicates=last + 1, keep=None if last else condition.keep, tested=tested
            )
            for condition, last in trials
        )
        part = dataclasses.replace(self.asked, conditions=chosen, probes=(), representations=())
        left_out = {trial_key(condition.key, replicate) for condition in chosen for replicate in range(first)}
        self.mended.extend(run_levels(part, self.ledger, self.context, self.recorder, self.memory_bytes, left_out))

    def summary(self) -> RunSummary:
        """Return what the ledger now holds."""
        return summarize_run(self.plan, self.ledger, self.output_dir, self.mended)


@contextmanager
def open_run(
    spec: StudySpec,
    output_dir: str | PathLike[str],
    *,
    device: str = "auto",
    precision: Precision = "float32",
    stack: bool | None = None,
    nondeterministic: bool = False,
    executor: str | Executor = "processes",
    workers: int | None = None,
    address: str | None = None,
    memory_bytes: int | None = None,
    data_dir: str | Path | None = None,
    debug: bool = False,
    command: str | None = None,
    progress: Progress | None = None,
    rewrite: bool = True,
) -> Iterator[OpenRun]:
    """Read what a study names, write down its plan, and hold its output directory; arguments as of `run_study`.

    `rewrite`: False leaves the study and the plan that the run has written down.

    Raises:
        UserError: the study or its data are invalid; nothing has run.
        StorageFullError: the disk is full.
    """
    torch_device = resolve_device(device)
    stacked = torch_device.type == "cuda" if stack is None else stack
    _require_buildable(spec, executor)
    output_dir = Path(output_dir).expanduser()
    full = f"cannot write to {output_dir}"
    with needing_space(full):
        spec = with_given(spec, output_dir)
    workforce = _hire(executor, workers, address, torch_device) if isinstance(executor, str) else executor
    checked = plan_with_data(
        spec, Path(data_dir or default_data_dir()).expanduser(), default_cache_dir(), precision, stacked
    )
    if torch_device.type == "cuda" and not nondeterministic:
        require_repeatable(checked.plan)
    with needing_space(full), output_lock(output_dir), Ledger(output_dir, create=True) as ledger:
        _refuse_imported(ledger, output_dir)
        mended = ledger.mend()
        environment = capture_environment(torch_device)
        known = at_known_rates(checked.plan, ledger)
        if rewrite:
            _write_down(spec, known, ledger, output_dir, command)
        ledger.add_environment(environment)
        datasets = {fingerprint: folder.absolute() for fingerprint, folder in checked.datasets.items()}
        context = RunContext(
            output_dir.absolute(),
            torch_device.type,
            datasets,
            environment.key,
            debug,
            deterministic=not nondeterministic,
        )
        keep_images(checked.plan, context)
        tracking = open_tracking(spec, output_dir, known.names)
        recorder = Recorder(checked.plan, ledger, context, workforce, progress or NoProgress(), tracking)
        try:
            tracking.replay(ledger)
            yield OpenRun(
                spec, checked.plan, ledger, context, output_dir, recorder, tracking, memory_bytes, list(mended)
            )
        finally:
            workforce.close()
            tracking.close()


def _hire(executor: str, workers: int | None, address: str | None, device: torch.device) -> Executor:
    factory = EXECUTORS[executor]
    if address is None:
        return factory(workers or _most_workers(device), PRELOADED)
    if "address" not in inspect.signature(factory).parameters:
        raise UserError(
            f"--address {address}: the executor {executor!r} works on this machine only; try --executor ray"
        )
    return cast(ClusterExecutorFactory, factory)(workers, PRELOADED, address=address)


def _most_workers(device: torch.device) -> int:
    cores = num_usable_cores()
    return min(cores, workers_on_gpu(gpu_memory(device))) if device.type == "cuda" else cores


def _require_buildable(spec: StudySpec, executor: str | Executor) -> None:
    """Refuse workers for models that exist in this process alone.

    Raises:
        UserError: there is such a model.
    """
    if executor == "serial" or isinstance(executor, SerialExecutor):
        return
    reason = bound_to_process(spec)
    if reason is not None:
        raise UserError(
            f"worker processes cannot build the model: {reason}; run the study with executor='serial', as "
            "`layercut.run(study)` does, or put its classes into a file and import them from there"
        )


def _refuse_imported(ledger: Ledger, output_dir: Path) -> None:
    if ledger.meta("imported") is not None:
        raise UserError(
            f"{output_dir} holds results that were imported, which must not be mixed with those of a run; give "
            "another directory with --output-dir"
        )


def _write_down(spec: StudySpec, plan: Plan, ledger: Ledger, output_dir: Path, command: str | None) -> None:
    values = portable(spec.model_dump(mode="json", exclude_unset=True), output_dir)
    text = yaml.safe_dump(values, sort_keys=False)
    with written_whole(output_dir / "study.yaml") as unfinished:
        unfinished.write_text(text, encoding="utf-8")
    ledger.set_meta("study_name", spec.name)
    ledger.set_meta("study_text", text)
    ledger.set_meta("seed", spec.seed)
    ledger.set_meta("command", command)
    ledger.set_meta("probes", dict(plan.about_probes))
    ledger.set_meta(
        "sources", {point.key: (job.entry, job.seed, point.point) for job in plan.sources for point in job.points}
    )
    ledger.set_meta("probings", {probing.key: probing.label for job in plan.probes for probing in job.probings})
    _write_plan(spec, plan, ledger)


def _write_plan(spec: StudySpec, plan: Plan, ledger: Ledger) -> None:
    ledger.set_meta("plan", summarize(spec, plan))
    ledger.replace_names(plan.names)
