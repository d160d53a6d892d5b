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
from layercut.training.class_weights import image_weights
from layercut.training.config import TrainingConfig
from layercut.training.evaluate import Evaluation
from layercut.training.handling import PLAIN, Handling
from layercut.training.history import DivergedError, Training, TrainingHistory
from layercut.training.learning_rate import LearningRate
from layercut.training.log_points import AccuracyLog, points_behind
from layercut.training.optimizer import build_optimizer, clip_member_gradients
from layercut.training.precision import training_precision
from layercut.training.rounds import Batches
from layercut.training.stack import Stack, evaluate_stack, stacked_losses
from layercut.training.unfreezing import Unfreezing
from layercut.training.validation import with_validation


def train_stacked(
    models: Sequence[nn.Module],
    examples: StackedExamples,
    validation: StackedExamples | None,
    config: TrainingConfig,
    order_seeds: Sequence[int],
    handling: Handling = PLAIN,
) -> list[Training | DivergedError]:
    """Train models of one architecture in place and leave each with its best weights, or its last.

    Losses are summed over members, so gradients are each member's own; optimizers work element by element, so one
    over the stack is one for each member. A member that diverges is its own `DivergedError` and disturbs no other.

    All members have one learning rate, so a plateau, which each would see at another time, is no config of a stack.

    Raises:
        ValueError: the models or their schedules cannot be stacked.
    """
    if config.lr_schedule == "plateau":
        raise ValueError("models with a learning rate of their own each cannot be stacked: lr_schedule plateau")
    device = examples.labels.device
    stack = Stack(models)
    batch_sizes = config.batch_sizes(len(examples))
    optimizer = build_optimizer(stack.parameters.items(), config, handling)
    rounds = config.rounds(len(examples))
    rate = LearningRate(optimizer, config, rounds, len(batch_sizes))
    batches = Batches(len(examples), batch_sizes, order_seeds, device)
    weights = image_weights(examples.labels, config.class_weights)
    unfreezing = Unfreezing(stack.template, stack.parameters, handling.turns, config, rounds.number)
    since, watch, restores = unfreezing.last, config.patience_watch, config.restore_best_weights
    histories = [
        TrainingHistory(config.patience, config.target_accuracy, watch=watch, since=since, restore_best=restores)
        for _ in models
    ]
    log = AccuracyLog(config.log_points, len(batch_sizes))
    diverged: dict[int, DivergedError] = {}
    running = list(range(len(models)))
    best: dict[str, Tensor] = {}
    held_out: dict[int, Evaluation] = {}

    def look(point: str) -> None:
        if validation is not None and log.wants(point):
            log.add(point, [on.accuracy for on in evaluate_stack(stack, validation, config.precision)])
            stack.train()

    look("0")
    for number in range(1, rounds.number + 1):
        unfreezing.begin(number)
        stack.train()
        loss_sums = torch.zeros(len(models), dtype=torch.float64, device=device)
        num_right = torch.zeros(len(models), dtype=torch.int64, device=device)
        num_seen, augmented = 0, None
        for batch in batches.take(rounds.steps_of(number, len(batch_sizes))):
            if num_seen == 0 or batch.number == 1:
                augmented = examples.augmented_inputs(batch.epoch)
            losses, right = _step(
                stack,
                optimizer,
                config,
                _gathered(weights, batch.positions),
                *examples.gather(batch.positions, augmented),
            )
            rate.after_step()
            loss_sums += losses * batch.positions.shape[1]
            num_right += right
            num_seen += batch.positions.shape[1]
            for point in points_behind(batch):
                look(point)

        points = [
            EpochPoint(number, loss_sum / num_seen, right / num_seen, learning_rate=rate.last)
            for loss_sum, right in zip(loss_sums.tolist(), num_right.tolist(), strict=True)
        ]
        results = [] if validation is None else evaluate_stack(stack, validation, config.precision)
        if results:
            both = zip(points, results, strict=True)
            points = [with_validation(point, result, config.metric) for point, result in both]
        better = _follow(histories, points, running, diverged)
        held_out |= {member: results[member] for member in better}
        best = _keep(best, stack.values(), better)
        running = [member for member in running if member not in diverged and not histories[member].stopped]
        if not running:
            break
        rate.after_round(points[0])

    stack.unstack(best or stack.values(), models)
    return [
        diverged.get(member)
        or done._replace(
            log_accuracies=log.of(member),
            num_validation_looks=len(done.curve) * len(validation or ()),
            num_steps=rounds.num_steps(len(batch_sizes), done.best_epoch),
            held_out=held_out[member].counts() if member in held_out else None,
        )
        for member, done in enumerate(history.result() for history in histories)
    ]


def _gathered(weights: Tensor | None, positions: Tensor) -> Tensor | None:
    """Return the weights of each member's batch, Float32 "members batch"; None where all images count alike."""
    return None if weights is None else weights.gather(1, positions).float()


def _step(
    stack: Stack,
    optimizer: torch.optim.Optimizer,
    config: TrainingConfig,
    weights: Tensor | None,
    inputs: Tensor,
    labels: Tensor,
) -> tuple[Tensor, Tensor]:
    """Train each member on its own batch; return losses and correct counts, "members"."""
    with training_precision(config.precision, inputs.device):
        logits = stack(inputs)
    each = stacked_losses(logits, labels, config.label_smoothing)
    losses = (each if weights is None else each * weights).mean(dim=1)
    optimizer.zero_grad(set_to_none=True)
    losses.sum().backward()  # type: ignore[no-untyped-call]
    if config.clip_norm is not None:
        clip_member_gradients(stack.parameters.values(), config.clip_norm)
    optimizer.step()
    return losses.detach(), (logits.detach().argmax(dim=2) == labels).sum(dim=1)


def _follow(
    histories: Sequence[TrainingHistory],
    points: Sequence[EpochPoint],
    running: Sequence[int],
    diverged: dict[int, DivergedError],
) -> list[int]:
    """Add an epoch to the running members' histories; return those whose weights are their best so far."""
    better = []
    for member in running:
        try:
            if histories[member].add(points[member]):
                better.append(member)
        except DivergedError as error:
            diverged[member] = error
    return better


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
