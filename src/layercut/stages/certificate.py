"""What a trial certifies besides its frozen trunk: that everything its strategy trains was trained."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from layercut.errors import UntrainedError, few
from layercut.stages.trial import Trial
from layercut.training.schedule import Schedule

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


def check_trained(trial: Trial, before: Mapping[str, Tensor], batch: Batch) -> None:
    """Check that each of these parameters moved, or could not: no gradient on its own images, or one below rounding.

    Raises:
        UntrainedError: one stayed as it was.
    """
    body = trial.parts.body
    still = [name for name, value in body.named_parameters() if name in before and torch.equal(value, before[name])]
    if not still:
        return
    stuck = list(_could_move(body, still, batch, trial.condition.fitting, trial.parts.handling.rates))
    if stuck:
        raise UntrainedError(
            f"{trial.condition.strategy} trains {few(stuck, _MOST)}, but training left it unchanged: do not use this "
            "result, and check what the model's code does with it"
        )


def _could_move(
    body: nn.Module, names: list[str], batch: Batch, schedule: Schedule, rates: Mapping[str, float]
) -> Iterator[str]:
    values = dict(body.named_parameters())
    inputs, labels = batch()
    body.eval()
    loss = F.cross_entropy(body(inputs), labels, label_smoothing=schedule.label_smoothing)
    gradients = torch.autograd.grad(loss, [values[name] for name in names], allow_unused=True)
    for name, gradient in zip(names, gradients, strict=True):
        if gradient is None:
            continue
        size = gradient.abs()
        step = size if schedule.optimizer == "sgd" else size / (size + _ADAM_EPSILON)
        rate = schedule.lr * rates.get(name, 1.0)
        if bool((rate * step > _ROUNDING * values[name].abs()).any()):
            yield name
