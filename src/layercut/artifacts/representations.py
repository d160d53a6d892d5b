"""Representations of a few images at the layers of a source, for figures: positions, clusters and distances."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import safetensors
import safetensors.numpy
from numpy.typing import NDArray

from layercut.artifacts.writing import CARD, artifact_folder, write_artifact
from layercut.errors import DataError
from layercut.keys import content_key

_FOLDER = "representations"
_ARRAYS = "arrays.safetensors"


class Representation(NamedTuple):
    """One layer of one of the two models."""

    model: str
    """`source`, or `reference`: the model that was trained on the target."""
    layer: str


class KeptArrays(NamedTuple):
    """What is computed of n images at the l layers of a source and, below these, the layers of its reference."""

    labels: NDArray[np.int64]
    """Int64 "n", each a position in the class names."""
    places: NDArray[np.float32]
    """Float32 "l n 2", within -1..1: t-SNE; NaN for a layer that has none."""
    clusters: NDArray[np.int64]
    """Int64 "l n": K-means, as many clusters as classes; -1 for a layer that has none."""
    dissimilarities: NDArray[np.float16]
    """Float16 "m n n": 1 - Pearson between the images at each representation, as RSA has it; NaN where unknown."""
    distances: NDArray[np.float64]
    """Float64 "m m": 1 - Spearman between the dissimilarities of two representations; NaN where unknown."""


@dataclass(frozen=True)
class KeptRepresentations:
    """What was kept of the layers of one source, with the images of one task; arrays are read when asked for."""

    folder: Path
    card: dict[str, Any]

    @property
    def layers(self) -> tuple[str, ...]:
        """Return the layers of the source, in the model's order."""
        return tuple(self.card["layers"])

    @property
    def class_names(self) -> tuple[str, ...]:
        """Return the names of the classes of the images."""
        return tuple(map(str, self.card["class_names"]))

    @property
    def representations(self) -> tuple[Representation, ...]:
        """Return what the dissimilarities and distances are between, in their order."""
        of_source = (Representation("source", layer) for layer in self.layers)
        return (*of_source, *(Representation("reference", layer) for layer in self.card["reference_layers"]))

    def array(self, name: str) -> NDArray[Any]:
        """Return one of the arrays of `KeptArrays`.

        Raises:
            DataError: the file is damaged.
        """
        try:
            with safetensors.safe_open(self.folder / _ARRAYS, framework="numpy") as file:
                found: NDArray[Any] = file.get_tensor(name)
                return found
        except (OSError, safetensors.SafetensorError) as error:
            raise DataError(
                f"cannot read {self.folder / _ARRAYS}: {error}; delete the folder and run the study again"
            ) from error


def representations_name(source: str, target: str, model: str) -> str:
    """Return the key in `artifacts/` of what is kept of one source, target and model, by their labels.

    A study that later looks at other images replaces it.
    """
    return f"{_FOLDER}/{content_key('representations', [source, target, model])}"


def holds_representations(output_dir: Path, name: str, key: str) -> bool:
    """Return whether what the job of this key makes is there."""
    folder = artifact_folder(output_dir, name)
    try:
        card = json.loads((folder / CARD).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return isinstance(card, dict) and card.get("key") == key and (folder / _ARRAYS).is_file()


def write_representations(output_dir: Path, name: str, card: Mapping[str, Any], arrays: KeptArrays) -> Path:
    """Write what is kept of one source and return its folder.

    Raises:
        StorageFullError: the disk is full.
    """
    content = {key: np.ascontiguousarray(value) for key, value in arrays._asdict().items()}
    return write_artifact(output_dir, name, card, {_ARRAYS: partial(safetensors.numpy.save_file, content)})


def kept_representations(output_dir: str | Path) -> list[KeptRepresentations]:
    """Return what is kept of the layers of a study's sources, by source, target and model.

    Raises:
        DataError: a card is damaged.
    """
    found = list(_read(Path(output_dir).expanduser()))
    return sorted(found, key=lambda kept: [str(kept.card[name]) for name in ("source", "target", "model")])


def _read(output_dir: Path) -> Iterator[KeptRepresentations]:
    needed = {"key", "source", "target", "model", "layers", "reference_layers", "class_names", "probes"}
    for path in (output_dir / "artifacts" / _FOLDER).glob(f"[!.]*/{CARD}"):
        try:
            card = json.loads(path.read_text(encoding="utf-8"))
            missing = needed - card.keys()
        except (OSError, ValueError, AttributeError) as error:
            raise DataError(f"cannot read {path}: {error}; delete its folder and run the study again") from error
        if missing:
            raise DataError(
                f"cannot read {path}: it lacks {', '.join(sorted(missing))}; delete its folder and run the study again"
            )
        yield KeptRepresentations(path.parent, card)
