"""The studies behind a recommendation, one a model: they share their workers and one journal."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from layercut.artifacts.writing import artifact_folder, is_kept
from layercut.executors import EXECUTORS
from layercut.executors.base import Executor
from layercut.ledger import Ledger
from layercut.metrics import Metric
from layercut.plan.canonical import trial_key
from layercut.plan.jobs import Condition
from layercut.recommending.arms import ArmTrial, Seen, seen_in
from layercut.runner import OpenRun, open_run
from layercut.runner.locking import output_lock
from layercut.spec import StudySpec
from layercut.stages import PRELOADED

_FOLDER = "models"


@dataclass(frozen=True)
class Runs:
    """Open studies by the name of their model, and the ledger that decisions are written into."""

    by_model: Mapping[str, OpenRun]
    ledger: Ledger

    @cached_property
    def _places(self) -> dict[str, tuple[str, Condition]]:
        return {one.key: (model, one) for model, run in self.by_model.items() for one in run.plan.conditions}

    @property
    def ledgers(self) -> list[Ledger]:
        """Return the ledgers of all studies."""
        return [run.ledger for run in self.by_model.values()]

    def of(self, key: str) -> tuple[OpenRun, Condition]:
        """Return the study of an arm, and the condition that it is."""
        model, condition = self._places[key]
        return self.by_model[model], condition

    def do(self, trials: Sequence[ArmTrial], first: int = 0) -> None:
        """Do trials and the replicates from `first` on that are before them; none of them looks at test images.

        Those of one model are done side by side.
        """
        for run in self.by_model.values():
            own = [(condition, trial) for trial in trials for found, condition in [self.of(trial.key)] if found is run]
            if own:
                run.do([(condition, trial.replicate) for condition, trial in own], tested=False, first=first)

    def seen(self, trials: Iterable[ArmTrial], metric: Metric) -> list[Seen]:
        """Return what was done of some trials, in their order."""
        return seen_in(self.ledgers, trials, metric)

    def kept(self, key: str) -> Path:
        """Return the folder with what is kept of an arm's first replicate."""
        return artifact_folder(self.of(key)[0].output_dir, trial_key(key, 0))

    def is_kept(self, key: str) -> bool:
        """Return whether the weights of an arm's first replicate are on the disk."""
        return is_kept(self.of(key)[0].output_dir, trial_key(key, 0), ("weights",))

    def why_nothing(self) -> str:
        """Return the first failure."""
        failures = (failure for run in self.by_model.values() for failure in run.ledger.failures())
        return next((failure.message for failure in failures), "nothing was measured")


def study_folders(names: Iterable[str]) -> dict[str, str]:
    """Return where each model's study lies below the output directory: the only one's in it, others apart.

    Example:
        >>> study_folders(["timm/resnet18", "mine:build"])
        {'timm/resnet18': 'models/timm-resnet18', 'mine:build': 'models/mine-build'}
        >>> study_folders([""])
        {'': '.'}
    """
    found: dict[str, str] = {}
    for name in names:
        short = re.sub(r"[^\w.-]+", "-", name).strip("-.") or "model"
        folder = f"{_FOLDER}/{short}" if name else "."
        number = sum(other == folder or other.startswith(f"{folder}-") for other in found.values())
        found[name] = f"{folder}-{number + 1}" if folder in found.values() else folder
    return found


@contextmanager
def open_runs(
    studies: Mapping[str, StudySpec],
    output_dir: Path,
    *,
    executor: str | Executor,
    workers: int,
    **options: Any,
) -> Iterator[Runs]:
    """Open the study of each model, below an output directory where there are several; options as of `open_run`.

    Raises:
        UserError: a study or its data are invalid; nothing has run.
        StorageFullError: the disk is full.
    """
    workforce = EXECUTORS[executor](workers, PRELOADED) if isinstance(executor, str) else executor
    folders = study_folders(studies)
    with ExitStack() as stack:
        above = None
        if len(studies) > 1:
            stack.enter_context(output_lock(output_dir))
            above = stack.enter_context(Ledger(output_dir, create=True))
        runs = {
            name: stack.enter_context(
                open_run(spec, output_dir / folders[name], stack=False, executor=workforce, **options)
            )
            for name, spec in studies.items()
        }
        yield Runs(runs, above or next(iter(runs.values())).ledger)
