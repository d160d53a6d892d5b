"""TensorBoard event files, with PyTorch's own writer.

A training is a folder below `tensorboard/`: scalars by epoch, final accuracies, and the design point as
hyperparameters. A folder that is there already is left alone, so a resumed study adds what is new.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from layercut.errors import UserError
from layercut.records import EpochPoint
from layercut.spec.extras import NO_TENSORBOARD

FOLDER = "tensorboard"

_TAGS = {
    "train_loss": "Loss/train",
    "validation_loss": "Loss/validation",
    "train_accuracy": "Accuracy/train",
    "validation_accuracy": "Accuracy/validation",
    "validation_score": "Metric/validation",
    "learning_rate": "Learning rate",
}


class TensorBoardLog:
    """Writes a folder for each training.

    Raises:
        UserError: TensorBoard is not installed.
    """

    def __init__(self, output_dir: Path) -> None:
        self._folder = output_dir / FOLDER
        self._writer_class = _import_writer()

    def add(
        self, name: str, curve: Iterable[EpochPoint], metrics: Mapping[str, float], design: Mapping[str, str | float]
    ) -> None:
        """Write one training, unless its folder is there."""
        folder = self._folder / folder_name(name)
        if folder.exists():
            return
        points = list(curve)
        with self._writer_class(str(folder)) as writer:
            for point in points:
                for field, tag in _TAGS.items():
                    value = getattr(point, field)
                    if value is not None:
                        writer.add_scalar(tag, value, point.epoch)
            last = points[-1].epoch if points else 0
            shown = {f"Final/{metric}": value for metric, value in metrics.items() if math.isfinite(value)}
            for tag, value in shown.items():
                writer.add_scalar(tag, value, last)
            if design:
                writer.add_hparams(dict(design), shown, run_name=".", global_step=last)

    def close(self) -> None:
        """Finish; every folder is complete already."""


def add_pictures(output_dir: Path, pictures: Iterable[Path]) -> None:
    """Put rendered figures (PNG files) beside the scalars of a study, in place of earlier ones.

    Raises:
        UserError: TensorBoard is not installed.
    """
    from matplotlib.image import imread  # noqa: PLC0415 - only where a study asks for it

    folder = output_dir / FOLDER / "figures"
    for earlier in folder.glob("events.out.tfevents.*"):
        earlier.unlink()
    with _import_writer()(str(folder)) as writer:
        for path in pictures:
            writer.add_image(path.stem, imread(path)[:, :, :3], dataformats="HWC")


def folder_name(name: str) -> str:
    """Return a training's name as a path of harmless parts."""
    parts = [re.sub(r"[^\w.,=@+-]+", "_", part).strip("._") for part in name.split("/")]
    return "/".join(part for part in parts if part) or "training"


def _import_writer() -> Any:
    try:
        from torch.utils.tensorboard import SummaryWriter  # noqa: PLC0415 - an extra, and it imports torch
    except ImportError as error:
        raise UserError(NO_TENSORBOARD) from error
    return SummaryWriter
