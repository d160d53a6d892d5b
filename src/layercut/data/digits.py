"""The 8x8 handwritten digits that come with scikit-learn: no download.

Reference:
    E. Alpaydin, C. Kaynak: Optical Recognition of Handwritten Digits (UCI, 1998), the test part.
    Pixels count 0..16 dots there; here they are scaled to 0..255.
"""

from __future__ import annotations

from importlib.metadata import version
from pathlib import Path

import numpy as np

from layercut.data.base import DatasetFormat, DatasetInfo, RawDataset, RawImages
from layercut.data.holdout import HoldoutOptions, holdout_counts

_COUNTS = (178, 182, 177, 183, 181, 182, 181, 179, 174, 180)
_NAMES = tuple(str(digit) for digit in range(10))
_MAX_DOTS = 16


class Digits:
    """1,797 grey images of 8x8 pixels in ten classes; a stratified share of them is the test split."""

    summary = "scikit-learn's handwritten digits: 1,797 grey images of 8x8, 10 classes; no download"
    options = HoldoutOptions

    def info(self, options: HoldoutOptions) -> DatasetInfo:
        """Return class names, image shape and counts with the test share taken out."""
        test = holdout_counts(_COUNTS, _NAMES, options.test_split)
        train = tuple(total - share for total, share in zip(_COUNTS, test, strict=True))
        return DatasetInfo(_NAMES, (1, 8, 8), train, tuple(test))

    def files_key(self, options: HoldoutOptions, data_dir: Path) -> str:
        """Return the version of scikit-learn: the images are part of it."""
        return f"scikit-learn {version('scikit-learn')}"

    def read(self, options: HoldoutOptions, data_dir: Path, download: bool) -> RawDataset:
        """Return all images as training images; there is no test split."""
        from sklearn.datasets import load_digits  # noqa: PLC0415 - a second of importing, only when read

        digits = load_digits()
        images = np.rint(digits.images * (255 / _MAX_DOTS)).astype(np.uint8)[:, None]
        return RawDataset(RawImages(images, digits.target.astype(np.int64)), None, _NAMES)


DIGITS: DatasetFormat = Digits()
