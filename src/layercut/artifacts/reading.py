"""Read kept trials as tables and arrays for figures, without torch."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import safetensors
import safetensors.numpy
from numpy.typing import NDArray

from layercut.artifacts.writing import CARD
from layercut.errors import DataError

if TYPE_CHECKING:
    import pandas as pd


class KeptExamples(NamedTuple):
    """One test image of each class."""

    images: NDArray[np.uint8]
    """UInt8 "classes c h w"."""
    labels: NDArray[np.int64]
    predicted: NDArray[np.int64]


class FeatureMaps(NamedTuple):
    """What the first block makes of one test image."""

    image: NDArray[np.uint8]
    """UInt8 "c h w"."""
    label: int
    maps: NDArray[np.float32]
    """Float32 "channels h w"."""


@dataclass(frozen=True)
class KeptTrial:
    """What was kept of one trial."""

    folder: Path
    card: dict[str, Any]
    """Study, design point, metrics, classes, model; see `docs/kept-trials.md`."""

    def predictions(self) -> pd.DataFrame:
        """Return a row for each test image: `image` (position in the task's test images), `label`, `predicted`."""
        return self._table("predictions.csv")

    def curve(self) -> pd.DataFrame:
        """Return a row for each epoch."""
        return self._table("curve.csv")

    def examples(self) -> KeptExamples:
        """Return one test image of each class, with what it is and what it was taken for."""
        arrays = self._arrays("examples.safetensors")
        return KeptExamples(arrays["images"], arrays["labels"], arrays["predicted"])

    @property
    def has_feature_maps(self) -> bool:
        """Whether the first block gave maps, and they are kept."""
        return (self.folder / "feature_maps.safetensors").is_file()

    def feature_maps(self) -> FeatureMaps:
        """Return the first block's feature maps of the first example."""
        arrays = self._arrays("feature_maps.safetensors")
        return FeatureMaps(arrays["image"], int(arrays["label"][0]), arrays["maps"])

    def _table(self, name: str) -> pd.DataFrame:
        import pandas as pd  # noqa: PLC0415 - workers, who write only, do without

        try:
            return pd.read_csv(self.folder / name)
        except (OSError, ValueError) as error:
            raise self._unreadable(name, error) from error

    def _arrays(self, name: str) -> dict[str, NDArray[Any]]:
        try:
            return safetensors.numpy.load_file(self.folder / name)
        except (OSError, safetensors.SafetensorError) as error:
            raise self._unreadable(name, error) from error

    def _unreadable(self, name: str, error: Exception) -> DataError:
        return DataError(
            f"cannot read {self.folder / name}: {error}; the study kept {', '.join(self.card['kept'])} of this trial. "
            "Delete the folder and run the study again"
        )


_NEEDED = {"source", "target", "model", "strategy", "cut", "fraction", "replicate", "class_names"}
"""Entries of a card without which nothing can be said of its trial."""


def kept_trials(output_dir: str | Path) -> list[KeptTrial]:
    """Return what was kept of a study's trials, ordered by design point and replicate.

    Raises:
        DataError: a card is damaged.
    """
    found = []
    for path in sorted((Path(output_dir).expanduser() / "artifacts").glob(f"[!.]*/{CARD}")):
        found.append(read_kept(path.parent))
    order = ("source", "target", "model", "strategy", "cut", "fraction", "replicate")
    return sorted(found, key=lambda trial: [trial.card[name] for name in order])


def read_kept(folder: Path) -> KeptTrial:
    """Return one trial's artifact.

    Raises:
        DataError: there is none, or its card is damaged.
    """
    try:
        card = json.loads((folder / CARD).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise DataError(f"expected the folder of a kept trial with a {CARD}; {folder} has none: {error}") from error
    missing = _NEEDED - card.keys() if isinstance(card, dict) else _NEEDED
    if missing:
        raise DataError(
            f"{folder / CARD} is not the card of a kept trial: it lacks {', '.join(sorted(missing))}; delete the "
            "folder and run the study again"
        )
    return KeptTrial(folder, card)
