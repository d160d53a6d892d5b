"""What a study kept of the layers of its sources, made up: classes that come apart from layer to layer."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from layercut.artifacts import KeptRepresentations
from layercut.artifacts.representations import KeptArrays, representations_name, write_representations
from layercut.stats import contexts

CLASSES = ("ant", "bee", "<b>cat</b>")
NUM_IMAGES = 30


class FakeRepresentations(KeptRepresentations):
    """Kept representations without files."""

    def __init__(self, card: dict[str, Any], arrays: KeptArrays) -> None:
        super().__init__(Path("nowhere"), card)
        self.__dict__["arrays"] = arrays

    def array(self, name: str) -> Any:
        """Return an array."""
        return getattr(self.__dict__["arrays"], name)


def made_up(
    layers: tuple[str, ...] = ("input", "conv0", "conv1", "output"),
    reference_layers: tuple[str, ...] = ("conv0", "conv1", "output"),
    labels: Any = None,
    **card: Any,
) -> FakeRepresentations:
    """Return representations; `card`: what its card says otherwise."""
    generator = np.random.default_rng(0)
    labels = np.arange(NUM_IMAGES) % 3 if labels is None else np.asarray(labels)
    number, both = len(labels), len(layers) + len(reference_layers)
    features = [generator.normal(size=(number, 8)) + step * np.eye(8)[labels % 8] for step in range(both)]
    matrices = np.stack([1 - np.corrcoef(rows) for rows in features])
    flat = matrices[:, *np.triu_indices(number, 1)].argsort(axis=1).argsort(axis=1)
    arrays = KeptArrays(
        labels=labels,
        places=np.stack([rows[:, :2] / np.abs(rows[:, :2]).max() for rows in features[: len(layers)]]).astype(
            np.float32
        ),
        clusters=np.tile((labels + 1) % (labels.max() + 1), (len(layers), 1)),
        dissimilarities=matrices.astype(np.float16),
        distances=np.round(1 - np.corrcoef(flat), 12),
    )
    about: dict[str, Any] = {
        "source": "s",
        "target": "t",
        "model": "m",
        "images": "t",
        "split": "train",
        "fraction": 0.1,
        "num_images": number,
        "class_names": list(CLASSES),
        "layers": list(layers),
        "reference_layers": list(reference_layers),
        "probes": ["k"],
    }
    return FakeRepresentations(about | card, arrays)


def fake_representations(results: pd.DataFrame) -> list[KeptRepresentations]:
    """Return representations of the source of every context."""
    found = contexts(results) if len(results) else []
    return [made_up(source=one.source, target=one.target, model=one.model) for one, _ in found]


def write_made_up(folder: Path, results: pd.DataFrame, probe_key: Callable[[str], str]) -> None:
    """Write what `fake_representations` gives as artifacts; `probe_key`: of a probe of a source, from its name."""
    for one, _ in contexts(results):
        name = representations_name(one.source, one.target, one.model)
        probes = [probe_key(one.source)]
        made = made_up(source=one.source, target=one.target, model=one.model, probes=probes, key=name)
        write_representations(folder, name, made.card, made.__dict__["arrays"])
