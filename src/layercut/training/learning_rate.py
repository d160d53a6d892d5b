"""The learning rate over a training: torch's own schedulers, each stepped at the right time.

`plateau`, `cosine` and `step` change the rate after a round (an epoch, unless the study counts in steps:
`training/rounds.py`), `one_cycle` after every step. A warm-up multiplies the
rate by 1/(n+1), 2/(n+1), ... in its n steps, beside whatever the schedule does.
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
from layercut.training.rounds import Rounds
from layercut.training.schedule import Schedule


class LearningRate:
    """Follows one training and sets the rate of its optimizer, the same factor for every group of parameters."""

    def __init__(
        self, optimizer: torch.optim.Optimizer, schedule: Schedule, rounds: Rounds, steps_an_epoch: int
    ) -> None:
        self._optimizer = optimizer
        self._after_step: list[LRScheduler] = []
        self._after_round: list[LRScheduler] = []
        self._plateau: ReduceLROnPlateau | None = None
        self._watch = schedule.lr_watch
        if schedule.lr_schedule == "plateau":
            self._plateau = ReduceLROnPlateau(
                optimizer,
                mode="min" if schedule.lr_watch == "loss" else "max",
                factor=schedule.lr_factor,
                patience=schedule.lr_patience,
            )
        elif schedule.lr_schedule == "cosine":
            self._after_round.append(CosineAnnealingLR(optimizer, rounds.number))
        elif schedule.lr_schedule == "step":
            self._after_round.append(StepLR(optimizer, schedule.lr_step_epochs or 1, schedule.lr_factor))
        elif schedule.lr_schedule == "one_cycle":
            self._after_step.append(_one_cycle(optimizer, rounds.num_steps(steps_an_epoch)))
        warmup_steps = schedule.warmup_steps or schedule.warmup_epochs * steps_an_epoch
        if warmup_steps:
            self._after_step.append(LinearLR(optimizer, 1 / (warmup_steps + 1), total_iters=warmup_steps))
        self.last = schedule.lr
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
