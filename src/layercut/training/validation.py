"""Validation after each epoch; `training/lazy_validation.py` does less of it, for the same best epoch."""

from __future__ import annotations

import dataclasses
from typing import NamedTuple, Protocol

from torch import Tensor, nn

from layercut.metrics import ACCURACY, Metric
from layercut.records import EpochPoint
from layercut.training.batches import Examples
from layercut.training.evaluate import Evaluation, evaluate
from layercut.training.history import TrainingHistory
from layercut.training.precision import Precision


class Validated(NamedTuple):
    """An epoch that the history was told of, or will be."""

    point: EpochPoint
    """With validation values where they are known by now."""
    best: dict[str, Tensor] | None
    """Weights of a new best epoch: this one, or one that had waited."""


class Validation(Protocol):
    """Follows one training and tells its history of every epoch."""

    num_looks: int
    """Images evaluated so far, each time counted."""
    best: Evaluation | None
    """Of the best epoch so far; None: none was validated."""

    def add(self, model: nn.Module, point: EpochPoint) -> Validated:
        """Add an epoch that is not validated yet.

        Raises:
            DivergedError: the loss became infinite or NaN.
        """
        ...


class EveryEpoch:
    """Evaluates all validation images after each epoch; where there are none, only tells the history."""

    def __init__(
        self, examples: Examples | None, precision: Precision, history: TrainingHistory, metric: Metric = ACCURACY
    ) -> None:
        self._examples = examples
        self._precision = precision
        self._history = history
        self._metric = metric
        self.num_looks = 0
        self.best: Evaluation | None = None

    def add(self, model: nn.Module, point: EpochPoint) -> Validated:
        """Validate an epoch."""
        result = None
        if self._examples is not None:
            self.num_looks += len(self._examples)
            result = evaluate(model, self._examples, self._precision)
            point = with_validation(point, result, self._metric)
        better = self._history.add(point)
        self.best = result if better else self.best
        return Validated(point, {name: value.clone() for name, value in model.state_dict().items()} if better else None)


def with_validation(point: EpochPoint, result: Evaluation, metric: Metric = ACCURACY) -> EpochPoint:
    """Return an epoch with what the validation images gave."""
    return dataclasses.replace(
        point,
        validation_loss=result.loss,
        validation_accuracy=result.accuracy,
        validation_score=result.score(metric),
    )
