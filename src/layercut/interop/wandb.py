"""Weights & Biases: a run of the project for each training, in `wandb/` of the output directory.

Offline unless `WANDB_MODE` says otherwise; `wandb sync RUN/wandb/offline-run-*` uploads them. A training that was
written whole is left alone, so a resumed study adds what is new.
"""

from __future__ import annotations

import importlib
import math
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from layercut.keys import content_key
from layercut.records import EpochPoint

FOLDER = "wandb"
_VALUES = ("train_loss", "validation_loss", "train_accuracy", "validation_accuracy", "learning_rate")


class WandbLog:
    """Writes a run for each training."""

    def __init__(self, output_dir: Path, study: str) -> None:
        self._wandb: Any = importlib.import_module("wandb")
        self._output_dir, self._study = output_dir, study
        (output_dir / FOLDER).mkdir(parents=True, exist_ok=True)

    def add(
        self, name: str, curve: Iterable[EpochPoint], metrics: Mapping[str, float], design: Mapping[str, str | float]
    ) -> None:
        """Write one training, unless it is there."""
        key = content_key("wandb", [self._study, name])
        whole = self._output_dir / FOLDER / f".whole-{key}"
        if whole.exists():
            return
        run = self._wandb.init(
            mode=os.environ.get("WANDB_MODE", "offline"),
            dir=str(self._output_dir),
            project=os.environ.get("WANDB_PROJECT", self._study),
            name=name,
            id=key,
            config=dict(design),
            settings=self._wandb.Settings(
                silent=True, console="off", disable_git=True, save_code=False, x_disable_stats=True
            ),
        )
        for point in curve:
            values = {field: getattr(point, field) for field in _VALUES}
            run.log({field: value for field, value in values.items() if value is not None}, step=point.epoch)
        run.summary.update({field: value for field, value in metrics.items() if math.isfinite(value)})
        run.finish()
        whole.touch()

    def close(self) -> None:
        """Finish; every run is complete already."""
