"""The one loop in which everything is trained: sources, scratch models and transferred ones.

`training/stacked.py` is the same loop for several models at once.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from layercut.records import EpochPoint
from layercut.training.batches import Examples
from layercut.training.course import Course, Training
from layercut.training.evaluate import evaluate
from layercut.training.late import LateValidation
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
    validate_epochs: Literal["all", "as_needed"] = "all"


def train(
    model: nn.Module, examples: Examples, validation: Examples | None, schedule: Schedule, order_seed: int
) -> Training:
    """Train a model in place and leave it with its best weights (`training/course.py` says which).

    Raises:
        DivergedError: the loss became infinite or NaN.
    """
    device = examples.labels.device
    optimizer = build_optimizer(schedule.optimizer, model.parameters(), schedule.lr, schedule.weight_decay)
    order = torch.Generator().manual_seed(order_seed)
    course = Course(schedule.patience)
    late = None
    if validation is not None and schedule.validate_epochs == "as_needed":
        late = LateValidation(validation, schedule.precision, course, schedule.patience, schedule.epochs)
    best_state: dict[str, Tensor] = {}

    for epoch in range(1, schedule.epochs + 1):
        model.train()
        loss_sum = torch.zeros((), dtype=torch.float64, device=device)
        num_right = torch.zeros((), dtype=torch.int64, device=device)
        shuffled = torch.randperm(len(examples), generator=order).to(device)
        for positions in shuffled.split(schedule.batch_size):  # type: ignore[no-untyped-call]
            labels = examples.labels[positions]
            inputs = examples.inputs.gather(positions)
            with training_precision(schedule.precision, inputs.device):
                logits = model(inputs)
            loss = F.cross_entropy(logits, labels)
            optimizer.zero_grad(set_to_none=True)
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            loss_sum += loss.detach() * len(positions)
            num_right += (logits.detach().argmax(dim=1) == labels).sum()

        point = EpochPoint(epoch, loss_sum.item() / len(examples), num_right.item() / len(examples))
        if late is None and validation is not None:
            result = evaluate(model, validation, schedule.precision)
            point = EpochPoint(epoch, point.train_loss, point.train_accuracy, result.loss, result.accuracy)
        if late is not None:
            best_state = late.add(model, point) or best_state
        elif course.add(point):
            best_state = {name: value.clone() for name, value in model.state_dict().items()}
        if course.stopped:
            break

    if best_state:
        model.load_state_dict(best_state)
    return course.result()
