"""The learning rate over a training: torch's own schedulers, each stepped at the right time.

`plateau`, `cosine` and `step` change the rate after a round (an epoch, unless the study counts in steps:
`training/rounds.py`), `one_cycle` after every step. A warm-up multiplies the
rate by 1/(n+1), 2/(n+1), ... in its n steps, beside whatever the config does.
"""

from __future__ import annotations

import torch
from torch.optim.lr_scheduler import (
    CosineAnnealingLR,
    LinearLR,
    LRScheduler,
    OneCycleLR,
    ReduceLROnPlateau,
    StepLR,
)

from layercut.records import EpochPoint
from layercut.training.config import TrainingConfig
from layercut.training.rounds import Rounds


class LearningRate:
    """Follows one training and sets the rate of its optimizer, the same factor for every group of parameters."""

    def __init__(
        self, optimizer: torch.optim.Optimizer, config: TrainingConfig, rounds: Rounds, steps_an_epoch: int
    ) -> None:
        self._optimizer = optimizer
        self._after_step: list[LRScheduler] = []
        self._after_round: list[LRScheduler] = []
        self._plateau: ReduceLROnPlateau | None = None
        self._watch = config.lr_watch
        if config.lr_schedule == "plateau":
            self._plateau = ReduceLROnPlateau(
                optimizer,
                mode="min" if config.lr_watch == "loss" else "max",
                factor=config.lr_factor,
                patience=config.lr_patience,
            )
        elif config.lr_schedule == "cosine":
            self._after_round.append(CosineAnnealingLR(optimizer, rounds.number))
        elif config.lr_schedule == "step":
            self._after_round.append(StepLR(optimizer, config.lr_step_epochs or 1, config.lr_factor))
        elif config.lr_schedule == "one_cycle":
            self._after_step.append(_one_cycle(optimizer, rounds.num_steps(steps_an_epoch)))
        warmup_steps = config.warmup_steps or config.warmup_epochs * steps_an_epoch
        if warmup_steps:
            self._after_step.append(LinearLR(optimizer, 1 / (warmup_steps + 1), total_iters=warmup_steps))
        self.last = config.lr
        """Rate of the last step, for what is new."""

    def after_step(self) -> None:
        """Advance to the next step."""
        self.last = float(self._optimizer.param_groups[0]["lr"])
        for scheduler in self._after_step:
            scheduler.step()

    def after_round(self, point: EpochPoint) -> None:
        """Advance to the next round; without validation images a plateau is never seen."""
        for scheduler in self._after_round:
            scheduler.step()
        watched = point.validation_loss if self._watch == "loss" else point.judged
        if self._plateau is not None and watched is not None:
            self._plateau.step(watched)


def _one_cycle(optimizer: torch.optim.Optimizer, num_steps: int) -> OneCycleLR:
    """The momentum stays what the study file says; torch would cycle it too."""
    peaks = [group["lr"] for group in optimizer.param_groups]
    return OneCycleLR(optimizer, peaks, total_steps=num_steps, cycle_momentum=False)
