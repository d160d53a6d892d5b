from __future__ import annotations

import bz2
import io
import tarfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torchvision.datasets

from layercut.data import DATASETS, DownloadableDataset
from layercut.data.base import RawDataset
from layercut.data.cache import load_dataset
from layercut.data.torchvision_sets import TORCHVISION_SETS, TorchvisionOptions
from layercut.errors import DataError, SpecError, UnknownNameError
from support.fake_datasets import made, md5, write_image

PIXELS = np.random.default_rng(0).integers(0, 256, size=(4, 3, 96, 96), dtype=np.uint8)
"""STL-10 keeps columns first."""


def _stl10_files() -> dict[str, bytes]:
    return {
        "train_X.bin": PIXELS.tobytes(),
        "train_y.bin": bytes([1, 10, 2, 1]),
        "unlabeled_X.bin": PIXELS[:1].tobytes(),
        "test_X.bin": PIXELS[::-1].tobytes(),
        "test_y.bin": bytes([2, 1, 10, 10]),
        "class_names.txt": b"airplane\nbird\ncar\ncat\ndeer\ndog\nhorse\nmonkey\nship\ntruck\n",
        "fold_indices.txt": b"0 1\n" * 10,
    }


@pytest.fixture
def stl10(data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Write a tiny STL-10; return the folder of its files."""
    folder = data_dir / "torchvision" / "STL10" / "stl10_binary"
    folder.mkdir(parents=True)
    files = _stl10_files()
    for name, content in files.items():
        (folder / name).write_bytes(content)
    for part in ("train_list", "test_list"):
        known = getattr(torchvision.datasets.STL10, part)
        monkeypatch.setattr(torchvision.datasets.STL10, part, [[name, md5(files[name])] for name, _ in known])
    return folder


def _read(name: str, data_dir: Path, download: bool = False, **options: Any) -> RawDataset:
    return DATASETS[f"torchvision/{name}"].read(TorchvisionOptions(**options), data_dir, download)


def test_a_set_with_splits_is_read_as_torchvision_reads_it(stl10: Path, data_dir: Path) -> None:
    train, test, names = _read("STL10", data_dir)
    assert names == ("airplane", "bird", "truck"), "classes without an image are left out"
    assert made(train).labels.tolist() == [0, 2, 1, 0]
    assert made(test).labels.tolist() == [1, 0, 2, 2]
    np.testing.assert_array_equal(made(train).images, PIXELS.transpose(0, 1, 3, 2))


def test_size_and_channels_are_those_asked_for(stl10: Path, data_dir: Path) -> None:
    train, _, _ = _read("STL10", data_dir, image_size=8, channels=1)
    assert made(train).images.shape == (4, 1, 8, 8)


def test_a_file_with_another_checksum_is_refused(stl10: Path, data_dir: Path) -> None:
    content = bytearray((stl10 / "train_X.bin").read_bytes())
    content[5] ^= 1
    (stl10 / "train_X.bin").write_bytes(content)
    with pytest.raises(DataError, match=r"torchvision/STL10 .*cannot read it: Dataset not found or corrupted"):
        _read("STL10", data_dir)
    dataset = DATASETS["torchvision/STL10"]
    assert isinstance(dataset, DownloadableDataset)
    assert [check.status for check in dataset.verify(data_dir)] == ["damaged"]


def test_a_truncated_file_is_refused(stl10: Path, data_dir: Path) -> None:
    (stl10 / "test_y.bin").write_bytes(b"\x01")
    with pytest.raises(DataError, match="cannot read it"):
        _read("STL10", data_dir)


def _publish(site: Any, monkeypatch: pytest.MonkeyPatch, member: str = "stl10_binary") -> None:
    """Let torchvision download a tiny archive from a server on this machine."""
    path = site.folder / "stl10_binary.tar.gz"
    with tarfile.open(path, "w:gz") as archive:
        for name, content in _stl10_files().items():
            info = tarfile.TarInfo(f"{member}/{name}")
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    monkeypatch.setattr(torchvision.datasets.STL10, "url", f"{site.url}/{path.name}")
    monkeypatch.setattr(torchvision.datasets.STL10, "tgz_md5", md5(path.read_bytes()))


def test_what_is_absent_is_downloaded_by_torchvision(
    stl10: Path, site: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    _publish(site, monkeypatch)
    elsewhere = tmp_path / "elsewhere"
    train, _, _ = _read("STL10", elsewhere, download=True)
    assert len(train.labels) == 4
    assert sorted(path.name for path in elsewhere.rglob("*.bin")) == sorted(
        name for name in _stl10_files() if name.endswith(".bin")
    )
    dataset = DATASETS["torchvision/STL10"]
    assert isinstance(dataset, DownloadableDataset)
    assert [check.status for check in dataset.verify(elsewhere)] == ["ok"]
    assert capsys.readouterr().out == ""


def test_an_archive_that_reaches_outside_its_folder_is_refused(
    stl10: Path, site: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _publish(site, monkeypatch, member="../../../escaped")
    with pytest.raises(DataError, match="outside the destination"):
        _read("STL10", tmp_path / "a" / "b", download=True)
    assert not list(tmp_path.rglob("escaped"))
    assert not [path for path in (tmp_path / "a" / "b").rglob("*") if path.is_file()]


def test_a_set_without_splits_gives_up_a_share_for_tests(data_dir: Path, cache_dir: Path) -> None:
    root = data_dir / "torchvision" / "EuroSAT" / "eurosat" / "2750"
    for name in ("Forest", "River"):
        for index in range(10):
            write_image(root / name / f"{name}_{index}.jpg", size=(8, 8))
    loaded = load_dataset("torchvision/EuroSAT", {"test_split": 0.3}, data_dir, cache_dir, False)
    assert loaded.class_names == ("Forest", "River")
    assert loaded.info().test_counts == (3, 3)
    theirs = torchvision.datasets.EuroSAT(data_dir / "torchvision" / "EuroSAT")
    ours = _read("EuroSAT", data_dir).train
    assert ours.labels.tolist() == [label for _, label in theirs]
    np.testing.assert_array_equal(made(ours).images[13], np.asarray(theirs[13][0]).transpose(2, 0, 1))


def test_images_of_several_sizes_need_an_image_size(data_dir: Path, cache_dir: Path) -> None:
    root = data_dir / "torchvision" / "EuroSAT" / "eurosat" / "2750"
    for index, size in enumerate([(8, 8), (8, 9), (9, 8), (4, 4)]):
        write_image(root / "ab"[index % 2] / f"{index}.jpg", size=size)
    with pytest.raises(DataError, match=r"8x8 and .*set `image_size`"):
        load_dataset("torchvision/EuroSAT", {"test_split": 0.5}, data_dir, cache_dir, False)
    options = {"test_split": 0.5, "image_size": 6}
    assert load_dataset("torchvision/EuroSAT", options, data_dir, cache_dir, False).info().image_shape == (3, 6, 6)


def test_a_set_that_takes_train_as_an_argument_is_read(data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = data_dir / "torchvision" / "USPS"
    folder.mkdir(parents=True)
    splits = dict(torchvision.datasets.USPS.split_list)
    for split, labels in (("train", [7, 3]), ("test", [3])):
        lines = [
            f"{label + 1} " + " ".join(f"{pixel + 1}:{(pixel % 3) - 1}" for pixel in range(256)) for label in labels
        ]
        content = bz2.compress("\n".join(lines).encode())
        url, name, _ = splits[split]
        (folder / name).write_bytes(content)
        splits[split] = [url, name, md5(content)]
    monkeypatch.setattr(torchvision.datasets.USPS, "split_list", splits)
    train, test, names = _read("USPS", data_dir, channels=1)
    assert names == ("3", "7")
    assert (made(train).labels.tolist(), made(test).labels.tolist()) == ([1, 0], [0])
    assert made(train).images.shape == (2, 1, 16, 16)


def test_a_split_by_another_name_is_named_in_the_study_file(stl10: Path, data_dir: Path) -> None:
    with pytest.raises(DataError, match=r"no test split: Unknown value 'val'.*name it in `splits`"):
        _read("STL10", data_dir, splits={"test": "val"})
    assert len(_read("STL10", data_dir, splits={"train": "test", "test": "train"}).train.labels) == 4


@pytest.mark.parametrize(
    ("name", "what"),
    [("CocoDetection", "boxes"), ("VOCSegmentation", "masks"), ("Sintel", "fields of motion"), ("Kinetics", "videos")],
)
def test_sets_without_one_class_an_image_are_refused(name: str, what: str) -> None:
    with pytest.raises(DataError, match=f"torchvision/{name} has {what}.*expected images with one class each"):
        DATASETS[f"torchvision/{name}"]


def test_an_unknown_set_is_refused_with_the_nearest_name() -> None:
    with pytest.raises(UnknownNameError, match="did you mean 'STL10'"):
        DATASETS["torchvision/STL1"]
    with pytest.raises(UnknownNameError, match="did you mean 'torchvision/EuroSAT'"):
        DATASETS["EuroSAT"]


@pytest.mark.parametrize("name", TORCHVISION_SETS.names())
def test_every_set_says_what_is_missing_and_leaves_nothing(name: str, data_dir: Path, cache_dir: Path) -> None:
    dataset = DATASETS[f"torchvision/{name}"]
    assert isinstance(dataset, DownloadableDataset)
    assert {check.status for check in dataset.verify(data_dir)} == {"missing"}
    assert dataset.info(TorchvisionOptions()) is None
    with pytest.raises(DataError, match=f"layercut data download torchvision/{name}"):
        load_dataset(f"torchvision/{name}", {}, data_dir, cache_dir, False)
    assert not data_dir.exists()


def test_arguments_of_the_class_are_checked_by_name(data_dir: Path) -> None:
    (data_dir / "torchvision" / "EMNIST").mkdir(parents=True)
    (data_dir / "torchvision" / "EMNIST" / "something").touch()
    with pytest.raises(DataError, match=r"needs `arguments: \{split: \.\.\.\}`"):
        _read("EMNIST", data_dir)
    with pytest.raises(DataError, match="has no argument 'splits'; did you mean 'split'"):
        _read("EMNIST", data_dir, arguments={"splits": "letters"})
    with pytest.raises(DataError, match="cannot read it: Dataset not found"):
        _read("EMNIST", data_dir, arguments={"split": "letters"})


def test_an_unknown_option_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match="`argumets`: unknown key; did you mean 'arguments'"):
        load_dataset("torchvision/STL10", {"argumets": {}}, tmp_path, tmp_path, False)
