from __future__ import annotations

import hashlib

import numpy as np

from layercut.data.base import LabelledImages
from layercut.data.content import Content, fingerprint, image_hashes
from support.fake_datasets import tiny_splits


def test_the_fingerprint_sees_every_pixel_label_name_and_the_border_between_splits() -> None:
    train, test = tiny_splits()
    names = ("a", "b", "c")
    changed_pixel = train.images.copy()
    changed_pixel[-1, 0, -1, -1] ^= 1
    changed_label = train.labels.copy()
    changed_label[0] = 0
    moved_train = LabelledImages(train.images[:-1], train.labels[:-1])
    moved_test = LabelledImages(
        np.concatenate([train.images[-1:], test.images]), np.concatenate([train.labels[-1:], test.labels])
    )
    contents = [
        Content(train, test, names),
        Content(LabelledImages(changed_pixel, train.labels), test, names),
        Content(LabelledImages(train.images, changed_label), test, names),
        Content(train, test, ("a", "b", "d")),
        Content(moved_train, moved_test, names),
        Content(LabelledImages(train.images.reshape(-1, 1, 2, 8), train.labels), test, names),
    ]
    assert len({fingerprint(content) for content in contents}) == len(contents)


def test_the_fingerprint_does_not_depend_on_memory_layout() -> None:
    train, test = tiny_splits()
    strided = LabelledImages(np.asfortranarray(train.images), train.labels)
    assert fingerprint(Content(strided, test, ("a", "b", "c"))) == fingerprint(Content(train, test, ("a", "b", "c")))


def test_an_image_hash_is_the_blake2b_of_its_pixels() -> None:
    train, _ = tiny_splits()
    expected = hashlib.blake2b(train.images[2].tobytes(), digest_size=16).digest()
    assert image_hashes(train.images)[2].tobytes() == expected
