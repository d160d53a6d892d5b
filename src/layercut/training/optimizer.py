"""Optimizers by name, and what is done to gradients before a step."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor

from layercut.training.config import TrainingConfig
from layercut.training.handling import PLAIN, Handling

_CLIP_EPSILON = 1e-6
"""As in `torch.nn.utils.clip_grad_norm_`."""


def build_optimizer(
    parameters: Iterable[tuple[str, Tensor]], config: TrainingConfig, handling: Handling = PLAIN
) -> torch.optim.Optimizer:
    """Return the optimizer over those of named parameters that are trained (`requires_grad`).

    Each learns at its own factor of the rate, and is pulled back to its present value where `handling` says so.

    The first group is the one with the training's own rate: the head is always new.

    Raises:
        ValueError: no such optimizer.
    """
    trained = [(name, parameter) for name, parameter in parameters if parameter.requires_grad]
    optimizer = _make(_groups(trained, config, handling), config)
    pulled = [(value, value.detach().clone()) for name, value in trained if name in handling.pulled and handling.pull]
    if pulled:
        optimizer.register_step_pre_hook(lambda *_: _pull(pulled, handling.pull))
    return optimizer


def _make(groups: list[dict[str, object]], config: TrainingConfig) -> torch.optim.Optimizer:
    lr, weight_decay = config.lr, config.weight_decay
    if config.optimizer == "adam":
        return torch.optim.Adam(groups, lr=lr, weight_decay=weight_decay, fused=True)
    if config.optimizer == "adamw":
        return torch.optim.AdamW(groups, lr=lr, weight_decay=weight_decay, fused=True)
    if config.optimizer == "sgd":
        return torch.optim.SGD(
            groups, lr=lr, momentum=config.momentum, weight_decay=weight_decay, nesterov=config.nesterov, fused=True
        )
    raise ValueError(f"expected an optimizer of spec/training.py; got {config.optimizer!r}")


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


def _groups(
    parameters: list[tuple[str, Tensor]], config: TrainingConfig, handling: Handling
) -> list[dict[str, object]]:
    by_factor: dict[float, list[Tensor]] = {1.0: []}
    for name, parameter in parameters:
        by_factor.setdefault(handling.rates.get(name, 1.0), []).append(parameter)
    plain = by_factor.pop(1.0)
    scaled = [{"params": values, "lr": config.lr * factor} for factor, values in by_factor.items()]
    return [{"params": plain}, *scaled]


def _pull(pulled: list[tuple[Tensor, Tensor]], strength: float) -> None:
    """Add the gradient of a penalty on the distance from where each parameter began."""
    for parameter, beginning in pulled:
        if parameter.grad is not None:
            parameter.grad.add_(parameter.detach() - beginning, alpha=strength)
