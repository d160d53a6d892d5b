"""The history of one training: its curve, its best epoch, when it ends; shared by every loop."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Literal, NamedTuple

import numpy as np
from torch import Tensor

from layercut.errors import TrialDivergedError
from layercut.metrics import ACCURACY, ClassCounts, Metric
from layercut.records import EpochPoint, StopReason


class Training(NamedTuple):
    """The history of a finished training; the model holds the weights of `best_epoch`."""

    curve: tuple[EpochPoint, ...]
    best_epoch: int
    """From 1; the last epoch where there was no validation set, or the last weights were asked for."""
    stop_reason: StopReason = "limit"
    """`whole`: it reached the limit, and the weights there were asked for."""
    log_accuracies: tuple[tuple[str, float], ...] = ()
    """Validation accuracy at the log points."""
    snapshots: Mapping[str, Mapping[str, Tensor]] | None = None
    """Values of the model at the checkpoints."""
    num_validation_looks: int | None = None
    """Validation images evaluated to follow the training, each time counted; log points are not."""
    num_steps: int | None = None
    """Steps to the weights that the model holds."""
    penalty_strength: float | None = None
    """With which the head was solved; None: it was not."""
    held_out: ClassCounts | None = None
    """Predictions on the validation images at the best epoch, or those that `out_of_fold` scores; None: none."""
    out_of_fold: tuple[float, float] | None = None
    """Accuracy and log loss of a cross-validation, each fold in the epoch that is best on the others
    (`training/folds.py`); None: there was none."""

    @property
    def validation_accuracy(self) -> float | None:
        """Return what the training is judged by: out of fold, or on the validation images at the best epoch."""
        return self.curve[self.best_epoch - 1].validation_accuracy if self.out_of_fold is None else self.out_of_fold[0]

    @property
    def validation_loss(self) -> float | None:
        """Return the log loss in nats of the same predictions."""
        return self.curve[self.best_epoch - 1].validation_loss if self.out_of_fold is None else self.out_of_fold[1]

    def validation_score(self, metric: Metric) -> float | None:
        """Return what the training is judged by instead of accuracy; None where that is it, or nothing is held out."""
        if metric == ACCURACY or self.held_out is None:
            return None
        return float(getattr(self.held_out.scores(), metric))


class DivergedError(TrialDivergedError):
    """Loss became infinite or NaN; `curve` has the epochs before."""

    def __init__(self, epoch: int, curve: tuple[EpochPoint, ...]) -> None:
        super().__init__(f"the loss became infinite or NaN in epoch {epoch}; try a smaller learning rate")
        self.curve = curve


class TrainingHistory:
    """Follows one training, epoch by epoch.

    The best epoch has the strictly greatest validation accuracy, so ties keep the earlier one; with `ties="loss"`,
    that with the lower validation loss. Patience waits for a better accuracy, or with `watch="loss"` for a lower loss;
    it begins in the epoch `since`.
    Where a study chooses by another metric, that stands in the place of accuracy, but for the accuracy aimed at.
    Without validation images there is no early stop and the last weights count; with `restore_best=False`, these count
    anyway, and the best epoch is what patience waits for alone.
    """

    def __init__(
        self,
        patience: int | None,
        target_accuracy: float | None = None,
        ties: Literal["earlier", "loss"] = "earlier",
        watch: Literal["accuracy", "loss"] = "accuracy",
        since: int = 1,
        restore_best: bool = True,
    ) -> None:
        self._restores_best = restore_best
        self._patience = patience
        self._watches_loss = watch == "loss"
        self._least_loss, self._last_gain = math.inf, 0
        self._before = since - 1
        self._target_accuracy = math.inf if target_accuracy is None else target_accuracy
        self._curve: list[EpochPoint] = []
        self._best_epoch = 0
        self._best_score = -math.inf, -math.inf
        self._by_loss = ties == "loss"
        self._reason: StopReason | None = None

    @property
    def stopped(self) -> bool:
        """Return whether nothing that patience watches got better for `patience` epochs, or the target is reached."""
        return self._reason is not None

    def add(self, point: EpochPoint) -> bool:
        """Add an epoch; return whether its weights are, so far, those to end with and must be kept.

        Raises:
            DivergedError: the loss became infinite or NaN.
        """
        if not np.isfinite([point.train_loss, point.validation_loss or 0.0]).all():
            raise DivergedError(point.epoch, tuple(self._curve))
        self._curve.append(point)
        if point.judged is None or point.validation_accuracy is None:
            self._best_epoch = point.epoch
            return False
        score = point.judged, -(point.validation_loss or 0.0) if self._by_loss else 0.0
        if point.validation_loss is not None and point.validation_loss < self._least_loss:
            self._least_loss, self._last_gain = point.validation_loss, point.epoch
        better = score > self._best_score
        if better:
            self._best_epoch, self._best_score, self._reason = point.epoch, score, None
        if point.validation_accuracy >= self._target_accuracy:
            self._reason = "target"
        else:
            self._wait(point)
        return better or not self._restores_best

    def pass_over(self, point: EpochPoint) -> None:
        """Add an epoch that was not validated in full, because it cannot be the best."""
        self._curve.append(point)
        self._wait(point)

    def _wait(self, point: EpochPoint) -> None:
        last_gain = self._last_gain if self._watches_loss else self._best_epoch
        if self._patience is not None and point.epoch - max(last_gain, self._before) >= self._patience:
            self._reason = "patience"

    def result(self) -> Training:
        """Return the history of the training."""
        if self._restores_best:
            return Training(tuple(self._curve), self._best_epoch, self._reason or "limit")
        return Training(tuple(self._curve), len(self._curve), self._reason or "whole")
