"""Folders as people have them, made of real photographs."""

from __future__ import annotations

from pathlib import Path

from layercut.data.cache import load_dataset
from layercut.data.reading import dataset_notes


def test_ants_and_bees_are_used_as_they_are(shared_data: Path, tmp_path: Path) -> None:
    options = {"path": str(shared_data / "ants-bees"), "image_size": 8}
    loaded = load_dataset("folder", options, tmp_path, tmp_path, False)
    assert loaded.class_names == ("ants", "bees")
    assert (sum(loaded.info().train_counts), sum(loaded.info().test_counts)) == (245, 153)
    assert dataset_notes("folder", options, tmp_path) == ("ants-bees: there is no test set, so val/ is the test set",)
