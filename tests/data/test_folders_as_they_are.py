"""Folders as people have them, made of real photographs of ants and bees."""

from __future__ import annotations

import shutil
import unicodedata
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from layercut.data.cache import load_dataset
from layercut.data.cache_entry import LoadedDataset
from layercut.data.reading import dataset_notes

ANTS, BEES = "ants", "bees"
SIDE = 48


class Kind(NamedTuple):
    """What a folder of some kind should be taken for."""

    classes: tuple[str, ...] = (ANTS, BEES)
    train: tuple[int, ...] = (4, 4)
    test: tuple[int, ...] = (2, 2)
    notes: tuple[str, ...] = ()
    options: dict[str, Any] = {}  # noqa: RUF012 - never changed


Photos = dict[str, list[Image.Image]]


@pytest.fixture(scope="module")
def photos(shared_data: Path) -> Photos:
    """Return six photographs of each class, small."""
    found = {}
    for name in (ANTS, BEES):
        paths = sorted((shared_data / "ants-bees" / "train" / name).iterdir())[:6]
        found[name] = [Image.open(path).convert("RGB").resize((SIDE, SIDE - 16)) for path in paths]
    return found


def _save(image: Image.Image, path: Path, **how: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    image.save(path, **how)


def _write(root: Path, photos: Photos, layout: dict[str, Sequence[int]], suffix: str = ".png", **how: Any) -> None:
    """Write some photographs of each class to `root/PLACE/CLASS`, by their numbers."""
    for place, numbers in layout.items():
        for name, images in photos.items():
            for number in numbers:
                _save(images[number], root / place / name / f"{number}{suffix}", **how)


def _splits(train: str, test: str, *notes: str) -> Callable[[Path, Photos], Kind]:
    def write(root: Path, photos: Photos) -> Kind:
        _write(root, photos, {train: range(4), test: range(4, 6)})
        return Kind(notes=notes)

    return write


def _three_splits(root: Path, photos: Photos) -> Kind:
    _write(root, photos, {"train": range(3), "val": [3], "test": range(4, 6)})
    held_out = "photos: the 2 images of val/ are for validation: neither trained on nor tested on"
    return Kind(train=(3, 3), notes=(held_out,))


def _classes_alone(root: Path, photos: Photos) -> Kind:
    _write(root, photos, {".": range(6)})
    return Kind(options={"test_split": 0.33})


def _a_class_called_train(root: Path, photos: Photos) -> Kind:
    _write(root, {"train": photos[ANTS], "val": photos[BEES], "bus": photos[BEES][::-1]}, {".": range(6)})
    return Kind(("bus", "train", "val"), (5, 5, 5), (1, 1, 1))


def _left_behind(root: Path, photos: Photos) -> Kind:
    _write(root, photos, {"train": range(4), "test": range(4, 6), "__MACOSX": [0], "train/.ipynb_checkpoints": [0]})
    for place in ("Thumbs.db", "train/ants/.DS_Store", "test/bees/desktop.ini", "train/ants/._0.png"):
        (root / place).touch()
    return Kind(
        notes=(
            "photos: 6 hidden or system files and folders are skipped (.DS_Store, ._0.png, .ipynb_checkpoints, "
            "Thumbs.db, __MACOSX and 1 more)",
        )
    )


def _more_beside(root: Path, photos: Photos) -> Kind:
    _write(root, photos, {"train": range(4), "test": range(4, 6), "unlabelled": [0]})
    (root / "README.md").write_text("Ants and bees.")
    return Kind(notes=("photos: unlabelled/ beside the splits is not read",))


def _table(root: Path, photos: Photos, columns: Callable[[str, int], str], header: str) -> None:
    rows = [header]
    for name, images in photos.items():
        for number, image in enumerate(images):
            _save(image, root / "images" / f"{name[0]}{number}.png")
            rows.append(f"images/{name[0]}{number}.png,{name}{columns(name, number)}")
    (root / "metadata.csv").write_text("\n".join(rows))


def _table_with_splits(root: Path, photos: Photos) -> Kind:
    _table(root, photos, lambda name, number: ",train" if number < 4 else ",test", "file_name,label,split")
    return Kind()


def _table_without_splits(root: Path, photos: Photos) -> Kind:
    _table(root, photos, lambda name, number: "", "file_name,label")
    return Kind(train=(5, 5), test=(1, 1))


_GROUPS = "photos: 3 groups stay whole between training, validation and test images"


def _table_with_groups(root: Path, photos: Photos) -> Kind:
    _table(root, photos, lambda name, number: f",nest {number // 2}", "file_name,label,nest")
    return Kind(notes=(_GROUPS,), options={"group": "nest"})


def _parquet_table(root: Path, photos: Photos) -> Kind:
    _table(root, photos, lambda name, number: f",{number // 2}", "file_name,label,group")
    pd.read_csv(root / "metadata.csv").to_parquet(root / "metadata.parquet")
    (root / "metadata.csv").unlink()
    return Kind(notes=(_GROUPS,))


def _windows_table(root: Path, photos: Photos) -> Kind:
    _table(root, photos, lambda name, number: ",TRAIN" if number < 4 else ",Test", "file_name,label,split")
    text = (root / "metadata.csv").read_text().replace("/", "\\").replace(",", ";").replace("\n", "\r\n")
    (root / "metadata.csv").write_bytes(text.encode("utf-8-sig"))
    return Kind()


def _folders_of_groups(root: Path, photos: Photos) -> Kind:
    for name, images in photos.items():
        for number, image in enumerate(images):
            _save(image, root / name / f"nest {number // 2}" / f"{number}.png")
    return Kind(notes=(_GROUPS,), options={"group": "folder"})


def _turned_by_a_tag(root: Path, photos: Photos) -> Kind:
    exif = Image.Exif()
    exif[0x0112] = 6
    lying = {name: [image.transpose(Image.Transpose.ROTATE_90) for image in images] for name, images in photos.items()}
    _write(root, lying, {"train": range(4), "test": range(4, 6)}, exif=exif)
    return Kind()


def _converted(
    change: Callable[[Image.Image], Image.Image], suffix: str = ".png", **how: Any
) -> Callable[[Path, Photos], Kind]:
    def write(root: Path, photos: Photos) -> Kind:
        changed = {name: [change(image) for image in images] for name, images in photos.items()}
        _write(root, changed, {"train": range(4), "test": range(4, 6)}, suffix, **how)
        return Kind()

    return write


def _transparent(image: Image.Image) -> Image.Image:
    """Return a photograph whose alpha says that all of it is there."""
    image = image.copy()
    image.putalpha(255)
    return image


def _of_16_bits(image: Image.Image) -> Image.Image:
    return Image.fromarray(np.asarray(image.convert("L")).astype(np.uint16) * 257)


def _wrong_endings(root: Path, photos: Photos) -> Kind:
    _write(root, photos, {"train": range(4), "test": range(4, 6)})
    for number, path in enumerate(sorted(root.rglob("*.png"))):
        path.rename(path.with_suffix((".JPG", "", ".jpeg", ".dat")[number % 4]))
    return Kind()


def _unicode_forms(root: Path, photos: Photos) -> Kind:
    named = {"蚂蚁 & 'ants'": photos[ANTS], "abeille mellifère": photos[BEES]}
    _write(root, named, {"train": range(4)})
    decomposed = {unicodedata.normalize("NFD", name): images for name, images in named.items()}
    _write(root, decomposed, {"test": range(4, 6)})
    return Kind(("abeille mellifère", "蚂蚁 & 'ants'"))


def _links(root: Path, photos: Photos) -> Kind:
    _write(root.parent / "elsewhere", photos, {"train": range(4), "test": range(4, 6)})
    root.mkdir()
    for split in ("train", "test"):
        (root / split).symlink_to(root.parent / "elsewhere" / split)
    return Kind()


def _names_that_yaml_changes(root: Path, photos: Photos) -> Kind:
    _write(root, {"00010": photos[ANTS], "no": photos[BEES]}, {"train": range(4), "test": range(4, 6)})
    return Kind(("00010", "no"))


def _copies(root: Path, photos: Photos) -> Kind:
    _write(root, photos, {"train": range(5), "test": range(4, 6)})
    return Kind(train=(5, 5))


KINDS: dict[str, Callable[[Path, Photos], Kind]] = {
    "train and test": _splits("train", "test"),
    "train and val": _splits("train", "val", "photos: there is no test set, so val/ is the test set"),
    "train and valid": _splits("train", "valid", "photos: there is no test set, so valid/ is the test set"),
    "train and validation": _splits(
        "train", "validation", "photos: there is no test set, so validation/ is the test set"
    ),
    "capitals": _splits("Train", "TEST"),
    "three splits": _three_splits,
    "classes alone": _classes_alone,
    "classes called train and val": _a_class_called_train,
    "what systems leave behind": _left_behind,
    "more beside the splits": _more_beside,
    "a table with splits": _table_with_splits,
    "a table without splits": _table_without_splits,
    "a table with groups": _table_with_groups,
    "a Parquet table whose groups count unasked": _parquet_table,
    "a table that Windows wrote": _windows_table,
    "folders of groups": _folders_of_groups,
    "turned by an EXIF tag": _turned_by_a_tag,
    "palettes": _converted(lambda image: image.quantize(256)),
    "transparency": _converted(_transparent),
    "inks": _converted(lambda image: image.convert("CMYK"), ".tif"),
    "grey": _converted(lambda image: image.convert("L"), ".webp", lossless=True),
    "16 bits": _converted(_of_16_bits),
    "several frames": _converted(
        lambda image: image, ".tiff", save_all=True, append_images=[Image.new("RGB", (SIDE, SIDE - 16))]
    ),
    "wrong endings": _wrong_endings,
    "names in both Unicode forms": _unicode_forms,
    "links": _links,
    "names that YAML changes": _names_that_yaml_changes,
    "copies in both splits": _copies,
}

GREY = {"grey", "16 bits"}


def _load(root: Path, **options: Any) -> LoadedDataset:
    cache = root.parent / "cache"
    return load_dataset("folder", {"path": str(root), **options}, root.parent, cache, False)


@pytest.mark.parametrize("kind", KINDS)
def test_a_folder_is_used_as_it_is(kind: str, photos: Photos, tmp_path: Path) -> None:
    root = tmp_path / "photos"
    expected = KINDS[kind](root, photos)
    loaded = _load(root, **expected.options)
    info = loaded.info()
    assert info.class_names == expected.classes
    assert info.image_shape == (3, SIDE - 16, SIDE)
    assert (info.train_counts, info.test_counts) == (expected.train, expected.test)
    assert dataset_notes("folder", {"path": str(root), **expected.options}, tmp_path) == expected.notes
    originals = [
        np.asarray(image.convert("L" if kind in GREY else "RGB").convert("RGB"), dtype=np.int64)
        for images in photos.values()
        for image in images
    ]
    for image in (*loaded.train.images, *loaded.test.images):
        pixels = image.transpose(1, 2, 0).astype(np.int64)
        assert min(abs(pixels - original).mean() for original in originals) < 6, "a photograph as it was"
    shutil.rmtree(root)


def test_ants_and_bees_themselves_are(shared_data: Path, tmp_path: Path) -> None:
    options = {"path": str(shared_data / "ants-bees"), "image_size": 8}
    info = load_dataset("folder", options, tmp_path, tmp_path, False).info()
    assert info.class_names == (ANTS, BEES)
    assert (sum(info.train_counts), sum(info.test_counts)) == (245, 153)
    notes = dataset_notes("folder", options, tmp_path)
    assert notes == ("ants-bees: there is no test set, so val/ is the test set",)
