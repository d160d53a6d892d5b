"""Small datasets that tests write: cache entries, IDX files, folders of images."""

from __future__ import annotations

import gzip
import hashlib
import pickle
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from layercut.data import DatasetInfo, LabelledImages
from layercut.data.base import RawImages
from layercut.data.cache_entry import LoadedDataset
from layercut.data.content import Content, fingerprint, image_hashes
from layercut.data.pieces import in_pieces
from layercut.data.torchvision_files import TorchvisionDataset, mnist_like

TINY = DatasetInfo(("a", "b", "c"), (1, 4, 4), (4, 3, 5), (2, 1, 2))


def made(part: LabelledImages | RawImages | None) -> LabelledImages:
    """Return all images of a split in memory."""
    assert part is not None
    return LabelledImages(np.concatenate(list(in_pieces(part.images))), part.labels)


def random_images(
    labels: Sequence[int] | NDArray[np.int64], seed: int, shape: tuple[int, ...] = (1, 4, 4)
) -> LabelledImages:
    """Return different random images with these labels."""
    pixels = np.random.default_rng(seed).integers(0, 256, size=(len(labels), *shape), dtype=np.uint8)
    return LabelledImages(pixels, np.asarray(labels, dtype=np.int64))


def loaded(train: LabelledImages, test: LabelledImages, class_names: tuple[str, ...]) -> LoadedDataset:
    """Return a loaded dataset that lies in memory only."""
    hashes = image_hashes(train.images), image_hashes(test.images)
    digest = fingerprint(Content(train, test, class_names))
    return LoadedDataset(train, test, class_names, digest, *hashes, Path("nowhere"))


def tiny_splits(info: DatasetInfo = TINY) -> tuple[LabelledImages, LabelledImages]:
    """Return training and test images with the counts of `info`."""
    counts = (info.train_counts, info.test_counts)
    labels = [np.repeat(np.arange(len(each)), each)[::-1] for each in counts]
    train, test = (random_images(each, seed, info.image_shape) for seed, each in enumerate(labels))
    return train, test


def idx_bytes(array: NDArray[np.uint8]) -> bytes:
    """Return an array as an IDX file of unsigned bytes."""
    header = bytes([0, 0, 8, array.ndim]) + b"".join(length.to_bytes(4, "big") for length in array.shape)
    return header + array.tobytes()


def tiny_idx_files() -> dict[str, bytes]:
    """Return the four files of a tiny MNIST-like dataset by name."""
    files = {}
    for prefix, part in zip(("train", "t10k"), tiny_splits(), strict=True):
        files[f"{prefix}-images-idx3-ubyte"] = idx_bytes(part.images[:, 0])
        files[f"{prefix}-labels-idx1-ubyte"] = idx_bytes(part.labels.astype(np.uint8))
    return files


def tiny_mnist(with_checksums: bool = True) -> TorchvisionDataset:
    """Return the dataset whose files `tiny_idx_files` gives."""
    files = tiny_idx_files()
    return mnist_like(
        "tiny",
        "for tests",
        "MNIST",
        TINY,
        archive_md5={name: md5(archive(content)) for name, content in files.items()},
        sha256={name: hashlib.sha256(content).hexdigest() for name, content in files.items()} if with_checksums else {},
    )


def archive(content: bytes) -> bytes:
    """Return gzip bytes that are the same every time."""
    return gzip.compress(content, mtime=0)


def md5(content: bytes) -> str:
    """Return the MD5 checksum that torchvision compares."""
    return hashlib.md5(content, usedforsecurity=False).hexdigest()


def write_idx(data_dir: Path, compressed: bool = False) -> Path:
    """Write the tiny dataset where torchvision expects MNIST; return the folder of the files."""
    raw = data_dir / "MNIST" / "raw"
    raw.mkdir(parents=True, exist_ok=True)
    for name, content in tiny_idx_files().items():
        (raw / (f"{name}.gz" if compressed else name)).write_bytes(archive(content) if compressed else content)
    return raw


def cifar_files() -> dict[str, bytes]:
    """Return the files of a tiny CIFAR-10: two images in each training batch, three test images."""
    rng = np.random.default_rng(0)

    def batch(labels: list[int]) -> bytes:
        data = rng.integers(0, 256, size=(len(labels), 3 * 32 * 32), dtype=np.uint8)
        return pickle.dumps({"data": data, "labels": labels})

    files = {f"data_batch_{index}": batch([index % 2, 2]) for index in range(1, 6)}
    return {
        **files,
        "test_batch": batch([0, 1, 2]),
        "batches.meta": pickle.dumps({"label_names": ["x", "y", "z"]}),
    }


def write_image(path: Path, pixels: NDArray[np.uint8] | None = None, size: tuple[int, int] = (6, 6)) -> Path:
    """Write an image of height x width; noise that depends on its name where no pixels are given."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if pixels is None:
        seed = int.from_bytes(hashlib.sha256(path.name.encode()).digest()[:4], "big")
        pixels = np.random.default_rng(seed).integers(0, 256, size=(*size, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(path)
    return path


def write_folder(root: Path, counts: dict[str, int], prefix: str = "") -> Path:
    """Write `count` PNG images for each class folder."""
    for name, count in counts.items():
        for index in range(count):
            write_image(root / name / f"{prefix}{name}{index}.png")
    return root
