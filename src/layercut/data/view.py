"""A view of a dataset: its images in another shape or replaced by noise, its classes in groups.

These keys stand beside those of every dataset. A dataset that has one of them itself (`folder` decodes to an
`image_size`) gets it instead. Shape comes first, then noise: noise is of the final pixels.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, ValidationInfo, field_validator

from layercut.data.base import DatasetInfo, RawImages
from layercut.data.classes import resolve_groups
from layercut.data.content import Content
from layercut.data.noise import CLASS_NOISE, VARIANTS, class_noise
from layercut.data.pieces import Images, LazyImages, select_images
from layercut.data.shape import MODES, Shape, shaped_array
from layercut.errors import DataError
from layercut.spec.shape import ShapeOptions


class ViewOptions(ShapeOptions):
    """Keys of every dataset."""

    variant: Literal["noise", "class_noise", "structured_noise", "shuffled_pixels"] | None = Field(
        default=None,
        description="`noise`: every pixel drawn at random; `class_noise`: the same, but for a tenth of the pixels that "
        "are "
        "those of the class; `structured_noise`: the image's shades as smooth noise; `shuffled_pixels`: one "
        "permutation of the pixels of all images. Labels stay.",
    )
    noise_seed: int = Field(default=0, ge=0, description="Which noise, or which permutation.")
    groups: dict[str, list[int | str]] | None = Field(
        default=None,
        min_length=2,
        description="New classes made of the dataset's: `{even: [0, 2, 4, 6, 8], odd: [1, 3, 5, 7, 9]}`; "
        "a class in no group is left out.",
    )

    @field_validator("noise_seed")
    @classmethod
    def _of_a_variant(cls, seed: int, others: ValidationInfo) -> int:
        if others.data.get("variant", "") is None:
            raise ValueError("a `variant`, which this seed belongs to")
        return seed

    @field_validator("groups")
    @classmethod
    def _none_empty(cls, groups: dict[str, list[int | str]] | None) -> dict[str, list[int | str]] | None:
        if any(not members for members in (groups or {}).values()):
            raise ValueError("at least one class in each")
        return groups

    @property
    def identity(self) -> list[Any]:
        """Return what makes two views the same, as JSON values; empty where nothing changes."""
        keys: list[Any] = []
        if self.image_size or self.channels:
            keys.append(["shape", self.image_size, self.channels, self.resize, self.interpolation])
        if self.variant:
            keys.append([self.variant, self.noise_seed])
        if self.groups:
            keys.append(["groups", list(self.groups.items())])
        return keys


def view_info(info: DatasetInfo, view: ViewOptions) -> DatasetInfo:
    """Return what is known of a dataset beforehand, seen otherwise.

    Raises:
        DataError: a class is not in the dataset.
    """
    names, train, test = info.class_names, info.train_counts, info.test_counts
    if view.groups:
        members = resolve_groups(view.groups, names)
        names = tuple(members)
        train, test = (tuple(sum(counts[i] for i in group) for group in members.values()) for counts in (train, test))
    shape = _shape(view, info.image_shape)
    return DatasetInfo(names, shape.image_shape if shape else info.image_shape, train, test, info.num_validation)


def apply_view(content: Content, view: ViewOptions) -> Content:
    """Return a dataset seen otherwise; images are made when they are taken.

    Raises:
        DataError: a class is not in the dataset, or its images have neither one channel nor three.
    """
    shape = _shape(view, content.info().image_shape)
    parts = {}
    for split, part in (("train", content.train), ("test", content.test)):
        images, labels = _as_lazy(part.images), part.labels
        if shape is not None:
            images = _reshaped(images, shape)
        if view.variant is not None:
            images = _varied(images, view.variant, view.noise_seed, split, labels)
        parts[split] = RawImages(images, labels)
    if not view.groups:
        return Content(parts["train"], parts["test"], content.class_names, content.num_validation, content.groups)
    members = resolve_groups(view.groups, content.class_names)
    new_label = np.full(len(content.class_names), -1, dtype=np.int64)
    for label, group in enumerate(members.values()):
        new_label[list(group)] = label
    num_trained_on = len(content.train.labels) - content.num_validation
    num_validation = int((new_label[content.train.labels[num_trained_on:]] >= 0).sum())
    train, test = (_regrouped(parts[split], new_label) for split in ("train", "test"))
    kept = None if content.groups is None else content.groups[new_label[content.train.labels] >= 0]
    return Content(train, test, tuple(members), num_validation, kept)


def _shape(view: ViewOptions, now: Sequence[int]) -> Shape | None:
    """Return the shape to give to images; None where they have it."""
    channels, height, width = now
    if view.channels is None and view.image_size is None:
        return None
    if channels not in MODES:
        raise DataError(f"expected images of 1 or 3 channels to change their shape; got {channels}")
    height, width = view.image_size or (height, width)
    shape = Shape(view.channels or (1 if channels == 1 else 3), height, width, view.resize, view.interpolation)
    return shape if shape.image_shape != tuple(now) else None


def _as_lazy(images: Images) -> LazyImages:
    if isinstance(images, LazyImages):
        return images
    _, channels, height, width = images.shape
    return LazyImages((channels, height, width), np.arange(len(images)), lambda rows: images[rows])


def _reshaped(images: LazyImages, shape: Shape) -> LazyImages:
    return LazyImages(shape.image_shape, images.rows, lambda rows: shaped_array(images.make(rows), shape))


def _varied(images: LazyImages, variant: str, seed: int, split: str, labels: NDArray[np.int64]) -> LazyImages:
    label_of_row = np.zeros(int(images.rows.max(initial=-1)) + 1, dtype=np.int64)
    label_of_row[images.rows] = labels

    def make(rows: NDArray[np.int64]) -> NDArray[np.uint8]:
        if variant == CLASS_NOISE:
            return class_noise(images.make(rows), seed, split, rows, label_of_row[rows])
        return VARIANTS[variant](images.make(rows), seed, split, rows)

    return LazyImages(images.image_shape, images.rows, make)


def _regrouped(part: RawImages, new_label: NDArray[np.int64]) -> RawImages:
    labels = new_label[part.labels]
    return RawImages(select_images(part.images, labels >= 0), labels[labels >= 0])
