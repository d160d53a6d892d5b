"""The one loop in which everything is trained: sources, scratch models and transferred ones.

`training/folds.py` runs it for the models of a cross-validation side by side, `training/stacked.py` is the same loop
for several models as one.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from layercut.records import EpochPoint
from layercut.training.batches import Examples
from layercut.training.class_weights import image_weights, training_loss
from layercut.training.config import TrainingConfig
from layercut.training.evaluate import evaluate
from layercut.training.handling import PLAIN, Handling
from layercut.training.history import Training, TrainingHistory
from layercut.training.lazy_validation import LazyValidation
from layercut.training.learning_rate import LearningRate
from layercut.training.log_points import AccuracyLog, Snapshots, points_behind
from layercut.training.optimizer import build_optimizer, clip_gradients
from layercut.training.precision import training_precision
from layercut.training.rounds import Batches, Rounds
from layercut.training.unfreezing import Unfreezing
from layercut.training.validation import EveryEpoch, Validation

Look = Callable[[str], None]
"""Told the name of each moment of a training that may be asked for (`spec/points.py`)."""


class Optimization:
    """One model with its optimizer, learning rate and order of batches; trained a round at a time."""

    def __init__(
        self,
        model: nn.Module,
        examples: Examples,
        config: TrainingConfig,
        rounds: Rounds,
        order_seed: int,
        handling: Handling = PLAIN,
    ) -> None:
        self.model = model
        self._examples = examples
        self._config = config
        self._rounds = rounds
        weights = image_weights(examples.labels, config.class_weights)
        self._weights = None if weights is None else weights.float()
        batch_sizes = config.batch_sizes(len(examples))
        self.steps_an_epoch = len(batch_sizes)
        self._batches = Batches(len(examples), batch_sizes, [order_seed], examples.labels.device)
        self._optimizer = build_optimizer(model.named_parameters(), config, handling)
        self.unfreezing = Unfreezing(model, dict(model.named_parameters()), handling.turns, config, rounds.number)
        self.rate = LearningRate(self._optimizer, config, rounds, self.steps_an_epoch)

    def round(self, number: int, look: Look | None = None) -> EpochPoint:
        """Train for one round, from 1; return its average loss and accuracy in training."""
        model, examples, config = self.model, self._examples, self._config
        device = examples.labels.device
        loss_sum = torch.zeros((), dtype=torch.float64, device=device)
        num_right = torch.zeros((), dtype=torch.int64, device=device)
        num_seen, epoch_inputs = 0, examples.inputs
        self.unfreezing.begin(number)
        model.train()
        for batch in self._batches.take(self._rounds.steps_of(number, self.steps_an_epoch)):
            positions = batch.positions[0]
            if num_seen == 0 or batch.number == 1:
                epoch_inputs = examples.training_inputs(batch.epoch)
            labels = examples.labels[positions]
            inputs = epoch_inputs.gather(positions)
            with training_precision(config.precision, inputs.device):
                logits = model(inputs)
            weights = None if self._weights is None else self._weights[positions]
            loss = training_loss(logits, labels, config.label_smoothing, weights)
            self._optimizer.zero_grad(set_to_none=True)
            loss.backward()  # type: ignore[no-untyped-call]
            if config.clip_norm is not None:
                clip_gradients(model.parameters(), config.clip_norm)
            self._optimizer.step()
            self.rate.after_step()
            loss_sum += loss.detach() * len(positions)
            num_right += (logits.detach().argmax(dim=1) == labels).sum()
            num_seen += len(positions)
            if look is not None:
                for point in points_behind(batch):
                    look(point)
        return EpochPoint(number, loss_sum.item() / num_seen, num_right.item() / num_seen, learning_rate=self.rate.last)


def train(
    model: nn.Module,
    examples: Examples,
    validation: Examples | None,
    config: TrainingConfig,
    order_seed: int,
    handling: Handling = PLAIN,
) -> Training:
    """Train a model in place and leave it with the weights that the configuration asks for (`training/history.py`).

    `handling` is for parameters that do not learn like the others.

    Raises:
        DivergedError: the loss became infinite or NaN.
    """
    rounds = config.rounds(len(examples))
    optimization = Optimization(model, examples, config, rounds, order_seed, handling)
    since = optimization.unfreezing.last
    history = TrainingHistory(
        config.patience,
        config.target_accuracy,
        watch=config.patience_watch,
        since=since,
        restore_best=config.restore_best_weights,
    )
    log = AccuracyLog(config.log_points, optimization.steps_an_epoch)
    snapshots = Snapshots(config.checkpoints)
    follow: Validation = EveryEpoch(validation, config.precision, history, config.metric)
    if validation is not None and config.validate_epochs == "as_needed":
        follow = LazyValidation(validation, config.precision, history, config.patience, rounds.number)
    best_state: dict[str, Tensor] = {}

    def look(point: str) -> None:
        snapshots.look(point, model)
        if validation is not None and log.wants(point):
            log.add(point, [evaluate(model, validation, config.precision).accuracy])
            model.train()

    look("0")
    for number in range(1, rounds.number + 1):
        point, best = follow.add(model, optimization.round(number, look))
        best_state = best or best_state
        if history.stopped:
            break
        optimization.rate.after_round(point)

    optimization.unfreezing.end()
    if best_state:
        model.load_state_dict(best_state)
    result = history.result()
    return result._replace(
        log_accuracies=log.of(0),
        snapshots=snapshots.values or None,
        num_validation_looks=follow.num_looks,
        held_out=follow.best.counts() if follow.best else None,
        num_steps=rounds.num_steps(optimization.steps_an_epoch, result.best_epoch),
    )
