"""How one model is trained: what a study file says of it, resolved to plain values that no later stage changes.

A new field of `spec/training.py` needs one line here, under the same name; it then reaches the loop, and the keys of
trials where its value is not the default (`plan/canonical.py`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from layercut.metrics import ACCURACY, Metric
from layercut.training.augment import Step
from layercut.training.class_weights import ClassWeights
from layercut.training.precision import Precision
from layercut.training.rounds import Rounds, rounds_of_epochs, rounds_of_steps


@dataclass(frozen=True)
class TrainingConfig:
    """The configuration of one training; `spec/training.py` describes the fields of its names."""

    optimizer: str
    lr: float
    weight_decay: float
    epochs: int
    patience: int | None
    """Evaluations without a better validation accuracy before stopping; None: never."""
    batch_size: int
    precision: Precision = "float32"
    momentum: float = 0.0
    nesterov: bool = False
    target_accuracy: float | None = None
    lr_schedule: str = "none"
    lr_factor: float = 0.1
    lr_patience: int = 10
    lr_watch: Literal["loss", "accuracy"] = "loss"
    patience_watch: Literal["accuracy", "loss"] = "accuracy"
    restore_best_weights: bool = True
    lr_step_epochs: int | None = None
    warmup_epochs: int = 0
    warmup_steps: int = 0
    clip_norm: float | None = None
    label_smoothing: float = 0.0
    class_weights: ClassWeights = None
    kept_lr_scale: float = 1.0
    layer_decay: float = 0.75
    pull: float = 0.01
    unfreeze_every: int = 1
    adapt_norms: bool = False
    freeze_norm_statistics: bool = False
    validate_epochs: Literal["all", "as_needed"] = "all"
    log_points: tuple[str, ...] = ()
    checkpoints: tuple[str, ...] = ()
    """Points at which the weights are kept besides those that training ends with."""
    single_joined: bool = False
    """A last batch of one example is part of the batch before it (`plan/single_image.py` says where)."""
    steps: int | None = None
    """Maximum number of steps, in place of epochs."""
    min_steps: int | None = None
    """Training continues for at least this many steps."""
    evaluations: int = 20
    """Into how many rounds `steps` are divided."""
    augmentation: tuple[Step, ...] = ()
    """What is done to training images, in order (`training/augment.py`)."""
    classification_report: bool = False
    mean: tuple[float, ...] = ()
    """What pixels are scaled by, with `std`: one number, or one a channel; empty: not known before data are read."""
    std: tuple[float, ...] = ()
    metric: Metric = ACCURACY
    """By which the best epoch is chosen, and patience waits; that of the study, for its trials."""

    def rounds(self, num_examples: int) -> Rounds:
        """Return how long a training on so many examples is."""
        if self.steps is not None:
            return rounds_of_steps(self.steps, self.evaluations)
        return rounds_of_epochs(self.epochs, self.min_steps, len(self.batch_sizes(num_examples)))

    def batch_sizes(self, num_examples: int) -> list[int]:
        """Return how many examples each step of an epoch sees."""
        full, rest = divmod(num_examples, self.batch_size)
        sizes = [self.batch_size] * full
        if rest == 1 and full and self.single_joined:
            return [*sizes[:-1], self.batch_size + 1]
        return [*sizes, rest] if rest else sizes
