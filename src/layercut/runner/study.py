"""Run a study, or what is left of it."""

from __future__ import annotations

from os import PathLike
from pathlib import Path

from layercut.executors.base import Executor
from layercut.ledger import run_of
from layercut.runner.opened import open_run
from layercut.runner.progress import Progress
from layercut.runner.summary import RunSummary
from layercut.spec import Study, StudySpec, load_study
from layercut.training.precision import Precision


def run_study(
    study: Study,
    output_dir: str | PathLike[str] | None = None,
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
) -> RunSummary:
    """Run a study, or the rest of it, and return how it ended.

    Args:
        study: what `load_study` returns, or takes: a path, the name of a shipped study, a mapping.
        output_dir: where everything is written; where None, the run whose study file is given, else `runs/NAME`.
        device: `auto`, `cpu` or `cuda`.
        precision: `float32`, `bf16` or `bf16_eval` (`training/precision.py`); part of each trial's key.
        stack: train the replicates of a condition as one model, which keeps a GPU busy; part of a stacked trial's key.
            None: on `cuda` only. What cannot be stacked is trained one by one, and the plan's warnings say so.
        nondeterministic: on a GPU, also train what has no deterministic backward pass there; its records then differ
            in their last bits from run to run.
        executor: `serial`, `processes`, `ray`, or an executor of your own.
        workers: worker processes; None: one per core, or on a GPU as many as fit in its memory.
        address: of the cluster, for an executor that uses one; for `ray`, a new one on this machine where None.
        memory_bytes: budget for stored features; None: half of the memory.
        data_dir: where datasets are; None: `LAYERCUT_DATA`, or else the user's cache folder.
        debug: raise an exception in a trial instead of recording it.
        command: the command that the report gives for running the study again.

    Raises:
        UserError: the study or its data are invalid; nothing has run.
        StorageFullError: the disk is full; free space and call again.

    Example:
        >>> from layercut import load_study, run_study
        >>> small = load_study("digits", ["transfer.fractions=[0.05]", "transfer.replicates=1", "transfer.cuts=[0, 4]"])
        >>> run_study(small, tmp_path, executor="serial").num_finished
        4
    """
    spec = load_study(study)
    with open_run(
        spec,
        output_dir or default_output_dir(spec),
        device=device,
        precision=precision,
        stack=stack,
        nondeterministic=nondeterministic,
        executor=executor,
        workers=workers,
        address=address,
        memory_bytes=memory_bytes,
        data_dir=data_dir,
        debug=debug,
        command=command,
        progress=progress,
    ) as run:
        run.finish()
        return run.summary()


def default_output_dir(spec: StudySpec) -> Path:
    """Return the default output directory of a study: that of its file, if a run wrote it there."""
    return run_of(spec.file) or Path("runs") / spec.name
