"""What a study writes down: immutable rows, failures included.

A trial is a condition (design point) and a replicate. Several designs can be the same trial
(see `plan/canonical.py`): a `ConditionName` gives one design point its name and points at the
condition that was run, so that results show a merged trial under every name.
Accuracies are in 0..1, times are in seconds.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from operator import attrgetter
from typing import Literal, TypeAlias

from layercut.keys import canonical_json

StopReason = Literal["limit", "patience", "target", "whole", "solved"]
"""Why a training ended: its last epoch, no better validation accuracy for long enough, the accuracy aimed at, or the
minimum itself, where a head is solved and not trained."""

FailureKind = Literal["diverged", "undefined", "error", "out_of_memory", "worker_lost"]

FINAL_FAILURES: frozenset[str] = frozenset({"diverged", "undefined"})
"""Failures that are results: running again gives the same. All others are tried again by the next run."""


@dataclass(frozen=True)
class EpochPoint:
    """One epoch of a training curve; validation values are None where there is no validation set."""

    epoch: int
    train_loss: float
    train_accuracy: float
    validation_loss: float | None = None
    validation_accuracy: float | None = None
    learning_rate: float | None = None
    """Of the epoch's last step, for what is new; None: not written down."""
    validation_score: float | None = None
    """Value of the study's metric on the validation images, where that is not accuracy."""

    @property
    def judged(self) -> float | None:
        """Return what epochs are chosen by: the value of the study's metric on the validation images."""
        return self.validation_accuracy if self.validation_score is None else self.validation_score


@dataclass(frozen=True)
class Environment:
    """Where and with what a record was made; stored once, referred to by `key`."""

    key: str
    layercut_version: str
    code_version: str
    python_version: str
    libraries: Mapping[str, str]
    platform: str
    processor: str
    num_cores: int
    device: str
    """Name of the device that trained: the processor's, or the GPU's."""


@dataclass(frozen=True)
class ConditionName:
    """One nominal design point and the condition that measures it."""

    condition: str
    """Key of the condition that is run."""
    source: str
    target: str
    model: str
    strategy: str
    cut: int
    fraction: float
    num_blocks: int
    merged: bool
    """True where another name of the same condition comes first: the trial ran once, under that name."""
    factors: Mapping[str, str] = field(default_factory=dict)
    """Level chosen of each training factor."""
    learning_rate: float | None = None
    """Of what is new, at the start; None: nothing is trained, it is not chosen yet, or it was not written down."""
    rates: tuple[float, ...] = ()
    """Those that it is chosen from, ascending; empty where the study says which."""
    search: str | None = None
    """Key of the pilots that choose it (`PilotRecord.search`); None where the study says which."""
    cutless: bool = False
    """Whether the strategy does the same at every cut."""
    transfers: bool = True
    """Whether any block comes from the source."""
    treatment: str = ""
    """What is done, as a sentence begins; empty: not written down."""


@dataclass(frozen=True)
class TrialRecord:
    """The result of one trial."""

    key: str
    condition: str
    replicate: int
    train_accuracy: float
    validation_accuracy: float | None
    test_accuracy: float | None
    """None: nobody has looked at the test images with this trial's model."""
    test_loss: float | None = None
    best_epoch: int | None = None
    """Epoch (from 1) whose weights were kept; the last one without a validation set; None: imported."""
    num_epochs: int | None = None
    curve: tuple[EpochPoint, ...] = ()
    num_train_images: int | None = None
    num_validation_images: int | None = None
    num_test_images: int | None = None
    num_duplicates_dropped: int | None = None
    num_trained_parameters: int | None = None
    num_parameters: int | None = None
    frozen_unchanged: bool | None = None
    """The frozen trunk was bit-identical after training; None where nothing was frozen."""
    seeds: Mapping[str, int] = field(default_factory=dict)
    split_hash: str | None = None
    """Hash of the indices of training, validation and test images."""
    checkpoint_hash: str | None = None
    classification_report: Mapping[str, Mapping[str, float]] | None = None
    precision: str | None = None
    device: str | None = None
    num_threads: int | None = None
    environment: str | None = None
    wall_seconds: float | None = None
    log_area: float | None = None
    """Area under validation accuracy against the index of the log points, in 0..1; None: no such points."""
    log_accuracies: Mapping[str, float] = field(default_factory=dict)
    """Validation accuracy at each log point, in the order of training."""
    num_validation_looks: int | None = None
    """Validation images that were evaluated, over all epochs: fewer with `validate_epochs: as_needed`."""
    validation_loss: float | None = None
    """Mean log loss in nats on the validation images, of the weights whose `validation_accuracy` it is."""
    num_folds: int | None = None
    """Models of the cross-validation that the validation values come from; 0: one model, on images set aside."""
    stop_reason: StopReason | None = None
    """Why training ended; with folds, theirs."""
    num_steps: int | None = None
    """Steps to the weights that were kept; None where nothing was trained."""
    penalty_strength: float | None = None
    """Strength of the L2 penalty with which the head was solved (`training/solved.py`); None: it was not."""
    validation_balanced_accuracy: float | None = None
    """This and the next three: other metrics (`metrics.py`) of the same predictions as the accuracies; with folds,
    of those of all folds together. None: no such images, or an older version made the record."""
    validation_macro_f1: float | None = None
    test_balanced_accuracy: float | None = None
    test_macro_f1: float | None = None
    num_effective_validation_images: float | None = None
    """So many images in equal classes would tell a mean over classes as surely as the validation images do."""
    num_effective_test_images: float | None = None


@dataclass(frozen=True)
class PilotRecord:
    """The result of a training that only serves to choose a learning rate: it never looks at test images."""

    key: str
    search: str
    """Key of all that its condition says but the rate."""
    learning_rate: float
    replicate: int
    """Below 0: no trial that is reported has the same images or initial values."""
    diverged: bool
    """The loss became infinite or NaN: no rate is worse."""
    validation_accuracy: float | None = None
    """None where it diverged."""
    validation_loss: float | None = None
    best_epoch: int | None = None
    num_epochs: int | None = None
    curve: tuple[EpochPoint, ...] = ()
    split_hash: str | None = None
    checkpoint_hash: str | None = None
    precision: str | None = None
    device: str | None = None
    environment: str | None = None
    wall_seconds: float | None = None
    validation_score: float | None = None
    """Value of the study's metric on the predictions that `validation_accuracy` scores; None: accuracy is the metric,
    or it diverged."""

    @property
    def judged(self) -> float | None:
        """Return what rates are chosen by: the value of the study's metric on the validation images."""
        return self.validation_accuracy if self.validation_score is None else self.validation_score


@dataclass(frozen=True)
class PretrainingRecord:
    """The result of training a source model; its weights lie under the same key in `checkpoints/`."""

    key: str
    source: str
    model: str
    train_accuracy: float
    validation_accuracy: float | None
    test_accuracy: float
    best_epoch: int | None
    num_epochs: int
    curve: tuple[EpochPoint, ...]
    checkpoint_hash: str
    seeds: Mapping[str, int] = field(default_factory=dict)
    precision: str | None = None
    device: str | None = None
    num_threads: int | None = None
    environment: str | None = None
    wall_seconds: float | None = None


@dataclass(frozen=True)
class ProbeRecord:
    """Scores of a source model's features, computed without training it."""

    key: str
    probe: str
    source: str
    layer: str
    """Name of the tap that was scored: `input`, a block, or what lies behind the blocks."""
    fraction: float
    replicate: int
    dataset: str
    """Which task's images were scored: `source`, `target`, or `none` where no images were needed."""
    split: str
    """Which images of it: `train`, `validation`, `test`, or `none`."""
    scores: Mapping[str, float] = field(default_factory=dict)
    environment: str | None = None
    wall_seconds: float | None = None
    probing: str = ""
    """Key of what all layers and replicates have in common, as a condition is for trials; empty: imported."""
    target: str = ""
    """The task the scores are about; empty where they are about the source alone."""
    model: str = ""
    cut: int | None = None
    """The cut whose features were scored; None behind the last block."""
    num_images: int | None = None
    split_hash: str | None = None
    """Hash of the positions of the images."""
    seed: int | None = None
    checkpoint_hash: str | None = None
    device: str | None = None


@dataclass(frozen=True)
class FailureRecord:
    """A job or trial that gave no result; never a missing row."""

    key: str
    """Key of the trial or probe, or of the pretraining or other job, that failed."""
    job: str
    """Kind of the job: `source`, `extract`, `probe`, `represent`, `pilot` or `transfer`."""
    condition: str | None
    replicate: int | None
    kind: FailureKind
    message: str
    traceback: str = ""
    curve: tuple[EpochPoint, ...] = ()
    device: str | None = None
    environment: str | None = None
    wall_seconds: float | None = None

    @property
    def final(self) -> bool:
        """Whether running the trial again would give the same."""
        return self.kind in FINAL_FAILURES


Record: TypeAlias = TrialRecord | PilotRecord | PretrainingRecord | ProbeRecord | FailureRecord


POINT_VALUES = attrgetter("epoch", "train_loss", "train_accuracy", "validation_loss", "validation_accuracy")
"""What an epoch measured, as a tuple."""


def exact_content(record: TrialRecord | ProbeRecord | FailureRecord) -> str:
    """Return what is equal in every run of the same trial or probe: key, metrics, curve; floats in hexadecimal."""
    if isinstance(record, ProbeRecord):
        return canonical_json([record.key, {name: _exact(float(score)) for name, score in record.scores.items()}])
    curve = [[_exact(value) for value in _point_values(point)] for point in record.curve]
    if isinstance(record, FailureRecord):
        return canonical_json([record.key, record.kind, curve])
    metrics = [record.train_accuracy, record.validation_accuracy, record.test_accuracy, record.test_loss]
    metrics += record.log_accuracies.values()
    return canonical_json([record.key, [_exact(value) for value in metrics], record.best_epoch, curve])


def log_area(accuracies: Sequence[float]) -> float | None:
    """Return the area under accuracies at log-spaced points, a unit wide: their mean, the ends counted half.

    Reference: the score of the study of convnet transferability (`studies/`), area under accuracy against the index
    of the log-spaced step. We differ in dividing by the width, so that a constant accuracy is its own area.

    Example:
        >>> log_area([0.0, 0.5, 1.0])
        0.5
    """
    if len(accuracies) < 2:
        return None
    return (sum(accuracies) - (accuracies[0] + accuracies[-1]) / 2) / (len(accuracies) - 1)


def records_hash(contents: Iterable[str]) -> str:
    """Return the SHA-256 over the sorted `exact_content` of all finished trials and probes.

    Two runs of one study agree in every bit of every result exactly if their hashes are equal.
    """
    digest = hashlib.sha256()
    for content in sorted(contents):
        digest.update(content.encode())
        digest.update(b"\n")
    return digest.hexdigest()


def _point_values(point: EpochPoint) -> tuple[float | int | None, ...]:
    """Return what an epoch measured; a study's metric is there where it is not accuracy."""
    score = () if point.validation_score is None else (point.validation_score,)
    return (*POINT_VALUES(point), *score)


def _exact(value: float | int | None) -> str | int | None:
    return value.hex() if isinstance(value, float) else value
