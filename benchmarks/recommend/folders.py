"""Folders of images for sources and targets, so many of each class.

Digits and MNIST list images writer after writer: the first few of a class are of the same hands, and held-out ones tell
little of others. So they are drawn at random.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from sklearn.datasets import load_digits
from torchvision.datasets import MNIST

CLASSES = {
    "digits": (tuple("01234"), tuple("56789")),
    "mnist": (tuple("01234"), tuple("56789")),
    "cifar": (("airplane", "automobile", "ship", "truck"), ("bird", "cat", "deer", "dog", "frog", "horse")),
}
"""Of source and target."""

NUM_TEST = 200
"""Images of each class, or as many as there are."""

Classes = Mapping[str, NDArray[np.uint8]]
"""Pixels UInt8 "n h w" or "n h w 3" of each class."""


class Places(NamedTuple):
    """Where data sets are that are no part of a library."""

    data_dir: Path
    """Of MNIST, in torchvision's layout."""
    cifar: Path
    """Of CIFAR-10, `train/CLASS/*` and `test/CLASS/*`."""


def write_folder(root: Path, data: str, part: int, per_class: int, noise: int, places: Places) -> Path:
    """Write `root/{train,test}/CLASS/*.png` of the source's classes (part 0) or the target's (1); return `root`."""
    if (root / "complete").exists():
        return root
    generator = np.random.default_rng(0)
    for split, number in (("train", per_class), ("test", NUM_TEST)):
        for name, pixels in _classes(data, split, places):
            if name not in CLASSES[data][part]:
                continue
            folder = root / split / name
            folder.mkdir(parents=True, exist_ok=True)
            for place, image in enumerate(pixels[:number]):
                drawn = image + generator.normal(0, noise, image.shape) if noise else image
                Image.fromarray(np.clip(drawn, 0, 255).astype(np.uint8)).save(folder / f"{place:04}.png")
    (root / "complete").touch()
    return root


def _classes(data: str, split: str, places: Places) -> Iterator[tuple[str, NDArray[np.uint8]]]:
    if data == "cifar":
        for folder in sorted((places.cifar / split).iterdir()):
            files = sorted(folder.iterdir())[: 1000 if split == "train" else NUM_TEST]
            yield folder.name, np.stack([np.asarray(Image.open(file).convert("RGB")) for file in files])
        return
    if data == "mnist":
        whole = MNIST(str(places.data_dir), train=split == "train")
        pixels, labels = whole.data.numpy(), whole.targets.numpy()
    else:
        digits = load_digits()
        pixels, labels = np.rint(digits.images * (255 / 16)).astype(np.uint8), digits.target
    order = np.random.default_rng(0).permutation(len(pixels))
    pixels, labels = pixels[order], labels[order]
    for label in range(10):
        own = pixels[labels == label]
        if data == "digits":
            own = own[:100] if split == "train" else own[100:]
        yield str(label), own
