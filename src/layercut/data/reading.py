"""A dataset by name to checked content: options, raw files, a test share where there is no test split."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import BaseModel, ValidationError

from layercut.data import DATASETS
from layercut.data.base import LabelledImages, RawImages
from layercut.data.content import Content
from layercut.data.holdout import DEFAULT_TEST_SPLIT, HoldoutOptions, hold_out_test
from layercut.errors import DataError, SpecError
from layercut.spec.load import describe_errors


def parse_options(name: str, options: Mapping[str, Any]) -> BaseModel:
    """Return the options of a dataset, checked.

    Raises:
        UnknownNameError: no such dataset.
        SpecError: an option is unknown, missing or has an impossible value.
    """
    model = DATASETS[name].options
    try:
        return model.model_validate(dict(options))
    except ValidationError as error:
        raise SpecError(describe_errors(error, model, also_legal=("dataset", "classes"))) from error


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
    content = Content(train, test, tuple(class_names))
    expected, got = dataset.info(options), content.info()
    if expected is not None and expected != got:
        raise DataError(
            f"{name}: expected {expected}, got {got}: the raw files in {data_dir} are not those published; "
            f"delete them and run `layercut data download {name}`"
        )
    return content


def _check_images(name: str, split: str, part: LabelledImages | RawImages, num_classes: int) -> None:
    images, labels = part
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
