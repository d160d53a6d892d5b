"""Images that no score was made for: a study with every probe finishes, and says which scores have no value."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from layercut import run_study
from layercut.errors import SpecError
from layercut.ledger import Ledger
from layercut.probes import PROBES
from support.tiny import tiny_study

NUM_CLASSES = 3


def write_folder(folder, images_of):
    """Write grey images of 8 x 8 pixels; `images_of`: split and class -> list of arrays."""
    for split in ("train", "test"):
        for label in range(NUM_CLASSES):
            place = folder / split / f"class{label}"
            place.mkdir(parents=True)
            for number, pixels in enumerate(images_of(split, label)):
                Image.fromarray(pixels.astype(np.uint8)).save(place / f"{number}.png")


def noise(seed):
    """Return one image."""
    return np.random.default_rng(seed).integers(0, 256, (8, 8))


def duplicated(split, label):
    """Return the same image eight times."""
    return [noise(label + 10 * (split == "test"))] * 8


def all_equal(split, label):
    """Return the same image in every class."""
    return [noise(99 if split == "test" else 7)] * 8


def nearly_equal(split, label):
    """Return the same image in every class, but for the value of one pixel: copies would be dropped."""
    images = [noise(99 if split == "test" else 7) for _ in range(8)]
    for number, pixels in enumerate(images):
        pixels[0, 0] = 8 * label + number
    return images


def different(split, label):
    """Return eight images."""
    return [noise(1000 * (split == "test") + 100 * label + number) for number in range(8)]


def study(folder, asked):
    """Return a study of one trial on a folder, with probes."""
    return tiny_study(
        f"target={{dataset: folder, path: {folder}, channels: 1}}",
        "transfer.strategies=[freeze_reinit]",
        "transfer.cuts=[3]",
        "transfer.fractions=[1.0]",
        "pretraining.patience=null",
        f"probes=[{asked}]",
    )


@pytest.mark.parametrize(
    ("images_of", "sample"),
    [
        pytest.param(duplicated, 24, id="every image of a class is the same"),
        pytest.param(nearly_equal, 24, id="all images are nearly the same"),
        pytest.param(different, 2, id="more classes than images"),
        pytest.param(different, 3, id="one image a class"),
    ],
)
def test_a_study_finishes_with_every_probe(images_of, sample, tmp_path):
    write_folder(tmp_path / "images", images_of)
    asked = ", ".join(f"{{name: {name}, sample: {sample}, replicates: 1}}" for name in PROBES.names())
    summary = run_study(study(tmp_path / "images", asked), tmp_path / "run", executor="serial")
    with Ledger(tmp_path / "run", read_only=True) as ledger:
        records, failures = list(ledger.probes(named=True)), list(ledger.failures())
    assert (summary.num_finished, summary.failed) == (1, {})
    assert {(failure.job, failure.kind) for failure in failures} <= {("probe", "undefined")}
    assert all(failure.message for failure in failures)
    assert all(np.isfinite(value) for record in records for value in record.scores.values())
    assert "weight_effective_rank" in {record.probe for record in records}


def test_images_that_are_all_copies_are_refused_before_work_starts(tmp_path):
    write_folder(tmp_path / "images", all_equal)
    with pytest.raises(SpecError, match="no training image that is not a copy"):
        run_study(study(tmp_path / "images", "knn"), tmp_path / "run", executor="serial")
