from __future__ import annotations

import tarfile
from pathlib import Path

import numpy as np
import pytest
import torchvision.datasets
from PIL import Image

from layercut.data import DownloadableDataset, pets
from layercut.data.cache import load_dataset
from layercut.data.pets import ARCHIVES, PETS, ROOT, PetsOptions
from layercut.data.raw_files import RawFile
from layercut.errors import DataError
from support.fake_datasets import made, md5, write_image

COUNTS = {"Abyssinian": (3, 2), "Shiba Inu": (2, 1)}
SIZES = [(30, 20), (12, 40), (25, 25), (16, 17), (50, 10)]


@pytest.fixture
def two_breeds(data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Write a tiny dataset of two breeds in the published layout; return its folder."""
    monkeypatch.setattr(pets, "_COUNTS", COUNTS)
    root = data_dir / ROOT
    for name, split in (("trainval", 0), ("test", 1)):
        lines = []
        for breed, (title, counts) in enumerate(COUNTS.items(), start=1):
            for index in range(counts[split]):
                stem = f"{title.replace(' ', '_')}_{100 * split + index}"
                write_image(root / "images" / f"{stem}.jpg", size=SIZES[(breed + index) % len(SIZES)])
                lines.append(f"{stem} {breed} 1 {index + 1}")
        (root / "annotations").mkdir(exist_ok=True)
        (root / "annotations" / f"{name}.txt").write_text("\n".join(lines) + "\n")
    return root


def test_photographs_of_many_sizes_become_images_of_one(two_breeds: Path, data_dir: Path) -> None:
    train, test, names = PETS.read(PetsOptions(image_size=(8, 10)), data_dir, False)
    assert names == ("Abyssinian", "Shiba Inu")
    assert made(train).images.shape == (5, 3, 8, 10)
    assert made(train).labels.tolist() == [0, 0, 0, 1, 1]
    assert made(test).labels.tolist() == [0, 0, 1]


def test_labels_and_order_are_those_of_torchvision(two_breeds: Path, data_dir: Path) -> None:
    train, _, names = PETS.read(PetsOptions(image_size=(8, 8), resize="stretch"), data_dir, False)
    theirs = torchvision.datasets.OxfordIIITPet(data_dir, split="trainval")
    assert train.labels.tolist() == [label for _, label in theirs]
    assert list(names) == theirs.classes
    for ours, (image, _) in zip(made(train).images, theirs, strict=True):
        expected = np.asarray(image.resize((8, 8), Image.Resampling.BILINEAR))
        np.testing.assert_array_equal(ours, expected.transpose(2, 0, 1))


def test_a_missing_photograph_is_named(two_breeds: Path, data_dir: Path) -> None:
    (two_breeds / "images" / "Shiba_Inu_1.jpg").unlink()
    with pytest.raises(DataError, match=r"images/Shiba_Inu_1\.jpg; run `layercut data download pets`"):
        PETS.read(PetsOptions(), data_dir, False)


def test_a_truncated_photograph_is_named(two_breeds: Path, data_dir: Path, cache_dir: Path) -> None:
    path = two_breeds / "images" / "Shiba_Inu_1.jpg"
    path.write_bytes(path.read_bytes()[:-200])
    with pytest.raises(DataError, match=r"Shiba_Inu_1\.jpg: expected an image, cannot read it"):
        load_dataset("pets", {"image_size": 8}, data_dir, cache_dir, False)


def test_an_empty_photograph_is_found_by_verify(two_breeds: Path, data_dir: Path) -> None:
    (two_breeds / "images" / "Shiba_Inu_1.jpg").write_bytes(b"")
    assert isinstance(PETS, DownloadableDataset)
    assert [check.status for check in PETS.verify(data_dir)] == ["ok", "ok", "damaged"]


@pytest.mark.parametrize("name", ["../../../escaped", "a/b", "..\\x", ""])
def test_a_list_that_leads_out_of_the_folder_is_refused(two_breeds: Path, data_dir: Path, name: str) -> None:
    (two_breeds / "annotations" / "test.txt").write_text(f"{name} 1 1 1\n")
    with pytest.raises(DataError, match=r"test\.txt: line 1: expected an image's name"):
        PETS.read(PetsOptions(), data_dir, False)


def test_a_shortened_list_is_refused(two_breeds: Path, data_dir: Path) -> None:
    path = two_breeds / "annotations" / "trainval.txt"
    path.write_text(path.read_text().partition("\n")[0])
    with pytest.raises(DataError, match=r"trainval\.txt: expected 5 images"):
        PETS.read(PetsOptions(), data_dir, False)


def test_archives_that_lie_there_are_unpacked_checked_and_not_kept_twice(
    two_breeds: Path, data_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    published = tmp_path / "published" / ROOT
    published.mkdir(parents=True)
    for name in ("images", "annotations"):
        with tarfile.open(published / f"{name}.tar.gz", "w:gz") as archive:
            archive.add(two_breeds / name, arcname=name)
    sums = {name: md5((published / f"{name}.tar.gz").read_bytes()) for name in ("images", "annotations")}
    monkeypatch.setattr(pets, "ARCHIVES", tuple(RawFile(f"{ROOT}/{name}.tar.gz", md5=sums[name]) for name in sums))
    resources = tuple((f"http://127.0.0.1:9/{name}.tar.gz", sums[name]) for name in sums)
    monkeypatch.setattr(torchvision.datasets.OxfordIIITPet, "_RESOURCES", resources)
    elsewhere = published.parent
    train, _, _ = PETS.read(PetsOptions(image_size=(8, 8)), elsewhere, True)
    assert made(train).images.shape == (5, 3, 8, 8)
    assert sorted(path.name for path in elsewhere.iterdir()) == [ROOT]
    assert sorted(path.name for path in published.iterdir()) == [
        "annotations",
        "annotations.tar.gz",
        "images",
        "images.tar.gz",
    ]


def test_checksums_of_the_archives_are_those_of_torchvision() -> None:
    theirs = {Path(url).name: checksum for url, checksum in torchvision.datasets.OxfordIIITPet._RESOURCES}
    assert {Path(file.path).name: file.md5 for file in ARCHIVES} == theirs


def test_published_counts_add_up() -> None:
    info = PETS.info(PetsOptions())
    assert info is not None
    assert info.image_shape == (3, 224, 224)
    assert (len(info.class_names), sum(info.train_counts), sum(info.test_counts)) == (37, 3680, 3669)


def test_images_of_each_breed_are_as_many_as_published() -> None:
    """Both splits together, as counted in the published lists: 200, but for these."""
    info = PETS.info(PetsOptions())
    assert info is not None
    counts = zip(info.class_names, info.train_counts, info.test_counts, strict=True)
    others = {name: train + test for name, train, test in counts if train + test != 200}
    assert others == {
        "Abyssinian": 198, "Bombay": 184, "Boxer": 199, "Egyptian Mau": 190, "English Cocker Spaniel": 196,
        "Keeshond": 199, "Newfoundland": 196, "Scottish Terrier": 199, "Siamese": 199,
        "Staffordshire Bull Terrier": 189,
    }  # fmt: skip


def test_a_list_without_a_breed_is_refused(two_breeds: Path, data_dir: Path) -> None:
    path = two_breeds / "annotations" / "test.txt"
    path.write_text(path.read_text().replace(" 2 ", " 1 "))
    with pytest.raises(DataError, match=r"test\.txt: expected 3 images, \[2, 1\] of each breed; got \[3, 0\]"):
        PETS.read(PetsOptions(), data_dir, False)
