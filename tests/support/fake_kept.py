"""What a study kept of its trials, made up: pictures, predictions and feature maps of every condition."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import safetensors.numpy

from layercut.artifacts import KeptImages, KeptTrial, write_artifact
from layercut.artifacts.reading import FeatureMaps, KeptExamples
from layercut.artifacts.tasks import write_images

CLASSES = ("ant", "bee", "<b>cat</b>")
_IMAGES = np.random.default_rng(0).integers(0, 256, (30, 1, 6, 6), dtype=np.uint8)
_LABELS = np.arange(30) % 3


class FakeKept(KeptTrial):
    """A kept trial without files; the worse it is, the more of its 30 predictions are wrong."""

    def predictions(self) -> pd.DataFrame:
        """Return as many wrong predictions as its accuracy says."""
        wrong = np.arange(30) < round(30 * (1 - self.card["metrics"]["test_accuracy"]))
        return pd.DataFrame({"image": np.arange(30), "label": _LABELS, "predicted": np.where(wrong, 0, _LABELS)})

    def examples(self) -> KeptExamples:
        """Return the first image of each class, the last one taken for the first."""
        return KeptExamples(_IMAGES[:3], _LABELS[:3], np.array([0, 1, 0]))

    @property
    def has_feature_maps(self) -> bool:
        """Whether there are maps: always."""
        return True

    def feature_maps(self) -> FeatureMaps:
        """Return twelve channels."""
        return FeatureMaps(_IMAGES[0], 0, np.random.default_rng(1).normal(size=(12, 4, 4)).astype(np.float32))


def fake_kept(results: pd.DataFrame) -> list[KeptTrial]:
    """Return the first finished replicate of each condition."""
    done = results[results["status"] == "finished"].sort_values(["replicate", "strategy", "cut"], kind="stable")
    return [
        FakeKept(
            Path("nowhere"),
            {
                "kept": ["predictions"],
                "condition": row.condition,
                "strategy": row.strategy,
                "cut": row.cut,
                "cutless": row.cutless,
                "fraction": row.fraction,
                "replicate": row.replicate,
                "class_names": list(CLASSES),
                "metrics": {"test_accuracy": row.test_accuracy},
            },
        )
        for row in done.drop_duplicates("condition").itertuples()
    ]


def write_kept(folder: Path, results: pd.DataFrame) -> None:
    """Write what `fake_kept` and `fake_images` give as the artifacts of an output directory."""
    for number, kept in enumerate(fake_kept(results)):
        examples, maps = kept.examples()._asdict(), kept.feature_maps()
        image: dict[str, Any] = {"image": maps.image, "label": np.array([maps.label]), "maps": maps.maps}
        names = {"source": "", "target": "", "model": "", "key": str(number)}
        write_artifact(
            folder,
            str(number),
            {**kept.card, **names, "cut": int(kept.card["cut"]), "replicate": int(kept.card["replicate"])},
            {
                "predictions.csv": partial(kept.predictions().to_csv, index=False),
                "examples.safetensors": partial(safetensors.numpy.save_file, examples),
                "feature_maps.safetensors": partial(safetensors.numpy.save_file, image),
            },
        )
    for images in fake_images(results):
        write_images(folder, images)


def fake_images(results: pd.DataFrame) -> list[KeptImages]:
    """Return images of every source and target."""
    labels = pd.unique(results[["source", "target"]].to_numpy().ravel()) if len(results) else []
    return [KeptImages(str(label), frozenset([str(label)]), CLASSES, _IMAGES[:6], _LABELS[:6]) for label in labels]
