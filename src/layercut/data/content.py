"""The content of images, wherever they came from: a fingerprint of a dataset, a hash of each image."""

from __future__ import annotations

import hashlib
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from layercut.data.base import DatasetInfo, LabelledImages, RawImages
from layercut.data.pieces import in_pieces
from layercut.errors import DataError, visible
from layercut.keys import canonical_json

HASH_BYTES = 16


class Content(NamedTuple):
    """A dataset with both its splits."""

    train: LabelledImages | RawImages
    test: LabelledImages | RawImages
    class_names: tuple[str, ...]
    num_validation: int = 0
    """So many of the last training images are for validation alone."""
    groups: NDArray[np.int64] | None = None
    """Int64 "n": training images of one number belong together (a patient, a camera, a video)."""

    def info(self) -> DatasetInfo:
        """Return class names, image shape and images of each class."""
        _, channels, height, width = self.train.images.shape
        num_classes = len(self.class_names)
        trained_on = self.train.labels[: len(self.train.labels) - self.num_validation]
        train, test = (
            tuple(np.bincount(labels, minlength=num_classes).tolist()) for labels in (trained_on, self.test.labels)
        )
        return DatasetInfo(self.class_names, (channels, height, width), train, test, self.num_validation)


def fingerprint(content: Content) -> str:
    """Return the SHA-256 over image bytes, labels, class names and shapes of both splits, and groups if any.

    Equal content gives an equal fingerprint, wherever it was read from and in whatever format.

    Raises:
        DataError: the name of a class is no text.
    """
    train, test, class_names, num_validation, groups = content
    for name in class_names:
        if not name.isprintable() and any("\ud800" <= sign <= "\udfff" for sign in name):
            raise DataError(f"the name of the class {visible(name)} is not in UTF-8: rename its folder or column")
    shapes = [list(train.images.shape), list(test.images.shape)]
    validation = {"validation": num_validation} if num_validation else {}
    digest = hashlib.sha256(canonical_json({"class_names": list(class_names), "shapes": shapes, **validation}).encode())
    for split in (train, test):
        for piece in in_pieces(split.images):
            digest.update(piece.data)
        digest.update(split.labels.astype("<i8").tobytes())
    if groups is not None:
        digest.update(b"groups" + groups.astype("<i8").tobytes())
    return digest.hexdigest()


def image_hashes(images: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return the 16-byte BLAKE2b hash of each image's pixels: UInt8 "n 16"."""
    hashes = b"".join(hashlib.blake2b(image.tobytes(), digest_size=HASH_BYTES).digest() for image in images)
    return np.frombuffer(hashes, dtype=np.uint8).reshape(len(images), HASH_BYTES)
