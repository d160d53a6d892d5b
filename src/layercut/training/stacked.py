"""The loop of `training/loop.py` for the replicates of one condition at once, as one model.

A GPU that trains one small model waits most of the time; with thirty it computes. Each member has its own images,
order, early stop and best weights, and ends as it would alone, to rounding. Members that have stopped are computed
on with the others, unrecorded: leaving them out would change the size of the stack, and with it the others' bits.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from layercut.records import EpochPoint
from layercut.training.batches import StackedExamples
from layercut.training.course import Course, DivergedError, Training
from layercut.training.loop import Schedule
from layercut.training.optimizer import build_optimizer
from layercut.training.precision import training_precision
from layercut.training.stack import Stack, evaluate_stack, stacked_losses


def train_stacked(
    models: Sequence[nn.Module],
    examples: StackedExamples,
    validation: StackedExamples | None,
    schedule: Schedule,
    order_seeds: Sequence[int],
) -> list[Training | DivergedError]:
    """Train models of one architecture in place and leave each with its best weights.

    Losses are summed over members, so gradients are each member's own; optimizers work element by element, so one
    over the stack is one for each member. A member that diverges is its own `DivergedError` and disturbs no other.

    Raises:
        ValueError: the models cannot be stacked.
    """
    device = examples.labels.device
    stack = Stack(models)
    optimizer = build_optimizer(schedule.optimizer, stack.parameters.values(), schedule.lr, schedule.weight_decay)
    orders = [torch.Generator().manual_seed(seed) for seed in order_seeds]
    courses = [Course(schedule.patience) for _ in models]
    diverged: dict[int, DivergedError] = {}
    running = list(range(len(models)))
    best: dict[str, Tensor] = {}

    for epoch in range(1, schedule.epochs + 1):
        stack.train()
        loss_sums = torch.zeros(len(models), dtype=torch.float64, device=device)
        num_right = torch.zeros(len(models), dtype=torch.int64, device=device)
        shuffled = torch.stack([torch.randperm(len(examples), generator=order) for order in orders]).to(device)
        for positions in shuffled.split(schedule.batch_size, dim=1):  # type: ignore[no-untyped-call]
            inputs, labels = examples.gather(positions)
            with training_precision(schedule.precision, inputs.device):
                logits = stack(inputs)
            losses = stacked_losses(logits, labels).mean(dim=1)
            optimizer.zero_grad(set_to_none=True)
            losses.sum().backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            loss_sums += losses.detach() * positions.shape[1]
            num_right += (logits.detach().argmax(dim=2) == labels).sum(dim=1)

        points = [
            EpochPoint(epoch, loss_sum / len(examples), right / len(examples))
            for loss_sum, right in zip(loss_sums.tolist(), num_right.tolist(), strict=True)
        ]
        if validation is not None:
            points = [
                EpochPoint(epoch, point.train_loss, point.train_accuracy, result.loss, result.accuracy)
                for point, result in zip(points, evaluate_stack(stack, validation, schedule.precision), strict=True)
            ]
        better = []
        for member in running:
            try:
                if courses[member].add(points[member]):
                    better.append(member)
            except DivergedError as error:
                diverged[member] = error
        best = _keep(best, stack.values(), better)
        running = [member for member in running if member not in diverged and not courses[member].stopped]
        if not running:
            break

    stack.unstack(best or stack.values(), models)
    return [diverged.get(member) or course.result() for member, course in enumerate(courses)]


def _keep(best: dict[str, Tensor], values: dict[str, Tensor], members: Sequence[int]) -> dict[str, Tensor]:
    """Return the best values with some members' replaced by the present ones."""
    if not members:
        return best
    if not best:
        return {name: value.clone() for name, value in values.items()}
    rows = torch.tensor(members, device=next(iter(values.values())).device)
    for name, value in best.items():
        value.index_copy_(0, rows, values[name].index_select(0, rows))
    return best
