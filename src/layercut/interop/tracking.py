"""Report every finished training of a study to trackers, those of earlier runs first."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Protocol

from layercut.interop.epoch_csv import EpochCsv
from layercut.interop.mlflow import MlflowLog
from layercut.interop.tensorboard import TensorBoardLog
from layercut.interop.wandb import WandbLog
from layercut.ledger import Ledger
from layercut.metrics import NAMES
from layercut.records import ConditionName, EpochPoint, PretrainingRecord, Record, TrialRecord
from layercut.spec import StudySpec


class Tracker(Protocol):
    """Something that shows trainings outside layercut."""

    def add(
        self, name: str, curve: Iterable[EpochPoint], metrics: Mapping[str, float], design: Mapping[str, str | float]
    ) -> None:
        """Take one training; `name` has parts separated by `/`, `design` is empty for a source."""
        ...

    def close(self) -> None:
        """Finish."""
        ...


class Tracking:
    """Tells every tracker that a study asks for."""

    def __init__(self, trackers: list[Tracker], names: Iterable[ConditionName]) -> None:
        self._trackers = trackers
        self._take(names)

    def rename(self, names: Iterable[ConditionName], ledger: Ledger) -> None:
        """Take other names of the same design; tell of finished trials that have one only now."""
        before = self._names
        self._take(names)
        if self._trackers:
            self.add(trial for trial in ledger.trials() if trial.condition not in before)

    def _take(self, names: Iterable[ConditionName]) -> None:
        first: dict[str, ConditionName] = {}
        if self._trackers:
            for name in names:
                first.setdefault(name.condition, name)
        self._names = first
        self._several = len({(name.source, name.target, name.model) for name in first.values()}) > 1

    def replay(self, ledger: Ledger) -> None:
        """Tell of what earlier runs have finished."""
        if self._trackers:
            self.add(ledger.pretrainings())
            self.add(ledger.trials())

    def add(self, records: Iterable[Record]) -> None:
        """Tell of finished trainings; other records, and trials that the study no longer names, are passed over."""
        if not self._trackers:
            return
        for record in records:
            if isinstance(record, PretrainingRecord):
                model = f"/{record.model}" if self._several else ""
                self._tell(f"source/{record.source}{model}", record, {})
            elif isinstance(record, TrialRecord) and record.condition in self._names:
                name = self._names[record.condition]
                context = f"{name.source} to {name.target}/{name.model}/" if self._several else ""
                point = point_name(name, record.replicate)
                self._tell(f"{context}{point}", record, _design(name, record.replicate))

    def close(self) -> None:
        """Finish every tracker."""
        for tracker in self._trackers:
            tracker.close()

    def _tell(self, name: str, record: TrialRecord | PretrainingRecord, design: Mapping[str, str | float]) -> None:
        metrics = {"train accuracy": record.train_accuracy}
        for metric, called in NAMES.items():
            for images in ("test", "validation"):
                value = getattr(record, f"{images}_{metric}", None)
                if value is not None:
                    metrics[f"{images} {called}"] = value
        for tracker in self._trackers:
            tracker.add(name, record.curve, metrics, design)


def open_tracking(spec: StudySpec, output_dir: Path, names: Iterable[ConditionName]) -> Tracking:
    """Begin what the study asks for.

    Raises:
        UserError: TensorBoard is not installed, or a file cannot be written.
    """
    trackers: list[Tracker] = []
    if spec.tensorboard:
        trackers.append(TensorBoardLog(output_dir))
    if spec.mlflow:
        trackers.append(MlflowLog(output_dir, spec.name))
    if spec.wandb:
        trackers.append(WandbLog(output_dir, spec.name))
    if spec.csv:
        trackers.append(EpochCsv(output_dir))
    return Tracking(trackers, names)


def point_name(name: ConditionName, replicate: int) -> str:
    """Return the name of a trial in trackers, such as `freeze/cut-2/fraction-0.1/replicate-0`."""
    levels = [f"{factor}-{level}" for factor, level in name.factors.items()]
    cut = [] if name.cutless else [f"cut-{name.cut}"]
    return "/".join([name.strategy, *cut, f"fraction-{name.fraction:g}", *levels, f"replicate-{replicate}"])


def _design(name: ConditionName, replicate: int) -> dict[str, str | float]:
    return {
        "source": name.source,
        "target": name.target,
        "model": name.model,
        "strategy": name.strategy,
        "cut": name.cut,
        "fraction": name.fraction,
        "replicate": replicate,
        **name.factors,
    }
