"""Folders of images for sources and targets, so many of each class.

Digits and MNIST list images writer after writer: the first few of a class are of the same hands, and held-out ones tell
little of others. So they are drawn at random.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
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
    "photographs": ((), ("ants", "bees")),
}
"""Of source and target."""

SOME = {"vehicles": CLASSES["cifar"][0]}
"""Of targets of a source that has seen ImageNet."""

NUM_TEST = 200
"""Images of each class, or as many as there are."""


class Places(NamedTuple):
    """Where data sets and weights are that are no part of a library."""

    data_dir: Path
    """Of MNIST, in torchvision's layout."""
    cifar: Path
    """Of CIFAR-10, `train/CLASS/*` and `test/CLASS/*`."""
    photographs: Path
    """Of ants and bees, likewise."""
    weights: Path
    """File of EfficientNet-Lite0."""


def write_folder(
    root: Path, data: str, classes: Collection[str], per_class: int, places: Places, noise: int = 0, draw: int = 0
) -> Path:
    """Write `root/{train,test}/CLASS/*.png`, so many training images of each class; return `root`.

    Draw 0 takes images in the order of the data set. Photographs are few: what is not trained on is tested on.
    """
    if (root / "complete").exists():
        return root
    generator = np.random.default_rng(0)
    for split in ("train", "test"):
        for name, images in _classes(data, split, places):
            if name not in classes:
                continue
            folder = root / split / name
            folder.mkdir(parents=True, exist_ok=True)
            order = np.random.default_rng(draw).permutation(len(images)) if draw else np.arange(len(images))
            first = per_class if data == "photographs" and split == "test" else 0
            for place, number in enumerate(order[first:][: per_class if split == "train" else NUM_TEST]):
                image = images[number]
                drawn = image + generator.normal(0, noise, image.shape) if noise else image
                Image.fromarray(np.clip(drawn, 0, 255).astype(np.uint8)).save(folder / f"{place:04}.png")
    (root / "complete").touch()
    return root


def _classes(data: str, split: str, places: Places) -> Iterator[tuple[str, Sequence[NDArray[np.uint8]]]]:
    """Yield the images of each class, UInt8 "h w" or "h w 3"; of photographs all, whatever the split."""
    if data == "photographs":
        for name in sorted(path.name for path in (places.photographs / "train").iterdir()):
            yield name, _read(sorted(places.photographs.glob(f"*/{name}/*")))
        return
    if data == "cifar":
        for folder in sorted((places.cifar / split).iterdir()):
            yield folder.name, _read(sorted(folder.iterdir())[: 1000 if split == "train" else NUM_TEST])
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


def _read(files: Sequence[Path]) -> list[NDArray[np.uint8]]:
    return [np.asarray(Image.open(file).convert("RGB")) for file in files]
