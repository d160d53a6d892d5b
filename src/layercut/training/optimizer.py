"""Optimizers by name, and what is done to gradients before they step."""

from __future__ import annotations

from collections.abc import Collection, Iterable

import torch
from torch import Tensor

from layercut.training.schedule import Schedule

_CLIP_EPSILON = 1e-6
"""As in `torch.nn.utils.clip_grad_norm_`."""


def build_optimizer(
    parameters: Iterable[tuple[str, Tensor]], schedule: Schedule, kept: Collection[str] = (), recorded: bool = False
) -> torch.optim.Optimizer:
    """Return the optimizer over those of named parameters that are trained (`requires_grad`).

    Those in `kept` learn at `kept_lr_scale` times the rate.

    `recorded`: its steps will be part of a CUDA graph.

    The first group is the one with the schedule's own rate: the head is always new.

    Raises:
        ValueError: no such optimizer.
    """
    trained = [(name, parameter) for name, parameter in parameters if parameter.requires_grad]
    groups = _groups(trained, schedule, kept)
    lr, weight_decay = schedule.lr, schedule.weight_decay
    if schedule.optimizer == "adam":
        return torch.optim.Adam(groups, lr=lr, weight_decay=weight_decay, fused=True, capturable=recorded)
    if schedule.optimizer == "adamw":
        return torch.optim.AdamW(groups, lr=lr, weight_decay=weight_decay, fused=True, capturable=recorded)
    if schedule.optimizer == "sgd":
        return torch.optim.SGD(
            groups, lr=lr, momentum=schedule.momentum, weight_decay=weight_decay, nesterov=schedule.nesterov, fused=True
        )
    raise ValueError(f"expected an optimizer of spec/training.py; got {schedule.optimizer!r}")


def clip_gradients(parameters: Iterable[Tensor], max_norm: float) -> None:
    """Scale the gradients of one model down where their norm, all together, is larger."""
    torch.nn.utils.clip_grad_norm_(parameters, max_norm)


def clip_member_gradients(parameters: Iterable[Tensor], max_norm: float) -> None:
    """Do the same to each member of a stack by itself: a member's norm is over its own share of each parameter.

    parameters: Float "members ..." each.
    """
    gradients = [parameter.grad for parameter in parameters if parameter.grad is not None]
    norms = torch.stack([gradient.flatten(1).norm(dim=1) for gradient in gradients], dim=1).norm(dim=1)
    scales = (max_norm / (norms + _CLIP_EPSILON)).clamp(max=1.0)
    for gradient in gradients:
        gradient.mul_(scales.view(-1, *[1] * (gradient.dim() - 1)))


def _groups(parameters: list[tuple[str, Tensor]], schedule: Schedule, kept: Collection[str]) -> list[dict[str, object]]:
    if schedule.kept_lr_scale == 1:
        kept = ()
    new = [parameter for name, parameter in parameters if name not in kept]
    old = [parameter for name, parameter in parameters if name in kept]
    groups: list[dict[str, object]] = [{"params": new}]
    return [*groups, {"params": old, "lr": schedule.lr * schedule.kept_lr_scale}] if old else groups
