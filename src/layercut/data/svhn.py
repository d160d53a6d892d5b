"""SVHN, the house numbers in the format of cropped digits: two MATLAB files.

Reference:
    Y. Netzer et al.: Reading Digits in Natural Images with Unsupervised Feature Learning (NIPS workshop, 2011).
    The digit 0 has the label 10 in the files; here it is class 0.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from layercut.data.base import DatasetFormat, DatasetInfo, RawImages
from layercut.data.raw_files import RawFile
from layercut.data.vision import TorchvisionDataset
from layercut.errors import DataError

_LABEL_OF_ZERO = 10


def read_svhn(data_dir: Path, train: bool) -> RawImages:
    """Read one of the two files.

    Raises:
        DataError: it is no MATLAB file of images and labels.
    """
    from scipy.io import loadmat  # noqa: PLC0415 - only where data are read

    path = data_dir / f"{'train' if train else 'test'}_32x32.mat"
    try:
        values: dict[str, Any] = loadmat(path, variable_names=("X", "y"))
        images, labels = values["X"], values["y"]
    except Exception as error:  # scipy raises whatever a broken file makes of it
        raise DataError(
            f"{path}: expected a MATLAB 5 file with X and y, cannot read it ({error}); replace it"
        ) from error
    if images.ndim != 4 or images.dtype != np.uint8:
        raise DataError(f"{path}: expected X as bytes in 4 dimensions; got {images.dtype} in {images.ndim}; replace it")
    digits = labels.astype(np.int64).ravel()
    digits[digits == _LABEL_OF_ZERO] = 0
    return RawImages(np.transpose(images, (3, 2, 0, 1)), digits)


SVHN: DatasetFormat = TorchvisionDataset(
    name="svhn",
    summary="house numbers: 73,257 + 26,032 colour images of 32x32, 10 classes; 246 MB download",
    torchvision_class="SVHN",
    known=DatasetInfo(
        class_names=tuple(str(digit) for digit in range(10)),
        image_shape=(3, 32, 32),
        train_counts=(4948, 13861, 10585, 8497, 7458, 6882, 5727, 5595, 5045, 4659),
        test_counts=(1744, 5099, 4149, 2882, 2523, 2384, 1977, 2019, 1660, 1595),
    ),
    files=(
        RawFile("train_32x32.mat", md5="e26dedcc434d2e4c54c9b2d4a06d8373"),
        RawFile("test_32x32.mat", md5="eb5a983be6a315427106f1b164d9cef3"),
    ),
    archives=(),
    read_split=read_svhn,
    downloads=({"split": "train"}, {"split": "test"}),
)
