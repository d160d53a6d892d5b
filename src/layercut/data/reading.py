"""Read a dataset by name into checked content: options, raw files, a held-out test split where there is none."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from pydantic import BaseModel, ValidationError

from layercut.data import DATASETS
from layercut.data.base import DatasetInfo, FiledDataset, LabelledImages, NotedDataset, RawImages
from layercut.data.content import Content
from layercut.data.holdout import DEFAULT_TEST_SPLIT, HoldoutOptions, hold_out_test
from layercut.data.view import ViewOptions, view_info
from layercut.errors import DataError, SpecError
from layercut.spec.load import describe_errors

Options = TypeVar("Options", bound=BaseModel)


def parse_options(name: str, options: Mapping[str, Any]) -> BaseModel:
    """Return the options of a dataset, checked; keys that every dataset has are left to `parse_view`.

    Raises:
        UnknownNameError: no such dataset.
        SpecError: an option is unknown, missing or has an impossible value.
    """
    model = DATASETS[name].options
    return _checked(model, own_options(name, options), ("dataset", "classes", *_view_keys(name)))


def parse_view(name: str, options: Mapping[str, Any]) -> ViewOptions:
    """Return how a dataset is seen, checked: the keys that are not its own.

    Raises:
        UnknownNameError: no such dataset.
        SpecError: a key has an impossible value.
    """
    keys = _view_keys(name)
    return _checked(ViewOptions, {key: value for key, value in options.items() if key in keys}, ())


def own_options(name: str, options: Mapping[str, Any]) -> dict[str, Any]:
    """Return the keys that the dataset itself reads."""
    keys = _view_keys(name)
    return {key: value for key, value in options.items() if key not in keys}


def known_info(name: str, options: Mapping[str, Any]) -> DatasetInfo | None:
    """Return what is known of a dataset without its data, seen as the options say; None where only the data tell.

    Raises:
        UnknownNameError: no such dataset.
        SpecError: an option is unknown, missing or has an impossible value.
        DataError: a class of a group is not in the dataset.
    """
    info = DATASETS[name].info(parse_options(name, options))
    return None if info is None else view_info(info, parse_view(name, options))


def dataset_notes(name: str, options: Mapping[str, Any], data_dir: Path) -> tuple[str, ...]:
    """Return how a dataset understands what it finds, a sentence each; nothing where that goes without saying.

    Raises:
        UnknownNameError: no such dataset.
        SpecError: an option is unknown, missing or has an impossible value.
        DataError: files are missing, or not in the layout of the dataset.
    """
    dataset = DATASETS[name]
    return dataset.notes(parse_options(name, options), data_dir) if isinstance(dataset, NotedDataset) else ()


def dataset_files(name: str, options: Mapping[str, Any], data_dir: Path) -> tuple[list[Path], list[Path]] | None:
    """Return the files of a dataset's training and test images; None where they are no files, or seen in groups.

    Raises:
        UnknownNameError: no such dataset.
        SpecError: an option is unknown, missing or has an impossible value.
        DataError: files are missing, or not in the layout of the dataset.
    """
    dataset = DATASETS[name]
    if not isinstance(dataset, FiledDataset) or parse_view(name, options).identity:
        return None
    return dataset.image_files(parse_options(name, options), data_dir)


def read_dataset(name: str, options: BaseModel, data_dir: Path, download: bool) -> Content:
    """Read a dataset from its raw files and see that it is what it is known to be.

    Raises:
        UnknownNameError: no such dataset.
        DataError: raw files are missing, damaged, or cannot be downloaded.
        StorageFullError: the disk is full.
    """
    dataset = DATASETS[name]
    train, test, class_names = dataset.read(options, data_dir, download)
    _check_images(name, "training", train, len(class_names))
    if test is None:
        share = options.test_split if isinstance(options, HoldoutOptions) else DEFAULT_TEST_SPLIT
        train, test = hold_out_test(train, class_names, share)
    _check_images(name, "test", test, len(class_names))
    content = Content(
        train, test, tuple(class_names), getattr(train, "num_validation", 0), getattr(train, "groups", None)
    )
    expected, got = dataset.info(options), content.info()
    if expected is not None and expected != got:
        raise DataError(
            f"{name}: expected {expected}, got {got}: the raw files in {data_dir} are not the published ones; "
            f"delete them and run `layercut data download {name}`"
        )
    return content


def _view_keys(name: str) -> list[str]:
    own = DATASETS[name].options.model_fields
    return [key for key in ViewOptions.model_fields if key not in own]


def _checked(model: type[Options], values: Mapping[str, Any], also_legal: Sequence[str]) -> Options:
    try:
        return model.model_validate(dict(values))
    except ValidationError as error:
        raise SpecError(describe_errors(error, model, also_legal=also_legal)) from error


def _check_images(name: str, split: str, part: LabelledImages | RawImages, num_classes: int) -> None:
    images, labels = part.images, part.labels
    if images.ndim != 4 or images.dtype != np.uint8 or labels.ndim != 1 or labels.dtype != np.int64:
        raise DataError(
            f"{name}: expected {split} images as uint8 in 4 dimensions and labels as int64 in 1; got "
            f"{images.dtype} in {images.ndim} and {labels.dtype} in {labels.ndim}"
        )
    if len(images) != len(labels) or not len(labels):
        raise DataError(f"{name}: expected as many {split} labels as images; got {len(labels)} and {len(images)}")
    if labels.min() < 0 or labels.max() >= num_classes:
        raise DataError(
            f"{name}: expected {split} labels in 0..{num_classes - 1}, got {labels.min()}..{labels.max()}: "
            f"the label file is damaged; replace it"
        )
