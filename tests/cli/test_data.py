from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from layercut.cli.data import command
from layercut.errors import DataError, UnknownNameError


def _run(*arguments: str) -> Result:
    return CliRunner().invoke(command, arguments)


def test_where_tells_directories_and_what_is_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LAYERCUT_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("LAYERCUT_CACHE", str(tmp_path / "cache"))
    result = _run("where")
    assert result.exit_code == 0
    assert str(tmp_path / "data") in result.stdout
    assert str(tmp_path / "cache") in result.stdout
    assert "mnist: absent" in result.stdout


def test_where_as_json_is_read_by_programs(tmp_path: Path) -> None:
    places = json.loads(_run("where", "--json", "--data-dir", str(tmp_path)).stdout)
    assert places["data_dir"] == str(tmp_path)
    names = ["mnist", "fashion_mnist", "kmnist", "cifar10", "cifar100", "svhn", "pets"]
    assert places["datasets"] == dict.fromkeys(names, "absent")


def test_verify_of_an_empty_directory_says_so_and_is_no_error(tmp_path: Path) -> None:
    result = _run("verify", "--data-dir", str(tmp_path))
    assert (result.exit_code, result.stdout) == (0, "")
    assert f"no dataset in {tmp_path}" in result.stderr


def test_verify_of_a_missing_dataset_is_an_error(tmp_path: Path) -> None:
    result = _run("verify", "mnist", "--data-dir", str(tmp_path))
    assert isinstance(result.exception, DataError)
    assert "layercut data download mnist" in str(result.exception)


def test_verify_finds_a_truncated_file(tmp_path: Path) -> None:
    raw = tmp_path / "MNIST" / "raw"
    raw.mkdir(parents=True)
    for name in ("train-images-idx3", "train-labels-idx1", "t10k-images-idx3", "t10k-labels-idx1"):
        (raw / f"{name}-ubyte").write_bytes(b"\0\0\x08\x03")
    result = _run("verify", "--data-dir", str(tmp_path))
    assert isinstance(result.exception, DataError)
    assert "train-images-idx3-ubyte: damaged: expected 47040016 bytes, got 4 (truncated)" in str(result.exception)


def test_verify_as_json_has_a_row_a_file(tmp_path: Path) -> None:
    (tmp_path / "cifar-100-python").mkdir()
    (tmp_path / "cifar-100-python" / "meta").write_bytes(b"x")
    result = _run("verify", "cifar100", "--json", "--data-dir", str(tmp_path))
    rows = {Path(row["path"]).name: row for row in json.loads(result.stdout)}
    assert {name: row["status"] for name, row in rows.items()} == {
        "train": "missing",
        "test": "missing",
        "meta": "damaged",
    }
    assert "expected the MD5 checksum 7973b151" in rows["meta"]["problem"]
    assert isinstance(result.exception, DataError)


def test_sets_of_torchvision_are_listed_where_they_are(tmp_path: Path) -> None:
    (tmp_path / "torchvision" / "STL10").mkdir(parents=True)
    (tmp_path / "torchvision" / "STL10" / "test_X.bin").write_bytes(b"x")
    (tmp_path / "torchvision" / "something else").mkdir()
    places = json.loads(_run("where", "--json", "--data-dir", str(tmp_path)).stdout)
    assert {name for name in places["datasets"] if "/" in name} == {"torchvision/STL10"}
    result = _run("verify", "--data-dir", str(tmp_path))
    assert "torchvision/STL10: " in result.stdout
    assert "corrupted" in str(result.exception)


def test_a_damaged_dataset_does_not_hide_where_the_others_are(tmp_path: Path) -> None:
    lists = tmp_path / "oxford-iiit-pet" / "annotations"
    lists.mkdir(parents=True)
    for name in ("trainval", "test"):
        (lists / f"{name}.txt").write_text("not a list")
    places = json.loads(_run("where", "--json", "--data-dir", str(tmp_path)).stdout)
    assert (places["datasets"]["pets"], places["datasets"]["mnist"]) == ("damaged", "absent")


def test_a_dataset_without_files_of_its_own_is_refused() -> None:
    result = _run("download", "digits")
    assert isinstance(result.exception, DataError)
    assert "datasets that do: mnist, fashion_mnist, kmnist, cifar10" in str(result.exception)


def test_an_unknown_name_is_refused_before_anything_is_downloaded() -> None:
    assert isinstance(_run("download", "mnist", "mnits").exception, UnknownNameError)


def test_real_mnist_verifies(shared_data: Path) -> None:
    result = _run("verify", "mnist", "--data-dir", str(shared_data))
    assert result.exit_code == 0
    assert result.stdout.count(": ok") == 4


@pytest.mark.parametrize("command", [("run", "digits"), ("plan", "digits"), ("data", "download", "mnist")])
@pytest.mark.parametrize(
    ("folder", "message"),
    [
        ("file", "Directory '{}' is a file."),
        ("file/data", "Directory '{}' cannot be made: {parent} is a file."),
        ("no/data", "Directory '{}' cannot be made: {parent} does not exist."),
    ],
)
def test_a_data_directory_that_cannot_be_is_refused(
    layercut: Callable[..., Any], tmp_path: Path, command: tuple[str, ...], folder: str, message: str
) -> None:
    (tmp_path / "file").touch()
    place = tmp_path / folder
    done = layercut(*command, "--data-dir", place)
    assert (done.code, done.stdout) == (2, "")
    assert "Invalid value for '--data-dir'" in done.stderr
    assert message.format(place, parent=place.parent) in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_a_data_directory_may_be_new(layercut: Callable[..., Any], tmp_path: Path) -> None:
    assert layercut("plan", "digits", "--data-dir", tmp_path / "new").code == 0
