from __future__ import annotations

import errno
import json
import os
import shutil
import time
import tracemalloc
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
from numpy.typing import NDArray

from layercut.data import LabelledImages, cache
from layercut.data.base import RawImages
from layercut.data.cache import default_cache_dir, default_data_dir, load_dataset
from layercut.data.cache_entry import LoadedDataset, open_cached
from layercut.data.content import Content, fingerprint, image_hashes
from layercut.data.holdout import hold_out_test
from layercut.data.pieces import LazyImages
from layercut.errors import DataError, StorageFullError
from support.fake_datasets import tiny_idx_files, tiny_mnist, tiny_splits, write_idx


@pytest.fixture
def load(data_dir: Path, cache_dir: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[], LoadedDataset]:
    """Return a function that loads a tiny dataset, registered as `tiny`."""
    write_idx(data_dir)
    for module in ("cache", "reading"):
        monkeypatch.setattr(f"layercut.data.{module}.DATASETS", {"tiny": tiny_mnist(with_checksums=False)})
    return lambda: load_dataset("tiny", {}, data_dir, cache_dir, False)


def _forbid_reading(monkeypatch: pytest.MonkeyPatch) -> None:
    def read(*args: object) -> Content:
        raise AssertionError("read again")

    monkeypatch.setattr(cache, "read_dataset", read)


def test_an_entry_holds_images_labels_names_hashes_and_fingerprint(load: Callable[[], LoadedDataset]) -> None:
    loaded = load()
    train, test = tiny_splits()
    for part, expected in ((loaded.train, train), (loaded.test, test)):
        np.testing.assert_array_equal(part.images, expected.images)
        np.testing.assert_array_equal(part.labels, expected.labels)
        assert isinstance(part.images, np.memmap)
        assert not part.images.flags.writeable
    assert loaded.class_names == ("a", "b", "c")
    assert loaded.fingerprint == fingerprint(Content(train, test, ("a", "b", "c")))
    np.testing.assert_array_equal(loaded.train_hashes, image_hashes(train.images))
    np.testing.assert_array_equal(loaded.test_hashes, image_hashes(test.images))


class _Camera(NamedTuple):
    """A dataset whose images are made when taken, and the pieces that were asked for."""

    content: Content
    pieces: list[int]


def _camera() -> _Camera:
    train, test = tiny_splits()
    pieces: list[int] = []

    def lazy(part: LabelledImages) -> RawImages:
        def make(rows: NDArray[np.int64]) -> NDArray[np.uint8]:
            pieces.append(len(rows))
            return part.images[rows]

        return RawImages(LazyImages((1, 4, 4), np.arange(len(part.labels)), make), part.labels)

    return _Camera(Content(lazy(train), lazy(test), ("a", "b", "c")), pieces)


def test_images_are_written_in_pieces_each_made_once(
    load: Callable[[], LoadedDataset], monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = load()
    content, pieces = _camera()
    monkeypatch.setattr(cache, "read_dataset", lambda *args: content)
    monkeypatch.setattr("layercut.data.pieces.PIECE_BYTES", 5 * 16)
    shutil.rmtree(expected.folder)
    loaded = load()
    assert pieces == [5, 5, 2, 5]
    assert loaded.fingerprint == expected.fingerprint
    np.testing.assert_array_equal(loaded.train_hashes, image_hashes(tiny_splits()[0].images))


def test_reading_a_dataset_takes_a_piece_of_memory_not_all_of_it(
    load: Callable[[], LoadedDataset], monkeypatch: pytest.MonkeyPatch
) -> None:
    shape, num_images = (3, 64, 64), 2000  # 25 MB

    def make(rows: NDArray[np.int64]) -> NDArray[np.uint8]:
        return np.broadcast_to(rows.astype(np.uint8)[:, None, None, None], (len(rows), *shape))

    part = RawImages(LazyImages(shape, np.arange(num_images), make), np.arange(num_images) % 3)
    everything = hold_out_test(part, ("a", "b", "c"), 0.2)
    monkeypatch.setattr(cache, "read_dataset", lambda *args: Content(*everything, ("a", "b", "c")))
    monkeypatch.setattr("layercut.data.pieces.PIECE_BYTES", 2**19)
    tracemalloc.start()
    try:
        loaded = load()
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert loaded.train.images.nbytes + loaded.test.images.nbytes == num_images * 3 * 64 * 64
    assert peak < 4 * 2**20


def test_raw_files_are_read_once(load: Callable[[], LoadedDataset], monkeypatch: pytest.MonkeyPatch) -> None:
    first = load()
    _forbid_reading(monkeypatch)
    assert load().folder == first.folder
    assert open_cached(first.folder).fingerprint == first.fingerprint


def test_changed_raw_files_are_read_again(load: Callable[[], LoadedDataset], data_dir: Path) -> None:
    first = load()
    path = data_dir / "MNIST" / "raw" / "train-images-idx3-ubyte"
    content = bytearray(tiny_idx_files()[path.name])
    content[-1] ^= 1
    path.write_bytes(content)
    os.utime(path, ns=(1, 1))
    second = load()
    assert second.folder != first.folder
    assert second.fingerprint != first.fingerprint


def _truncate_images(folder: Path) -> None:
    path = folder / "train_images.npy"
    path.write_bytes(path.read_bytes()[:-7])


def _flip_a_pixel(folder: Path) -> None:
    path = folder / "test_images.npy"
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)


def _remove_labels(folder: Path) -> None:
    (folder / "train_labels.npy").unlink()


def _empty_manifest(folder: Path) -> None:
    (folder / "entry.json").write_text("")


def _manifest_of_something_else(folder: Path) -> None:
    (folder / "entry.json").write_text(json.dumps(["surprise"]))


def _empty_array(folder: Path) -> None:
    (folder / "test_hashes.npy").write_bytes(b"")


@pytest.mark.parametrize(
    "damage",
    [
        _truncate_images,
        _flip_a_pixel,
        _remove_labels,
        _empty_manifest,
        _manifest_of_something_else,
        _empty_array,
    ],
)
def test_a_damaged_entry_is_built_again(load: Callable[[], LoadedDataset], damage: Callable[[Path], None]) -> None:
    first = load()
    folder, digest = first.folder, first.fingerprint
    del first
    damage(folder)
    again = load()
    assert again.folder == folder
    assert fingerprint(again.content) == digest
    assert [path.name for path in folder.parent.iterdir()] == [folder.name]


def test_opening_a_missing_entry_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="start the study again to build it"):
        open_cached(tmp_path / "nothing")


def test_processes_that_build_the_same_entry_at_once_all_get_it(load: Callable[[], LoadedDataset]) -> None:
    with ThreadPoolExecutor(8) as threads:
        results = list(threads.map(lambda _: load(), range(16)))
    assert len({result.fingerprint for result in results}) == 1
    folder = results[0].folder
    assert [path.name for path in folder.parent.iterdir()] == [folder.name]


def test_a_failed_build_leaves_nothing(
    load: Callable[[], LoadedDataset], cache_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*args: object, **kwargs: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(np, "save", full)
    with pytest.raises(StorageFullError, match="LAYERCUT_CACHE"):
        load()
    assert list((cache_dir / "datasets").iterdir()) == []


def test_a_cache_that_cannot_be_written_is_an_error_that_names_it(
    load: Callable[[], LoadedDataset], cache_dir: Path
) -> None:
    cache_dir.write_text("a file, not a folder")
    with pytest.raises(DataError, match=r"cannot write the dataset cache .*LAYERCUT_CACHE"):
        load()


def test_what_killed_processes_left_is_removed_after_a_day(load: Callable[[], LoadedDataset], cache_dir: Path) -> None:
    old, recent = (cache_dir / "datasets" / f".building-{name}" for name in ("old", "recent"))
    for folder in (old, recent):
        folder.mkdir(parents=True)
    two_days_ago = time.time() - 2 * 24 * 3600
    os.utime(old, (two_days_ago, two_days_ago))
    load()
    assert (old.exists(), recent.exists()) == (False, True)


def test_directories_follow_the_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("LAYERCUT_DATA", str(tmp_path / "d"))
    monkeypatch.setenv("LAYERCUT_CACHE", str(tmp_path / "c"))
    assert (default_data_dir(), default_cache_dir()) == (tmp_path / "d", tmp_path / "c")


def test_directories_are_in_the_cache_of_the_user_by_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LAYERCUT_DATA", raising=False)
    monkeypatch.setenv("LAYERCUT_CACHE", "")
    assert default_data_dir() == default_cache_dir() / "data"
