from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from layercut.data.base import RawDataset
from layercut.data.cache import load_dataset
from layercut.data.folder import FOLDER, FolderOptions
from layercut.data.reading import dataset_notes
from layercut.data.subset import select_task
from layercut.errors import DataError, SpecError
from layercut.plan.preflight import plan_with_data, plan_without_data
from layercut.plan.summary import describe, summarize
from support.fake_datasets import made, write_folder, write_image
from support.tiny import tiny_study

NOISE = np.random.default_rng(0).integers(0, 256, size=(4, 6, 3), dtype=np.uint8)


def _read(root: Path, **options: Any) -> RawDataset:
    train, test, names = FOLDER.read(FolderOptions(path=root, **options), Path("unused"), False)
    return RawDataset(made(train), made(test) if test else None, names)


def test_classes_are_the_folders_sorted_by_name(tmp_path: Path) -> None:
    write_folder(tmp_path / "train", {"zebra": 2, "ant": 3})
    write_folder(tmp_path / "test", {"ant": 1, "zebra": 1}, prefix="t")
    train, test, names = _read(tmp_path)
    assert names == ("ant", "zebra")
    assert train.labels.tolist() == [0, 0, 0, 1, 1]
    assert test is not None
    assert test.labels.tolist() == [0, 1]
    expected = np.asarray(Image.open(tmp_path / "train" / "zebra" / "zebra1.png")).transpose(2, 0, 1)
    np.testing.assert_array_equal(train.images[4], expected)


def test_a_folder_without_test_images_gets_a_stratified_share(tmp_path: Path, cache_dir: Path) -> None:
    write_folder(tmp_path / "images", {"a": 10, "b": 20})
    options = {"path": str(tmp_path / "images"), "test_split": 0.3}
    loaded = load_dataset("folder", options, tmp_path, cache_dir, False)
    assert loaded.info().test_counts == (3, 6)
    assert loaded.info().train_counts == (7, 14)


def test_a_test_share_of_a_folder_with_test_images_is_refused(tmp_path: Path) -> None:
    write_folder(tmp_path / "train", {"a": 1, "b": 1})
    write_folder(tmp_path / "test", {"a": 1, "b": 1})
    with pytest.raises(DataError, match="remove `test_split`"):
        _read(tmp_path, test_split=0.2)


def test_images_of_different_sizes_need_an_image_size(tmp_path: Path) -> None:
    write_folder(tmp_path, {"a": 3, "b": 2})
    odd = write_image(tmp_path / "b" / "odd.png", size=(5, 9))
    with pytest.raises(DataError) as caught:
        _read(tmp_path)
    message = str(caught.value)
    assert "6x6 (5 images), 5x9 (1 images)" in message
    assert str(odd) in message
    assert "image_size: 32" in message


@pytest.mark.parametrize(("image_size", "shape"), [(4, (4, 4)), ([3, 5], (3, 5))])
@pytest.mark.parametrize("resize", ["stretch", "crop", "pad", "shorter_side_and_center_crop"])
@pytest.mark.parametrize("channels", [1, 3])
def test_images_get_the_size_and_channels_asked_for(
    tmp_path: Path, image_size: Any, shape: tuple[int, int], resize: str, channels: int
) -> None:
    write_folder(tmp_path, {"a": 1, "b": 1})
    write_image(tmp_path / "a" / "wide.png", size=(5, 20))
    train, _, _ = _read(tmp_path, image_size=image_size, resize=resize, channels=channels)
    assert train.images.shape == (3, channels, *shape)


def test_center_crop_keeps_the_middle_and_stretch_keeps_the_edges(tmp_path: Path) -> None:
    pixels = np.zeros((10, 30, 3), dtype=np.uint8)
    pixels[:, 10:20] = 255
    for name in ("a", "b"):
        write_image(tmp_path / name / "x.png", pixels)
    assert _read(tmp_path, image_size=10)[0].images.min() == 255
    stretched = _read(tmp_path, image_size=10, resize="stretch")[0].images
    assert (stretched[:, :, :, 0] == 0).all()


def test_padding_keeps_the_whole_image_between_black_bars(tmp_path: Path) -> None:
    for name in ("a", "b"):
        write_image(tmp_path / name / "x.png", np.full((10, 30, 3), 255, dtype=np.uint8))
    image = _read(tmp_path, image_size=30, resize="pad")[0].images[0]
    assert (image[:, 10:20] == 255).all()
    assert (image[:, :10] == 0).all() and (image[:, 20:] == 0).all()


def test_the_interpolation_asked_for_is_used(tmp_path: Path) -> None:
    for name in ("a", "b"):
        write_image(tmp_path / name / "x.png", NOISE)
    seen = [
        _read(tmp_path, image_size=[8, 12], interpolation=name)[0].images.tobytes()
        for name in ("nearest", "box", "bilinear", "bicubic", "lanczos")
    ]
    assert len(set(seen)) == 4, "enlarged twice, a box is the nearest pixel; all others differ"


def test_images_of_the_right_size_are_not_resampled(tmp_path: Path) -> None:
    for name in ("a", "b"):
        write_image(tmp_path / name / "x.png", NOISE)
    np.testing.assert_array_equal(_read(tmp_path, image_size=[4, 6])[0].images[0], NOISE.transpose(2, 0, 1))


@pytest.mark.parametrize("image_size", [None, [6, 4]])
def test_images_are_turned_upright_as_their_exif_orientation_says(tmp_path: Path, image_size: Any) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # turn by 90 degrees clockwise to view
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        Image.fromarray(NOISE).save(tmp_path / name / "x.png", exif=exif)
    upright = np.rot90(NOISE, k=-1)
    np.testing.assert_array_equal(_read(tmp_path, image_size=image_size)[0].images[0], upright.transpose(2, 0, 1))


def test_a_truncated_image_is_refused_by_name(tmp_path: Path) -> None:
    write_folder(tmp_path, {"a": 2, "b": 2})
    broken = tmp_path / "b" / "b1.png"
    broken.write_bytes(broken.read_bytes()[:60])
    with pytest.raises(DataError, match=r"b1\.png: expected an image, cannot read it"):
        _read(tmp_path, image_size=6)


def test_a_file_that_is_no_image_is_refused_by_name(tmp_path: Path) -> None:
    write_folder(tmp_path, {"a": 1, "b": 1})
    (tmp_path / "a" / "notes.txt").write_text("hello")
    with pytest.raises(DataError, match=r"notes\.txt: expected an image.*in no format that Pillow reads, such as JPEG"):
        _read(tmp_path)


def test_links_out_of_the_folder_are_followed(tmp_path: Path) -> None:
    outside = write_image(tmp_path / "outside" / "x.png")
    write_folder(tmp_path / "root", {"a": 1})
    (tmp_path / "root" / "b").symlink_to(outside.parent)
    (tmp_path / "root" / "a" / "linked.png").symlink_to(outside)
    assert _read(tmp_path / "root")[0].labels.tolist() == [0, 0, 1]


def _no_classes(root: Path) -> None:
    root.mkdir()


def _stray_file(root: Path) -> None:
    write_folder(root, {"a": 1, "b": 1})
    (root / "labels.csv").touch()


def _empty_class(root: Path) -> None:
    write_folder(root, {"a": 1, "b": 1})
    (root / "void").mkdir()
    (root / "void" / ".hidden").touch()


def _nested(root: Path) -> None:
    write_folder(root / "a", {"deeper": 1})


def _train_only(root: Path) -> None:
    write_folder(root / "train", {"a": 1, "b": 1})


def _test_only(root: Path) -> None:
    write_folder(root / "Val", {"a": 1, "b": 1})


def _two_for_one(root: Path) -> None:
    for name in ("train", "val", "validation"):
        write_folder(root / name, {"a": 1, "b": 1})


def _two_of_a_name(root: Path) -> None:
    for name in ("train", "Train", "test"):
        write_folder(root / name, {"a": 1, "b": 1})


def _no_labels(root: Path) -> None:
    write_folder(root / "train", {"a": 1, "b": 1})
    write_folder(root, {"test": 2})


def _splits_without_classes(root: Path) -> None:
    write_folder(root, {"train": 2, "val": 2})


def _different_classes(root: Path) -> None:
    write_folder(root / "train", {"a": 1, "b": 1})
    write_folder(root / "test", {"a": 1, "c": 1})


def _a_file(root: Path) -> None:
    root.touch()


def _absent(root: Path) -> None:
    pass


def _broken_link(root: Path) -> None:
    write_folder(root, {"a": 1, "b": 1})
    (root / "b" / "gone.png").symlink_to(root / "nothing.png")


@pytest.mark.parametrize(
    ("write", "message"),
    [
        (_no_classes, "got an empty folder"),
        (_stray_file, r"no files; got labels\.csv"),
        (_empty_class, "void: this class has no images"),
        (_nested, "a: expected the images of one class, got folders: deeper"),
        (_train_only, r"has train/ but no test/ \(nor val/, valid/ or validation/\).*set `path` to .*root/train"),
        (_test_only, "has Val/ but no train/"),
        (_two_for_one, "val/ and validation/ mean the same; keep only one"),
        (_two_of_a_name, "Train/ and train/ mean the same; keep only one"),
        (_no_labels, "test: expected one folder per class, got images without a class"),
        (_splits_without_classes, "train: expected one folder per class, got images without a class"),
        (_different_classes, "only train/ has b and only test/ has c"),
        (_a_file, "expected a folder of images, got a file"),
        (_absent, "expected a folder of images, got nothing"),
        (_broken_link, r"gone\.png: "),
    ],
)
def test_another_layout_is_refused_with_what_was_expected(
    tmp_path: Path, cache_dir: Path, write: Callable[[Path], None], message: str
) -> None:
    write(tmp_path / "root")
    with pytest.raises(DataError, match=message):
        load_dataset("folder", {"path": str(tmp_path / "root")}, tmp_path, cache_dir, False)


def test_hidden_files_and_what_lies_beside_train_and_test_are_ignored(tmp_path: Path) -> None:
    write_folder(tmp_path / "train", {"a": 1, "b": 1})
    write_folder(tmp_path / "test", {"a": 1, "b": 1})
    (tmp_path / "README.txt").touch()
    (tmp_path / "train" / ".DS_Store").touch()
    (tmp_path / "train" / "a" / ".DS_Store").touch()
    assert len(_read(tmp_path)[0].labels) == 2


def _notes(root: Path) -> tuple[str, ...]:
    return dataset_notes("folder", {"path": str(root)}, Path("unused"))


@pytest.mark.parametrize("name", ["val", "valid", "validation", "Val", "VALIDATION"])
def test_without_a_test_folder_the_validation_folder_is_the_test_set_and_that_is_said(
    tmp_path: Path, name: str
) -> None:
    write_folder(tmp_path / "photos" / "train", {"a": 3, "b": 3})
    write_folder(tmp_path / "photos" / name, {"a": 1, "b": 2}, prefix="v")
    train, test, _ = _read(tmp_path / "photos")
    assert test is not None
    assert (len(train.labels), test.labels.tolist()) == (6, [0, 1, 1])
    assert _notes(tmp_path / "photos") == (f"photos: there is no test set, so {name}/ is the test set",)


def _three_splits(root: Path, train: int = 8, validation: int = 3, test: int = 2) -> Path:
    for split, count in (("train", train), ("val", validation), ("test", test)):
        write_folder(root / split, {"a": count, "b": count}, prefix=split)
    return root


def test_validation_images_beside_test_images_are_for_validation_alone(tmp_path: Path, cache_dir: Path) -> None:
    root = _three_splits(tmp_path / "photos")
    dataset = load_dataset("folder", {"path": str(root)}, tmp_path, cache_dir, False)
    info = select_task(dataset, None).info("photos")
    assert (info.train_counts, info.test_counts, info.num_validation) == ((8, 8), (2, 2), 6)
    assert dataset.info().train_counts == (8, 8)
    assert _notes(root) == ("photos: the 6 images of val/ are for validation: neither trained on nor tested on",)


def test_images_in_both_are_validated_on_and_not_trained_on(tmp_path: Path, cache_dir: Path) -> None:
    root = _three_splits(tmp_path / "photos")
    (root / "train" / "a" / "copy.png").write_bytes((root / "val" / "a" / "vala0.png").read_bytes())
    (root / "val" / "b" / "copy.png").write_bytes((root / "test" / "b" / "testb0.png").read_bytes())
    task = select_task(load_dataset("folder", {"path": str(root)}, tmp_path, cache_dir, False), None)
    assert (task.info("photos").train_counts, task.num_validation, task.num_duplicates_dropped) == ((8, 8), 6, 2)


def test_other_validation_images_make_another_task(tmp_path: Path, cache_dir: Path) -> None:
    root = _three_splits(tmp_path / "photos")
    before = load_dataset("folder", {"path": str(root)}, tmp_path, cache_dir, False).fingerprint
    moved = root / "val" / "a" / "vala0.png"
    moved.rename(root / "train" / "a" / "z.png")
    assert load_dataset("folder", {"path": str(root)}, tmp_path, cache_dir, False).fingerprint != before


def test_validation_images_stay_so_where_classes_are_chosen_or_grouped(tmp_path: Path, cache_dir: Path) -> None:
    root = tmp_path / "photos"
    for split, count in (("train", 4), ("val", 3), ("test", 2)):
        write_folder(root / split, {"a": count, "b": count, "c": count}, prefix=split)
    options = {"path": str(root)}
    dataset = load_dataset("folder", options, tmp_path, cache_dir, False)
    assert select_task(dataset, ["c", "a"]).num_validation == 6
    grouped = load_dataset("folder", {**options, "groups": {"x": ["a"], "y": ["c"]}}, tmp_path, cache_dir, False)
    assert (grouped.num_validation, grouped.info().train_counts) == (6, (4, 4))


def test_a_class_for_validation_alone_is_refused(tmp_path: Path) -> None:
    write_folder(_three_splits(tmp_path) / "val", {"c": 1})
    with pytest.raises(DataError, match="only val/ has c: add training images of it"):
        _read(tmp_path)


@pytest.mark.parametrize(("train", "test"), [("Train", "Test"), ("TRAIN", "test")])
def test_capitals_in_the_names_of_splits_do_not_matter(tmp_path: Path, train: str, test: str) -> None:
    write_folder(tmp_path / train, {"a": 2, "b": 1})
    write_folder(tmp_path / test, {"a": 1, "b": 1}, prefix="t")
    assert [len(part.labels) for part in _read(tmp_path)[:2] if part] == [3, 2]


@pytest.mark.parametrize("names", [("bus", "train"), ("bus", "test", "train"), ("test", "valid", "x")])
def test_classes_may_be_called_train_and_test(tmp_path: Path, names: tuple[str, ...]) -> None:
    write_folder(tmp_path, dict.fromkeys(names, 2))
    _, test, found = _read(tmp_path)
    assert (test, found) == (None, names)


def test_a_class_may_be_called_train_within_the_splits(tmp_path: Path) -> None:
    for split in ("train", "test"):
        write_folder(tmp_path / split, {"bus": 1, "train": 1}, prefix=split)
    assert _read(tmp_path).class_names == ("bus", "train")


def test_both_unicode_forms_of_a_name_are_one_class(tmp_path: Path) -> None:
    composed, decomposed = "caf\u00e9", "cafe\u0301"
    write_folder(tmp_path / "train", {composed: 2, "tea": 1})
    write_folder(tmp_path / "train" / decomposed, {}, prefix="d")
    write_image(tmp_path / "train" / decomposed / "another.png")
    write_folder(tmp_path / "test", {decomposed: 1, "tea": 1}, prefix="t")
    train, test, names = _read(tmp_path)
    assert (names, train.labels.tolist()) == ((composed, "tea"), [0, 0, 0, 1])
    assert test is not None
    assert test.labels.tolist() == [0, 1]


def test_what_systems_leave_in_folders_is_skipped_and_counted(tmp_path: Path) -> None:
    root = write_folder(tmp_path / "photos", {"a": 2, "b": 2})
    for name in ("__MACOSX", ".ipynb_checkpoints"):
        write_folder(root, {name: 1})
    for path in (root / "Thumbs.db", root / "a" / ".DS_Store", root / "b" / ".DS_Store", root / "a" / "desktop.ini"):
        path.touch()
    assert len(_read(root).train.labels) == 4
    assert _notes(root) == (
        "photos: 6 hidden or system files and folders are skipped (.DS_Store, .ipynb_checkpoints, Thumbs.db, "
        "__MACOSX, desktop.ini)",
    )


def test_folders_beside_the_splits_are_named(tmp_path: Path) -> None:
    for name in ("train", "test", "unlabelled"):
        write_folder(tmp_path / "photos" / name, {"a": 1, "b": 1}, prefix=name)
    assert _notes(tmp_path / "photos") == ("photos: unlabelled/ beside the splits is not read",)


def test_a_plan_says_how_a_folder_is_understood(tmp_path: Path) -> None:
    root = write_folder(tmp_path / "photos" / "train", {"a": 4, "b": 4}).parent
    write_folder(root / "val", {"a": 1, "b": 1}, prefix="v")
    spec = tiny_study(
        "source={random: true}",
        f"target={{dataset: folder, path: {root}, image_size: 8, channels: 1}}",
        "transfer.fractions=[1.0]",
    )
    summaries = [
        summarize(spec, plan_without_data(spec, tmp_path, tmp_path / "cache", "float32")),
        summarize(spec, plan_with_data(spec, tmp_path, tmp_path / "cache", "float32").plan),
    ]
    for summary in summaries:
        assert "  data        photos: there is no test set, so val/ is the test set" in describe(summary).splitlines()


def test_a_changed_image_changes_the_identity_of_the_folder(tmp_path: Path) -> None:
    write_folder(tmp_path, {"a": 1, "b": 1})
    options = FolderOptions(path=tmp_path)
    before = FOLDER.files_key(options, tmp_path)
    write_image(tmp_path / "a" / "another.png")
    assert before != FOLDER.files_key(options, tmp_path)


@pytest.mark.parametrize(
    ("options", "place"),
    [
        ({}, "path"),
        ({"path": "x", "image_size": 0}, r"image_size\[0\]"),
        ({"path": "x", "image_size": [3, 4, 5]}, "image_size"),
        ({"path": "x", "image_size": True}, "image_size"),
        ({"path": "x", "channels": 2}, "channels"),
        ({"path": "x", "resize": "squeeze"}, "resize"),
        ({"path": "x", "test_split": 1.5}, "test_split"),
    ],
)
def test_impossible_options_are_refused_with_their_place(tmp_path: Path, options: dict[str, Any], place: str) -> None:
    with pytest.raises(SpecError, match=f"`{place}`"):
        load_dataset("folder", options, tmp_path, tmp_path, False)


def test_running_out_of_memory_is_not_taken_for_a_broken_image(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def exhausted(*args: object, **kwargs: object) -> None:
        raise MemoryError

    write_folder(tmp_path, {"a": 1, "b": 1})
    monkeypatch.setattr(Image, "open", exhausted)
    with pytest.raises(MemoryError):
        _read(tmp_path)
