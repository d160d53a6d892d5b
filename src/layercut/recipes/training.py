"""A training of a study in lines of PyTorch."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from layercut.errors import UserError

_SAID = {
    "optimizer", "lr", "weight_decay", "momentum", "nesterov", "epochs", "batch_size", "lr_schedule", "lr_factor",
    "lr_step_epochs", "clip_norm", "label_smoothing", "kept_lr_scale", "log_points", "validate_epochs",
    "classification_report", "layer_decay", "pull", "evaluations", "lr_patience", "lr_watch", "patience_watch",
    "unfreeze_every",
}  # fmt: skip
"""Fields that the code has, or that change nothing in it."""


def optimizer_line(training: Mapping[str, Any]) -> str:
    """Return a call that makes the optimizer of `groups`.

    Raises:
        UserError: the head was solved, so there was no training.
    """
    if not training:
        raise UserError("there is no recipe for a head that was solved, not trained; name another condition")
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


def left_out(training: Mapping[str, Any], defaults: Mapping[str, Any]) -> Iterator[str]:
    """Yield what the study's training has and the code has not."""
    if training["patience"] is not None:
        yield f"the best epoch on validation images, and stopping after {training['patience']} without a better one"
    for name, value in training.items():
        if name not in _SAID and name != "patience" and value != defaults.get(name):
            yield f"{name}: {value}"
