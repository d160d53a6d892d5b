"""The one loop in which everything is trained: sources, scratch models and transferred ones.

`training/stacked.py` is the same loop for several models at once.
"""

from __future__ import annotations

from collections.abc import Collection

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from layercut.records import EpochPoint
from layercut.training.batches import Examples
from layercut.training.course import Course, Training
from layercut.training.evaluate import evaluate
from layercut.training.late import LateValidation
from layercut.training.learning_rate import LearningRate
from layercut.training.looks import AccuracyLog, Snapshots, batch_point
from layercut.training.optimizer import build_optimizer, clip_gradients
from layercut.training.precision import training_precision
from layercut.training.schedule import Schedule
from layercut.training.validation import EveryEpoch, Validation


def train(
    model: nn.Module,
    examples: Examples,
    validation: Examples | None,
    schedule: Schedule,
    order_seed: int,
    kept: Collection[str] = (),
) -> Training:
    """Train a model in place and leave it with its best weights (`training/course.py` says which).

    `kept` are the names of parameters that come from a source.

    Raises:
        DivergedError: the loss became infinite or NaN.
    """
    device = examples.labels.device
    batch_sizes = schedule.batch_sizes(len(examples))
    optimizer = build_optimizer(model.named_parameters(), schedule, kept)
    rate = LearningRate(optimizer, schedule, len(batch_sizes))
    order = torch.Generator().manual_seed(order_seed)
    course = Course(schedule.patience, schedule.target_accuracy)
    log = AccuracyLog(schedule.log_points, len(batch_sizes))
    snapshots = Snapshots(schedule.checkpoints)
    follow: Validation = EveryEpoch(validation, schedule.precision, course)
    if validation is not None and schedule.validate_epochs == "as_needed":
        follow = LateValidation(validation, schedule.precision, course, schedule.patience, schedule.epochs)
    best_state: dict[str, Tensor] = {}

    def look(point: str | None, accuracy: float | None = None) -> None:
        snapshots.look(point, model)
        if validation is not None and log.wants(point):
            if accuracy is None:
                accuracy = evaluate(model, validation, schedule.precision).accuracy
                model.train()
            log.add(point, [accuracy])

    look("0")
    for epoch in range(1, schedule.epochs + 1):
        model.train()
        loss_sum = torch.zeros((), dtype=torch.float64, device=device)
        num_right = torch.zeros((), dtype=torch.int64, device=device)
        epoch_inputs = examples.training_inputs(epoch)
        shuffled = torch.randperm(len(examples), generator=order).to(device)
        for batch, positions in enumerate(shuffled.split(batch_sizes), start=1):  # type: ignore[no-untyped-call]
            labels = examples.labels[positions]
            inputs = epoch_inputs.gather(positions)
            with training_precision(schedule.precision, inputs.device):
                logits = model(inputs)
            loss = F.cross_entropy(logits, labels, label_smoothing=schedule.label_smoothing)
            optimizer.zero_grad(set_to_none=True)
            loss.backward()  # type: ignore[no-untyped-call]
            if schedule.clip_norm is not None:
                clip_gradients(model.parameters(), schedule.clip_norm)
            optimizer.step()
            rate.after_step()
            loss_sum += loss.detach() * len(positions)
            num_right += (logits.detach().argmax(dim=1) == labels).sum()
            look(batch_point(epoch, batch))

        train_loss, train_accuracy = loss_sum.item() / len(examples), num_right.item() / len(examples)
        point, best = follow.add(model, EpochPoint(epoch, train_loss, train_accuracy, learning_rate=rate.last))
        best_state = best or best_state
        look(f"epoch {epoch}", point.validation_accuracy)
        if course.stopped:
            break
        rate.after_epoch(point)

    if best_state:
        model.load_state_dict(best_state)
    return course.result()._replace(
        log_accuracies=log.of(0), snapshots=snapshots.values or None, num_validation_looks=follow.num_looks
    )
