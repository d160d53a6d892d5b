"""A few training images of each task, shown beside a study's results."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import safetensors
import safetensors.numpy
from numpy.typing import NDArray

from layercut.artifacts.writing import write_artifact
from layercut.errors import DataError
from layercut.keys import content_key

_FOLDER = "tasks"
IMAGES_OF_A_CLASS = 2


@dataclass(frozen=True, eq=False)
class KeptImages:
    """The first training images of each class of a task."""

    label: str
    """Of the task."""
    used_as: frozenset[str]
    """Names under which sources and targets of the design use it."""
    class_names: tuple[str, ...]
    images: NDArray[np.uint8]
    """UInt8 "n c h w"."""
    labels: NDArray[np.int64]
    """Int64 "n", each a position in the class names."""


def first_of_each_class(labels: NDArray[np.int64], number: int = IMAGES_OF_A_CLASS) -> NDArray[np.intp]:
    """Return the positions of the first `number` images of each class, class by class.

    Example:
        >>> first_of_each_class(np.array([1, 0, 1, 1]), 2)
        array([1, 0, 2])
    """
    return np.concatenate([np.flatnonzero(labels == label)[:number] for label in np.unique(labels)])


def write_images(output_dir: Path, kept: KeptImages) -> Path:
    """Write the images of one task and return their folder.

    Raises:
        StorageFullError: the disk is full.
    """
    card = {"label": kept.label, "used_as": sorted(kept.used_as), "class_names": list(kept.class_names)}
    arrays: dict[str, NDArray[Any]] = {"images": np.ascontiguousarray(kept.images), "labels": kept.labels}
    files = {"images.safetensors": partial(safetensors.numpy.save_file, arrays)}
    return write_artifact(output_dir, f"{_FOLDER}/{content_key('task images', kept.label)}", card, files)


def kept_images(output_dir: str | Path) -> list[KeptImages]:
    """Return what is kept of the tasks of a study, by label; nothing where the study keeps no predictions.

    Raises:
        DataError: a file is damaged.
    """
    return sorted(_read(Path(output_dir).expanduser()), key=lambda kept: kept.label)


def _read(output_dir: Path) -> Iterable[KeptImages]:
    for path in (output_dir / "artifacts" / _FOLDER).glob("[!.]*/card.json"):
        try:
            card = json.loads(path.read_text(encoding="utf-8"))
            arrays = safetensors.numpy.load_file(path.with_name("images.safetensors"))
            names = tuple(map(str, card["class_names"]))
            yield KeptImages(card["label"], frozenset(card["used_as"]), names, arrays["images"], arrays["labels"])
        except (OSError, ValueError, KeyError, safetensors.SafetensorError) as error:
            raise DataError(f"cannot read {path.parent}: {error}; delete the folder and run the study again") from error
