"""A small study on photographs that keeps its models, for tests that use them."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from layercut import run_study
from layercut.spec import parse_study
from support.fake_datasets import write_image

STUDY = """\
name: photos
source: {random: true}
target: {dataset: folder, path: PATH, image_size: [10, 12], interpolation: bicubic, resize: pad, background: black}
model: {name: plain_cnn, depth: 2, channels: 4, kernel_size: 3}
transfer:
  strategies: [scratch, freeze]
  cuts: [1]
  fractions: [0.5, 1.0]
  replicates: 2
  training: {lr: 3e-3, epochs: 2, batch_size: 16}
keep: [weights, predictions]
"""


def write_photos(root: Path) -> None:
    """Photographs of several sizes and kinds, in class folders of training and test."""
    for split, number in (("train", 8), ("test", 3)):
        for shade, name in ((60, "dark"), (190, "light")):
            for index in range(number):
                rng = np.random.default_rng([shade, index, number])
                pixels = rng.integers(shade - 50, shade + 50, size=(14 + index, 30 - index, 4), dtype=np.uint8)
                path = root / split / name / f"{index}.png"
                write_image(path, pixels if index % 2 else pixels[..., :3])


def test_files(photos: Path) -> list[Path]:
    """Return the test images in the order of the task."""
    return [photos / "test" / name / f"{index}.png" for name in ("dark", "light") for index in range(3)]


test_files.__test__ = False


def run_photos(photos: Path, folder: Path, text: str = STUDY) -> Path:
    """Run the study and return its output directory."""
    run_study(parse_study(text.replace("PATH", str(photos))), folder, executor="serial")
    return folder
