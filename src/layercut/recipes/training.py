"""A study's training as lines of PyTorch."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from layercut.errors import UserError

_SAID = {
    "optimizer", "lr", "weight_decay", "momentum", "nesterov", "epochs", "batch_size", "lr_schedule", "lr_factor",
    "lr_step_epochs", "clip_norm", "label_smoothing", "kept_lr_scale", "log_points", "validate_epochs",
    "classification_report", "layer_decay", "pull", "evaluations", "lr_patience", "lr_watch", "patience_watch",
    "unfreeze_every", "freeze_norm_statistics",
}  # fmt: skip
"""Fields that the code has, or that change nothing in it."""


def require_told(training: Mapping[str, Any]) -> None:
    """Check that there is a training.

    Raises:
        UserError: the head was solved, so there was none.
    """
    if not training:
        raise UserError("there is no recipe for a head that was solved, not trained; name another condition")


def optimizer_line(training: Mapping[str, Any]) -> str:
    """Return a call of PyTorch that makes the optimizer of `groups`."""
    given = f"lr={training['lr']!r}, weight_decay={training['weight_decay']!r}"
    if training["optimizer"] == "sgd":
        given += f", momentum={training['momentum']!r}, nesterov={training['nesterov']!r}"
    name = {"adam": "Adam", "adamw": "AdamW", "sgd": "SGD"}[training["optimizer"]]
    return f"torch.optim.{name}(groups, {given})"


def scheduler_line(training: Mapping[str, Any]) -> str | None:
    """Return a call that makes a schedule of the rate, stepped behind every epoch; None where the rate stays.

    Raises:
        UserError: the schedule is one that steps otherwise.
    """
    kind = training["lr_schedule"]
    if kind == "none":
        return None
    if kind == "cosine":
        return f"torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, {training['epochs']})"
    if kind == "step":
        epochs, factor = training["lr_step_epochs"], training["lr_factor"]
        return f"torch.optim.lr_scheduler.StepLR(optimizer, {epochs}, {factor!r})"
    raise UserError(f"there is no recipe for `lr_schedule: {kind}`; none, cosine and step have one")


def keras_optimizer_line(training: Mapping[str, Any]) -> str:
    """Return a call of Keras that makes the same optimizer.

    Raises:
        UserError: Keras has no such optimizer: its weight decay is not the gradient of a penalty.
    """
    decay = training["weight_decay"]
    if decay and training["optimizer"] != "adamw":
        raise UserError(
            f"Keras has no {training['optimizer']} whose weight decay is a penalty (weight_decay {decay:g}); print the "
            "recipe for another framework, or name a condition with adamw or without weight decay"
        )
    given = f"learning_rate={training['lr']!r}"
    if training["clip_norm"]:
        given += f", global_clipnorm={training['clip_norm']!r}"
    if training["optimizer"] == "sgd":
        return f"keras.optimizers.SGD({given}, momentum={training['momentum']!r}, nesterov={training['nesterov']!r})"
    if training["optimizer"] == "adamw":
        return f"keras.optimizers.AdamW({given}, weight_decay={decay!r}, epsilon=1e-8)"
    return f"keras.optimizers.Adam({given}, epsilon=1e-8)"


def epoch_factor(training: Mapping[str, Any]) -> str:
    """Return what the learning rate is multiplied by, as an expression of `epoch`, counted from 0.

    Raises:
        UserError: the schedule is one that steps otherwise.
    """
    scheduler_line(training)  # refuses what has no closed form
    if training["lr_schedule"] == "cosine":
        return f"(1 + math.cos(math.pi * epoch / {training['epochs']})) / 2"
    if training["lr_schedule"] == "step":
        return f"{training['lr_factor']!r} ** (epoch // {training['lr_step_epochs']})"
    return "1.0"


def left_out(training: Mapping[str, Any], defaults: Mapping[str, Any], lacks: Sequence[str] = ()) -> Iterator[str]:
    """Yield what the study's training has and the code has not; `lacks`: fields that only this framework's lacks."""
    if training["patience"] is not None:
        yield f"the best epoch on validation images, and stopping after {training['patience']} without a better one"
    for name, value in training.items():
        if (name not in _SAID or name in lacks) and name != "patience" and value != defaults.get(name):
            yield f"{name}: {value}"
