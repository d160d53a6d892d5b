"""The one loop in which everything is trained: sources, scratch models and transferred ones."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from layercut.errors import TrialDivergedError
from layercut.records import EpochPoint
from layercut.training.batches import Examples
from layercut.training.evaluate import evaluate
from layercut.training.optimizer import build_optimizer
from layercut.training.precision import Precision, training_precision


class Schedule(NamedTuple):
    """How long and how fast."""

    optimizer: str
    lr: float
    weight_decay: float
    epochs: int
    patience: int | None
    """Epochs without a better validation accuracy before stopping; None: never."""
    batch_size: int
    precision: Precision = "float32"


class Training(NamedTuple):
    """What came of it; the model holds the weights of `best_epoch`."""

    curve: tuple[EpochPoint, ...]
    best_epoch: int
    """From 1; the last epoch where there was no validation set."""


class DivergedError(TrialDivergedError):
    """Loss became infinite or NaN; `curve` has the epochs before."""

    def __init__(self, epoch: int, curve: tuple[EpochPoint, ...]) -> None:
        super().__init__(f"the loss became infinite or NaN in epoch {epoch}; try a smaller learning rate")
        self.curve = curve


def train(
    model: nn.Module, examples: Examples, validation: Examples | None, schedule: Schedule, order_seed: int
) -> Training:
    """Train a model in place and leave it with its best weights.

    The best epoch has the strictly greatest validation accuracy, so ties keep the earlier one.
    Without validation images there is no early stop and the last weights count.

    Raises:
        DivergedError: the loss became infinite or NaN.
    """
    optimizer = build_optimizer(schedule.optimizer, model.parameters(), schedule.lr, schedule.weight_decay)
    order = torch.Generator().manual_seed(order_seed)
    curve: list[EpochPoint] = []
    best_epoch, best_accuracy = 0, -math.inf
    best_state: dict[str, Tensor] = {}

    for epoch in range(1, schedule.epochs + 1):
        model.train()
        loss_sum = torch.zeros((), dtype=torch.float64, device=examples.labels.device)
        num_right = torch.zeros((), dtype=torch.int64, device=examples.labels.device)
        for positions in torch.randperm(len(examples), generator=order).split(schedule.batch_size):  # type: ignore[no-untyped-call]
            labels = examples.labels[positions]
            inputs = examples.inputs.gather(positions.numpy())
            with training_precision(schedule.precision, inputs.device):
                logits = model(inputs)
            loss = F.cross_entropy(logits, labels)
            optimizer.zero_grad(set_to_none=True)
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            loss_sum += loss.detach() * len(positions)
            num_right += (logits.detach().argmax(dim=1) == labels).sum()

        point = EpochPoint(epoch, loss_sum.item() / len(examples), num_right.item() / len(examples))
        if validation is not None:
            result = evaluate(model, validation, schedule.precision)
            point = EpochPoint(epoch, point.train_loss, point.train_accuracy, result.loss, result.accuracy)
        if not np.isfinite([point.train_loss, point.validation_loss or 0.0]).all():
            raise DivergedError(epoch, tuple(curve))
        curve.append(point)

        if point.validation_accuracy is None:
            best_epoch = epoch
        elif point.validation_accuracy > best_accuracy:
            best_epoch, best_accuracy = epoch, point.validation_accuracy
            best_state = {name: value.clone() for name, value in model.state_dict().items()}
        elif schedule.patience is not None and epoch - best_epoch >= schedule.patience:
            break

    if best_state:
        model.load_state_dict(best_state)
    return Training(tuple(curve), best_epoch)
