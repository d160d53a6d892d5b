from __future__ import annotations

import io
import pickle
import shutil
import socket
import tarfile
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
import torchvision.datasets

from layercut.data import DatasetInfo
from layercut.data.raw_files import RawFile
from layercut.data.reading import read_dataset
from layercut.data.torchvision_files import TorchvisionDataset, read_cifar
from layercut.data.torchvision_table import CIFAR10, CIFAR100, FASHION_MNIST, KMNIST, MNIST
from layercut.errors import DataError, StorageFullError, UserError
from layercut.spec.base import NoOptions
from support.fake_datasets import TINY, archive, cifar_files, md5, tiny_idx_files, tiny_mnist, tiny_splits, write_idx

_DATASETS = [MNIST, FASHION_MNIST, KMNIST, CIFAR10, CIFAR100]


def _damage(raw: Path, name: str, content: bytes) -> None:
    (raw / name).write_bytes(content)


def test_idx_files_become_labelled_images(data_dir: Path) -> None:
    write_idx(data_dir)
    train, test, names = tiny_mnist().read(NoOptions(), data_dir, False)
    assert test is not None
    for ours, expected in zip((train, test), tiny_splits(), strict=True):
        np.testing.assert_array_equal(ours.images, expected.images)
        np.testing.assert_array_equal(ours.labels, expected.labels)
        assert (ours.images.dtype, ours.labels.dtype) == (np.uint8, np.int64)
    assert names == TINY.class_names


def test_a_truncated_file_is_refused_with_its_name_and_both_sizes(data_dir: Path) -> None:
    raw = write_idx(data_dir)
    name = "train-images-idx3-ubyte"
    size = len(tiny_idx_files()[name])
    _damage(raw, name, tiny_idx_files()[name][:-5])
    with pytest.raises(DataError) as caught:
        tiny_mnist().read(NoOptions(), data_dir, True)
    message = str(caught.value)
    assert f"{raw / name}: expected {size} bytes, got {size - 5} (truncated)" in message
    assert "layercut data download tiny" in message
    assert (raw / name).stat().st_size == size - 5, "nothing of the user's is deleted or replaced"


def test_a_file_of_the_right_size_with_other_content_is_refused_by_its_checksum(data_dir: Path) -> None:
    raw = write_idx(data_dir)
    content = bytearray(tiny_idx_files()["t10k-images-idx3-ubyte"])
    content[-1] ^= 1
    _damage(raw, "t10k-images-idx3-ubyte", bytes(content))
    with pytest.raises(DataError, match="t10k-images-idx3-ubyte: expected the SHA256 checksum"):
        tiny_mnist().read(NoOptions(), data_dir, False)


def test_a_wrong_header_is_found_without_a_checksum(data_dir: Path) -> None:
    raw = write_idx(data_dir)
    content = b"\x1f\x8b" + tiny_idx_files()["t10k-labels-idx1-ubyte"][2:]
    _damage(raw, "t10k-labels-idx1-ubyte", content)
    with pytest.raises(DataError, match="expected the header 00 00 08 01"):
        tiny_mnist(with_checksums=False).read(NoOptions(), data_dir, False)


def test_a_missing_file_is_named_where_download_is_not_allowed(data_dir: Path) -> None:
    (write_idx(data_dir) / "train-labels-idx1-ubyte").unlink()
    with pytest.raises(DataError, match="expected MNIST/raw/train-labels-idx1-ubyte; run"):
        tiny_mnist().read(NoOptions(), data_dir, False)


def test_changed_labels_are_found_by_their_counts(data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    raw = write_idx(data_dir)
    content = bytearray(tiny_idx_files()["t10k-labels-idx1-ubyte"])
    content[-1] = 2
    _damage(raw, "t10k-labels-idx1-ubyte", bytes(content))
    monkeypatch.setattr("layercut.data.reading.DATASETS", {"tiny": tiny_mnist(with_checksums=False)})
    with pytest.raises(DataError, match="are not the published ones"):
        read_dataset("tiny", NoOptions(), data_dir, False)


class _Mirror(NamedTuple):
    """A server from which torchvision's MNIST downloads; what it serves lies in `folder`."""

    folder: Path
    stop: Callable[[], None]


class _QuietHandler(SimpleHTTPRequestHandler):
    def log_message(self, *args: object) -> None:
        """Log nothing."""


@pytest.fixture
def mirror(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[_Mirror]:
    """Serve the archives of the tiny dataset on this machine, and let torchvision know only that server."""
    folder = tmp_path / "mirror"
    folder.mkdir()
    contents = {f"{name}.gz": archive(content) for name, content in tiny_idx_files().items()}
    for name, content in contents.items():
        (folder / name).write_bytes(content)
    resources = [(name, md5(content)) for name, content in contents.items()]
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(_QuietHandler, directory=str(folder))) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        monkeypatch.setattr(torchvision.datasets.MNIST, "mirrors", [f"http://127.0.0.1:{server.server_port}/"])
        monkeypatch.setattr(torchvision.datasets.MNIST, "resources", resources)
        yield _Mirror(folder, server.shutdown)
        server.shutdown()
        thread.join()


def test_what_is_missing_is_downloaded_checked_and_nothing_else_kept(
    data_dir: Path, mirror: _Mirror, capsys: pytest.CaptureFixture[str]
) -> None:
    raw = write_idx(data_dir)
    (raw / "train-images-idx3-ubyte").unlink()
    before = (raw / "t10k-images-idx3-ubyte").stat().st_mtime_ns
    train, _, _ = tiny_mnist().read(NoOptions(), data_dir, True)
    np.testing.assert_array_equal(train.images, tiny_splits()[0].images)
    assert (raw / "t10k-images-idx3-ubyte").stat().st_mtime_ns == before
    assert sorted(path.name for path in data_dir.rglob("*") if path.is_file()) == sorted(tiny_idx_files())
    assert [path.name for path in data_dir.iterdir()] == ["MNIST"]
    assert capsys.readouterr().out == ""


def test_archives_that_lie_there_already_need_no_network(data_dir: Path, mirror: _Mirror) -> None:
    mirror.stop()
    write_idx(data_dir, compressed=True)
    tiny_mnist().download(data_dir)
    assert {check.status for check in tiny_mnist().verify(data_dir)} == {"ok"}


def test_a_download_with_a_wrong_checksum_is_refused_and_leaves_nothing(data_dir: Path, mirror: _Mirror) -> None:
    (mirror.folder / "train-images-idx3-ubyte.gz").write_bytes(archive(b"an error page"))
    with pytest.raises(DataError, match=r"cannot download tiny into .*: .*corrupted"):
        tiny_mnist().download(data_dir)
    assert list(data_dir.iterdir()) == []


def test_a_download_whose_content_is_not_as_expected_is_refused(
    data_dir: Path, mirror: _Mirror, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = archive(tiny_idx_files()["t10k-images-idx3-ubyte"][:-1])
    (mirror.folder / "t10k-images-idx3-ubyte.gz").write_bytes(other)
    resources = dict(torchvision.datasets.MNIST.resources) | {"t10k-images-idx3-ubyte.gz": md5(other)}
    monkeypatch.setattr(torchvision.datasets.MNIST, "resources", list(resources.items()))
    monkeypatch.setattr(torchvision.datasets.MNIST, "_load_data", lambda self: (None, None))
    with pytest.raises(DataError, match=r"t10k-images-idx3-ubyte: expected .* bytes"):
        tiny_mnist().download(data_dir)
    assert list(data_dir.iterdir()) == []


def test_no_network_is_an_error_that_says_what_to_do(
    data_dir: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(torchvision.datasets.MNIST, "mirrors", ["http://127.0.0.1:9/"])
    with pytest.raises(DataError, match=r"check the network .* or copy these files there .* MNIST/raw/train-images"):
        tiny_mnist().read(NoOptions(), data_dir, True)
    assert list(data_dir.iterdir()) == []
    assert capsys.readouterr().out == ""


def test_a_data_directory_that_is_a_file_is_no_matter_of_the_network(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match="file: it is a file, not a folder"):
        tiny_mnist().download(tmp_path / "file")


def test_a_server_that_never_answers_is_given_up(data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("layercut.data.download._TIMEOUT_SECONDS", 0.1)
    before = socket.getdefaulttimeout()
    with socket.create_server(("127.0.0.1", 0)) as silent:
        mirrors = [f"http://127.0.0.1:{silent.getsockname()[1]}/"]
        monkeypatch.setattr(torchvision.datasets.MNIST, "mirrors", mirrors)
        with pytest.raises(DataError, match=r"cannot download tiny into .*timed out"):
            tiny_mnist().download(data_dir)
    assert socket.getdefaulttimeout() == before


def test_a_full_disk_while_downloading_is_told_apart(data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*args: object, **kwargs: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(torchvision.datasets.MNIST, "download", full)
    with pytest.raises(StorageFullError, match="the disk is full"):
        tiny_mnist().download(data_dir)


def _tiny_cifar(monkeypatch: pytest.MonkeyPatch, folder: Path) -> TorchvisionDataset:
    files = cifar_files()
    folder.mkdir(parents=True)
    for name, content in files.items():
        (folder / name).write_bytes(content)
    sums = {name: md5(content) for name, content in files.items()}
    cifar = torchvision.datasets.CIFAR10
    monkeypatch.setattr(cifar, "train_list", [[name, sums[name]] for name in files if name.startswith("data")])
    monkeypatch.setattr(cifar, "test_list", [["test_batch", sums["test_batch"]]])
    monkeypatch.setattr(cifar, "meta", {**cifar.meta, "md5": sums["batches.meta"]})
    raw = tuple(RawFile(f"cifar-10-batches-py/{name}", md5=checksum) for name, checksum in sums.items())
    info = DatasetInfo(("x", "y", "z"), (3, 32, 32), (2, 3, 5), (1, 1, 1))
    return TorchvisionDataset("tiny_cifar", "", "CIFAR10", info, raw, (), partial(read_cifar, "CIFAR10"))


def test_cifar_batches_become_channels_first_images(data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    dataset = _tiny_cifar(monkeypatch, data_dir / "cifar-10-batches-py")
    train, test, _ = dataset.read(NoOptions(), data_dir, False)
    theirs = torchvision.datasets.CIFAR10(data_dir, train=True)
    assert train.images.shape == (10, 3, 32, 32)
    np.testing.assert_array_equal(train.images[3].transpose(1, 2, 0), np.asarray(theirs[3][0]))
    assert test is not None
    assert test.labels.tolist() == [0, 1, 2]


def test_cifar100_is_read_with_its_fine_labels(data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = np.random.default_rng(0).integers(0, 256, size=(3, 3 * 32 * 32), dtype=np.uint8)
    files = {
        "train": pickle.dumps({"data": data, "fine_labels": [99, 0, 5], "coarse_labels": [1, 1, 1]}),
        "test": pickle.dumps({"data": data[:1], "fine_labels": [7], "coarse_labels": [1]}),
        "meta": pickle.dumps({"fine_label_names": list(CIFAR100.info(NoOptions()).class_names)}),
    }
    (data_dir / "cifar-100-python").mkdir(parents=True)
    for name, content in files.items():
        (data_dir / "cifar-100-python" / name).write_bytes(content)
    cifar = torchvision.datasets.CIFAR100
    monkeypatch.setattr(cifar, "train_list", [["train", md5(files["train"])]])
    monkeypatch.setattr(cifar, "test_list", [["test", md5(files["test"])]])
    monkeypatch.setattr(cifar, "meta", {**cifar.meta, "md5": md5(files["meta"])})
    train = read_cifar("CIFAR100", data_dir, True)
    assert train.labels.tolist() == [99, 0, 5]
    np.testing.assert_array_equal(train.images[1].reshape(-1), data[1])
    assert read_cifar("CIFAR100", data_dir, False).labels.tolist() == [7]


def _tar(path: Path, members: dict[str, bytes], link: tuple[str, str] | None = None) -> bytes:
    path.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(path, "w:gz") as archive:
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
        if link is not None:
            info = tarfile.TarInfo(link[0])
            info.type, info.linkname = tarfile.SYMTYPE, link[1]
            archive.addfile(info)
    return path.read_bytes()


def _cifar_from_archive(monkeypatch: pytest.MonkeyPatch, folder: Path, content: bytes) -> TorchvisionDataset:
    """Return a tiny CIFAR-10 of which only this archive is there."""
    dataset = _tiny_cifar(monkeypatch, folder / "cifar-10-batches-py")
    shutil.rmtree(folder / "cifar-10-batches-py")
    monkeypatch.setattr(torchvision.datasets.CIFAR10, "tgz_md5", md5(content))
    return replace(dataset, archives=(RawFile("cifar-10-python.tar.gz", md5=md5(content)),))


def test_an_archive_of_batches_is_unpacked_and_checked(data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    members = {f"cifar-10-batches-py/{name}": content for name, content in cifar_files().items()}
    dataset = _cifar_from_archive(monkeypatch, data_dir, _tar(data_dir / "cifar-10-python.tar.gz", members))
    train, _, _ = dataset.read(NoOptions(), data_dir, True)
    assert len(train.labels) == 10


@pytest.mark.parametrize("link", [None, ("cifar-10-batches-py/x", "/etc/passwd")])
def test_an_archive_that_reaches_outside_its_folder_is_refused(
    data_dir: Path, monkeypatch: pytest.MonkeyPatch, link: tuple[str, str] | None
) -> None:
    members = {} if link else {"../../escaped": b"out"}
    dataset = _cifar_from_archive(monkeypatch, data_dir, _tar(data_dir / "cifar-10-python.tar.gz", members, link))
    before = tarfile.TarFile.extraction_filter
    with pytest.raises(DataError, match=r"outside the destination|absolute path"):
        dataset.download(data_dir)
    assert [path.name for path in data_dir.iterdir()] == ["cifar-10-python.tar.gz"]
    assert not (data_dir.parent / "escaped").exists()
    assert tarfile.TarFile.extraction_filter is before


def test_a_truncated_archive_is_refused_by_name(data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    members = {f"cifar-10-batches-py/{name}": content for name, content in cifar_files().items()}
    path = data_dir / "cifar-10-python.tar.gz"
    dataset = _cifar_from_archive(monkeypatch, data_dir, _tar(path, members))
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(DataError, match=r"cifar-10-python\.tar\.gz: expected the MD5 checksum .*delete it"):
        dataset.download(data_dir)
    assert [path.name for path in data_dir.iterdir()] == ["cifar-10-python.tar.gz"]


def test_a_damaged_cifar_batch_is_refused_before_it_is_unpickled(
    data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = data_dir / "cifar-10-batches-py"
    dataset = _tiny_cifar(monkeypatch, folder)
    (folder / "data_batch_3").write_bytes(b"cos\nsystem\n(S'touch pwned'\ntR.")
    with pytest.raises(DataError, match="data_batch_3: expected the MD5 checksum"):
        dataset.read(NoOptions(), data_dir, False)


@pytest.mark.parametrize("dataset", _DATASETS, ids=lambda dataset: dataset.name)
def test_archive_checksums_are_those_of_torchvision(dataset: TorchvisionDataset) -> None:
    theirs = getattr(torchvision.datasets, dataset.torchvision_class)
    if dataset in (CIFAR10, CIFAR100):
        known = dict([*theirs.train_list, *theirs.test_list])
        known[theirs.meta["filename"]] = theirs.meta["md5"]
        assert {Path(file.path).name: file.md5 for file in dataset.files} == known
        assert [(file.path, file.md5) for file in dataset.archives] == [(theirs.filename, theirs.tgz_md5)]
    else:
        assert [(Path(file.path).name, file.md5) for file in dataset.archives] == theirs.resources


def test_the_hundred_classes_are_in_the_order_of_the_alphabet_as_published() -> None:
    names = CIFAR100.info(NoOptions()).class_names
    assert list(names) == sorted(names)
    assert len(set(names)) == 100


@pytest.mark.parametrize("dataset", [FASHION_MNIST, KMNIST], ids=lambda dataset: dataset.name)
def test_names_of_classes_are_those_of_torchvision(dataset: TorchvisionDataset) -> None:
    assert list(dataset.known.class_names) == getattr(torchvision.datasets, dataset.torchvision_class).classes


def test_real_mnist_is_as_published(shared_data: Path) -> None:
    content = read_dataset("mnist", NoOptions(), shared_data, False)
    assert content.info() == MNIST.info(NoOptions())
    theirs = torchvision.datasets.MNIST(shared_data, train=False)
    np.testing.assert_array_equal(content.test.images[:, 0], theirs.data.numpy())
    np.testing.assert_array_equal(content.test.labels, theirs.targets.numpy())
