"""A table that says what images are, and groups of images that belong together."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from layercut.data.base import RawDataset
from layercut.data.cache import load_dataset
from layercut.data.folder import FOLDER, FolderOptions
from layercut.data.holdout import share_of_groups
from layercut.data.reading import dataset_notes
from layercut.errors import DataError
from support.fake_datasets import made, write_image


def _table(root: Path, text: str, encoding: str = "utf-8") -> Path:
    """Write a table and the images that its first column names."""
    delimiter = next(sign for sign in ",;\t" if sign in text)
    for line in text.splitlines()[1:]:
        write_image(root / line.split(delimiter)[0])
    (root / "metadata.csv").write_text(text, encoding=encoding)
    return root


def _read(path: Path, group: str | None = None) -> RawDataset:
    return FOLDER.read(FolderOptions(path=path, group=group), Path("unused"), False)


def _notes(path: Path) -> tuple[str, ...]:
    return dataset_notes("folder", {"path": str(path)}, Path("unused"))


SPLIT = """file_name,label,split
images/1.png,00010,train
images/2.png,yes,Train
images/3.png,00010,test
images/4.png,yes,TEST
images/5.png,yes,train
"""


def test_a_table_says_label_and_split_of_each_image(tmp_path: Path) -> None:
    train, test, names = _read(_table(tmp_path, SPLIT))
    assert names == ("00010", "yes")
    assert test is not None
    assert (train.labels.tolist(), test.labels.tolist()) == ([0, 1, 1], [0, 1])
    assert made(train).images[2].tobytes() == _pixels(tmp_path / "images" / "5.png")


def test_the_path_may_be_that_of_a_table_of_any_name(tmp_path: Path) -> None:
    _table(tmp_path, SPLIT)
    (tmp_path / "metadata.csv").rename(tmp_path / "labels.csv")
    assert len(_read(tmp_path / "labels.csv").train.labels) == 3


@pytest.mark.parametrize("delimiter", [";", "\t"])
def test_what_spreadsheets_write_is_read(tmp_path: Path, delimiter: str) -> None:
    _table(tmp_path, SPLIT.replace(",", delimiter), encoding="utf-8-sig")
    assert _read(tmp_path).class_names == ("00010", "yes")


@pytest.mark.parametrize(
    "written", ["images/caf\u00e9.png", "images/cafe\u0301.png", "images\\caf\u00e9.png", "./images/caf\u00e9.png"]
)
def test_names_of_files_are_found_in_every_form_in_which_systems_write_them(tmp_path: Path, written: str) -> None:
    _table(tmp_path, SPLIT)
    (tmp_path / "images" / "1.png").rename(tmp_path / "images" / "cafe\u0301.png")
    (tmp_path / "metadata.csv").write_text(SPLIT.replace("images/1.png", written), encoding="utf-8")
    assert _read(tmp_path).train.labels.tolist() == [0, 1, 1]


def test_without_splits_a_share_of_each_class_is_kept_for_tests(tmp_path: Path) -> None:
    rows = [f"{name}{index}.png,{name}" for name in "ab" for index in range(10)]
    _table(tmp_path / "photos", "\n".join(["file_name,label", *rows]))
    loaded = load_dataset("folder", {"path": str(tmp_path / "photos")}, tmp_path, tmp_path / "cache", False)
    assert (loaded.info().train_counts, loaded.info().test_counts) == ((8, 8), (2, 2))


def test_validation_images_of_a_table_are_its_test_set_where_it_has_no_other(tmp_path: Path) -> None:
    _table(tmp_path / "photos", SPLIT.replace("test", "val").replace("TEST", "valid"))
    assert _notes(tmp_path / "photos") == ("photos: there is no test set, so validation is the test set",)


def test_files_that_a_table_does_not_name_are_counted(tmp_path: Path) -> None:
    _table(tmp_path / "photos", SPLIT)
    write_image(tmp_path / "photos" / "images" / "stray.png")
    (tmp_path / "photos" / ".hidden").touch()
    assert _notes(tmp_path / "photos") == ("photos: 1 file that metadata.csv does not name is not read (stray.png)",)


def test_a_changed_label_changes_the_identity_of_the_folder(tmp_path: Path) -> None:
    options = FolderOptions(path=_table(tmp_path, SPLIT))
    before = FOLDER.files_key(options, tmp_path)
    (tmp_path / "metadata.csv").write_text(SPLIT.replace("5.png,yes", "5.png,00010"))
    assert FOLDER.files_key(options, tmp_path) != before


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda text: text.replace("label", "lable"), "expected a column 'label'; did you mean 'lable'"),
        (lambda text: text.replace("2.png,yes", "2.png,"), "line 3: expected a label, got nothing"),
        (lambda text: text.replace("TEST", "holdout"), "line 5: expected a split train, test, .*got 'holdout'"),
        (lambda text: text.replace("images/2", "images/1"), r"each image once; 1\.png appears more than once"),
        (lambda text: text.replace("images/2", "pictures/2"), r"line 3: no file .*pictures/2\.png; names are relative"),
        (lambda text: text.replace(",train", ",test").replace(",Train", ",test"), "expected training images, got test"),
        (lambda text: text.replace("yes,TEST", "no,TEST"), "train and test must hold the same classes; only train has"),
        (lambda text: text.splitlines()[0], "expected one row per image; got none"),
    ],
)
def test_a_wrong_table_is_refused_with_its_line(tmp_path: Path, change: Callable[[str], str], message: str) -> None:
    _table(tmp_path, SPLIT)
    (tmp_path / "metadata.csv").write_text(change(SPLIT))
    with pytest.raises(DataError, match=message):
        _read(tmp_path)


def _patients(root: Path, column: str = "group") -> Path:
    rows = [f"{name}/{p}{i}.png,{name},p{p}" for name in "ab" for p in range(8) for i in range(1 + p % 3)]
    return _table(root, "\n".join([f"file_name,label,{column}", *rows]))


def _divided(root: Path, group: str | None = None) -> tuple[set[bytes], set[bytes]]:
    read = _read(root, group)
    assert read.test is not None
    return tuple({image.tobytes() for image in made(part).images} for part in (read.train, read.test))  # type: ignore[return-value]


@pytest.mark.parametrize(("column", "group"), [("group", None), ("patient", "patient")])
def test_images_of_one_group_are_never_in_training_and_test_both(
    tmp_path: Path, column: str, group: str | None
) -> None:
    root = _patients(tmp_path / "photos", column)
    train, test = _divided(root, group)
    for patient in range(8):
        own = {_pixels(path) for path in root.rglob(f"{patient}?.png")}
        assert not (own & train and own & test)
    assert train and test


def _pixels(path: Path) -> bytes:
    return np.asarray(Image.open(path)).transpose(2, 0, 1).tobytes()


def test_the_folders_of_a_class_may_be_groups(tmp_path: Path) -> None:
    for name in "ab":
        for group in range(5):
            for index in range(2):
                write_image(tmp_path / "photos" / name / f"video{group}" / f"{name}{group}{index}.png")
    train, test = _divided(tmp_path / "photos", "folder")
    assert (len(train), len(test)) == (16, 4)
    assert _notes_of_groups(tmp_path / "photos") == (
        "photos: 5 groups stay whole between training, validation and test images",
    )
    with pytest.raises(DataError, match=r"got folders: video0, .*or say `group: folder`"):
        _read(tmp_path / "photos")


def _notes_of_groups(path: Path) -> tuple[str, ...]:
    return dataset_notes("folder", {"path": str(path), "group": "folder"}, Path("unused"))


def test_a_group_in_training_and_test_images_is_refused(tmp_path: Path) -> None:
    for split in ("train", "test"):
        for name in "ab":
            write_image(tmp_path / split / name / "video1" / f"{split}{name}.png")
    with pytest.raises(DataError, match="no group may be in train/ and in test/; both have video1"):
        _read(tmp_path, "folder")


@pytest.mark.parametrize(
    ("write", "group", "message"),
    [
        (_patients, "folder", "expected a column 'folder'"),
        (lambda root: write_image(root / "a" / "x.png"), "patient", "expected `group: folder` .*got 'patient'"),
        (
            lambda root: write_image(root / "a" / "x.png"),
            "folder",
            r"expected one folder per group, got images: x\.png",
        ),
    ],
)
def test_a_group_that_is_nowhere_is_refused(
    tmp_path: Path, write: Callable[[Path], Path], group: str, message: str
) -> None:
    write(tmp_path)
    with pytest.raises(DataError, match=message):
        _read(tmp_path, group)


def test_groups_come_near_to_the_share_of_each_class() -> None:
    rng = np.random.default_rng(0)
    groups = [str(group) for group in rng.integers(0, 60, size=600)]
    labels = rng.integers(0, 3, size=600)
    held_out = share_of_groups(labels, groups, ("a", "b", "c"), 0.2)
    wanted = [round(0.2 * count) for count in np.bincount(labels)]
    np.testing.assert_allclose(np.bincount(labels[held_out]), wanted, atol=4)
    assert not set(np.array(groups)[held_out]) & set(np.array(groups)[~held_out])


def test_a_class_of_few_large_groups_gives_one_of_them() -> None:
    held_out = share_of_groups(np.array([0] * 20 + [1] * 20), ["x", "y"] * 20, ("a", "b"), 0.2)
    assert held_out.sum() == 20
    with pytest.raises(DataError, match="class 'b' has 1 group: whole groups cannot be split"):
        share_of_groups(np.array([0] * 20 + [1] * 20), ["x", "y"] * 10 + ["z"] * 20, ("a", "b"), 0.2)


def _as_parquet(root: Path) -> Path:
    """Replace the table of a folder by the same as Parquet."""
    table = pd.read_csv(root / "metadata.csv", dtype=str)
    table.to_parquet(root / "metadata.parquet")
    (root / "metadata.csv").unlink()
    return root


def test_a_parquet_table_says_what_the_same_table_as_csv_says(tmp_path: Path) -> None:
    expected, found = _read(_table(tmp_path / "csv", SPLIT)), _read(_as_parquet(_table(tmp_path / "parquet", SPLIT)))
    assert expected.test is not None and found.test is not None
    assert found.class_names == expected.class_names
    for own, other in ((found.train, expected.train), (found.test, expected.test)):
        assert own.labels.tolist() == other.labels.tolist()
        assert made(own).images.tobytes() == made(other).images.tobytes()
    assert len(_read(tmp_path / "parquet" / "metadata.parquet").train.labels) == 3


def test_what_is_wrong_with_a_parquet_table_is_said_with_its_row(tmp_path: Path) -> None:
    root = _as_parquet(_table(tmp_path, SPLIT))
    table = pd.read_parquet(root / "metadata.parquet")
    table.loc[1, "label"] = None
    table.to_parquet(root / "metadata.parquet")
    with pytest.raises(DataError, match=r"metadata\.parquet, row 2: expected a label, got nothing"):
        _read(root)
    (root / "metadata.parquet").write_bytes(b"no table")
    with pytest.raises(DataError, match="cannot be read as Parquet"):
        _read(root)


def test_two_tables_in_one_folder_are_refused(tmp_path: Path) -> None:
    root = _table(tmp_path, SPLIT)
    pd.read_csv(root / "metadata.csv", dtype=str).to_parquet(root / "metadata.parquet")
    with pytest.raises(DataError, match=r"expected one table, got metadata\.csv and metadata\.parquet"):
        _read(root)
