from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torchvision.datasets
from scipy.io import savemat

from layercut.data.raw_files import RawFile
from layercut.data.torchvision_files import NoOptions, TorchvisionDataset, read_svhn
from layercut.data.torchvision_table import SVHN
from layercut.errors import DataError

IMAGES = np.random.default_rng(0).integers(0, 256, size=(32, 32, 3, 4), dtype=np.uint8)


def _write(folder: Path, name: str = "train_32x32.mat") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    savemat(folder / name, {"X": IMAGES, "y": np.array([[10], [1], [9], [10]], dtype=np.uint8)})
    return folder / name


def test_matlab_files_become_channels_first_images_with_the_digit_as_label(
    data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _write(data_dir)
    train = read_svhn(data_dir, True)
    assert train.labels.tolist() == [0, 1, 9, 0]
    assert train.labels.dtype == np.int64
    np.testing.assert_array_equal(train.images[2], IMAGES[:, :, :, 2].transpose(2, 0, 1))
    monkeypatch.setattr(torchvision.datasets.SVHN, "_check_integrity", lambda self: True)
    theirs = torchvision.datasets.SVHN(data_dir, split="train")
    np.testing.assert_array_equal(train.images[:], theirs.data)
    np.testing.assert_array_equal(train.labels, theirs.labels)


@pytest.mark.parametrize("content", [b"", b"not MATLAB" * 20])
def test_a_file_of_another_format_is_refused_by_name(data_dir: Path, content: bytes) -> None:
    _write(data_dir).write_bytes(content)
    with pytest.raises(DataError, match=r"train_32x32\.mat: expected a MATLAB 5 file"):
        read_svhn(data_dir, True)


def test_a_truncated_file_is_refused_by_name(data_dir: Path) -> None:
    path = _write(data_dir)
    path.write_bytes(path.read_bytes()[:5000])
    with pytest.raises(DataError, match=r"train_32x32\.mat: expected a MATLAB 5 file"):
        read_svhn(data_dir, True)


def test_a_file_with_another_checksum_is_refused_before_it_is_parsed(data_dir: Path) -> None:
    _write(data_dir)
    _write(data_dir, "test_32x32.mat")
    with pytest.raises(DataError, match=r"train_32x32\.mat: expected the MD5 checksum e26dedcc"):
        SVHN.read(NoOptions(), data_dir, False)


def test_checksums_and_names_are_those_of_torchvision() -> None:
    assert isinstance(SVHN, TorchvisionDataset)
    theirs = torchvision.datasets.SVHN.split_list
    assert SVHN.files == tuple(RawFile(theirs[split][1], md5=theirs[split][2]) for split in ("train", "test"))


def test_published_counts_add_up() -> None:
    info = SVHN.info(NoOptions())
    assert info is not None
    assert (sum(info.train_counts), sum(info.test_counts)) == (73257, 26032)
