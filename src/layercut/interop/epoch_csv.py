"""Curves as comma-separated values: `transfer_learning_logs.csv`, a row for each training and epoch.

Reference:
    The log of "Transfer Learning from CIFAR-10 to CIFAR-100 and SVHN" (project_351). We differ in that losses and
    accuracies of an epoch are the validation images', never the test images'.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from layercut.files import explained
from layercut.records import EpochPoint

if TYPE_CHECKING:
    import pandas as pd

FILE_NAME = "transfer_learning_logs.csv"
COLUMNS = ("epoch", "train_loss", "validation_loss", "validation_accuracy", "learning_rate")
"""Of the log, behind the training's name."""


def curve_table(curve: Iterable[EpochPoint]) -> pd.DataFrame:
    """Return a row for each epoch; accuracies are in 0..1, empty where an epoch was not validated.

    `validation_score` is the study's metric, and is there where that is not accuracy.
    """
    import pandas as pd  # noqa: PLC0415 - pandas is for studies that ask for it

    points = list(curve)
    scored = any(point.validation_score is not None for point in points)
    columns = (*COLUMNS, "train_accuracy", *(["validation_score"] if scored else []))
    return pd.DataFrame({column: [getattr(point, column) for point in points] for column in columns})


class EpochCsv:
    """Rewrites the log from the first training on."""

    def __init__(self, output_dir: Path) -> None:
        """Begin the file.

        Raises:
            UserError: it cannot be written.
        """
        path = output_dir / FILE_NAME
        with explained(path):
            self._file = path.open("w", encoding="utf-8", newline="")
        self._file.write(",".join(("name", *COLUMNS)) + "\n")

    def add(
        self, name: str, curve: Iterable[EpochPoint], metrics: Mapping[str, float], design: Mapping[str, str | float]
    ) -> None:
        """Write the epochs of one training."""
        table = curve_table(curve)[list(COLUMNS)]
        table.insert(0, "name", name)
        table.to_csv(self._file, index=False, header=False)

    def close(self) -> None:
        """Finish the file."""
        self._file.close()
