"""How a model is trained."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from layercut.spec.base import StrictSpec


class TrainingSpec(StrictSpec):
    """One training: optimizer, length, stopping."""

    optimizer: Literal["adam"] = Field(default="adam", description="The optimizer.")
    lr: float = Field(default=1e-3, gt=0, description="Learning rate.")
    weight_decay: float = Field(default=0.0, ge=0, description="L2 penalty added to the gradient.")
    epochs: int = Field(default=40, ge=1, description="Epochs at the most.")
    patience: int | None = Field(
        default=6,
        ge=1,
        description="Stop after so many epochs without a better validation accuracy; null: never stop early.",
    )
    batch_size: int = Field(default=64, ge=1, description="Images a step.")
    validate_epochs: Literal["all", "as_needed"] = Field(
        default="all",
        description="as_needed validates only what decides which epoch is the best: the same best epoch, end and "
        "weights with less work where validation images are many, but most epochs have no validation values in the "
        "curve.",
    )
    classification_report: bool = Field(
        default=False, description="Keep precision, recall and F1 of each class on the test images."
    )


class PretrainingSpec(TrainingSpec):
    """Training of the source model."""

    val_split: float = Field(
        default=0.1, gt=0, lt=1, description="Share of the source's training images kept for validation."
    )
    threads: int | None = Field(
        default=None,
        ge=1,
        description="Processor threads; null: all cores. Part of the key: it changes last bits.",
    )
