"""Check, besides its frozen trunk, that a trial trained everything its strategy trains."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

import torch
from torch import Tensor, nn

from layercut.errors import UntrainedError, few
from layercut.stages.trial import Trial
from layercut.training.class_weights import image_weights, training_loss
from layercut.training.config import TrainingConfig

_MOST = 4
_ADAM_EPSILON = 1e-8
_ROUNDING = 2.0**-22
"""A step of less than twice the spacing of float32 numbers may leave a number as it is."""

Batch = Callable[[], tuple[Tensor, Tensor]]
"""Some inputs that a trial was trained on, and their labels."""


def values_to_train(trial: Trial) -> dict[str, Tensor]:
    """Return copies of the parameters that the trial's strategy says it trains, by name in the trained model.

    Raises:
        UntrainedError: one cannot be trained.
    """
    condition, body = trial.condition, trial.parts.body
    trained = {name: value for name, value in body.named_parameters() if name in trial.parts.trained}
    fixed = [name for name, value in trained.items() if not value.requires_grad]
    if fixed:
        raise UntrainedError(
            f"{condition.strategy} trains {few(fixed, _MOST)}, which cannot be trained (requires_grad=False)"
        )
    return {name: value.detach().clone() for name, value in trained.items()}


def check_trained(trial: Trial, before: Mapping[str, Tensor], batch: Batch, best_epoch: int) -> None:
    """Check that each of these parameters moved or could not: no gradient on its own images, or one below rounding.

    Those of blocks that join the training after the best epoch are left out: they stay as they are, which
    `frozen_unchanged` of the record says.

    A layer behind which a model begins with zero, as residual branches of timm's ResNets do, has no gradient before the
    first step, and a training may end with its first: what counts is a gradient at the beginning and at the end.

    Raises:
        UntrainedError: one stayed as it was.
    """
    body, config, rates = trial.parts.body, trial.condition.training, trial.parts.handling.rates
    waiting = tuple(f"{block}." for block in trial.waiting(best_epoch))
    before = {name: value for name, value in before.items() if not name.startswith(waiting)}
    after = dict(body.named_parameters())
    still = [name for name, value in after.items() if name in before and torch.equal(value, before[name])]
    for values in (after, {name: before.get(name, value) for name, value in after.items()}):
        if still:
            still = list(_could_move(body, values, still, batch, config, rates))
    if still:
        raise UntrainedError(
            f"{trial.condition.strategy} trains {few(still, _MOST)}, but training left it unchanged: do not use this "
            "result, and check what the model's code does with it"
        )


def _could_move(
    body: nn.Module,
    values: Mapping[str, Tensor],
    names: list[str],
    batch: Batch,
    config: TrainingConfig,
    rates: Mapping[str, float],
) -> Iterator[str]:
    """Yield those of the parameters that a step would move, where the model has these values."""
    inputs, labels = batch()
    body.eval()
    asked = {name: values[name].detach().requires_grad_() for name in names}
    logits = torch.func.functional_call(body, {**values, **asked}, (inputs,))
    weights = image_weights(labels, config.class_weights)
    loss = training_loss(logits, labels, config.label_smoothing, weights)
    gradients = torch.autograd.grad(loss, list(asked.values()), allow_unused=True)
    for name, gradient in zip(names, gradients, strict=True):
        if gradient is None:
            continue
        size = gradient.abs()
        step = size if config.optimizer == "sgd" else size / (size + _ADAM_EPSILON)
        rate = config.lr * rates.get(name, 1.0)
        if bool((rate * step > _ROUNDING * values[name].abs()).any()):
            yield name
