from __future__ import annotations

import json
from pathlib import Path

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
    assert places["datasets"] == {"mnist": "absent", "fashion_mnist": "absent", "cifar10": "absent"}


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


def test_a_dataset_without_files_of_its_own_is_refused() -> None:
    result = _run("download", "digits")
    assert isinstance(result.exception, DataError)
    assert "datasets that have: mnist, fashion_mnist, cifar10" in str(result.exception)


def test_an_unknown_name_is_refused_before_anything_is_downloaded() -> None:
    assert isinstance(_run("download", "mnist", "mnits").exception, UnknownNameError)


def test_real_mnist_verifies(shared_data: Path) -> None:
    result = _run("verify", "mnist", "--data-dir", str(shared_data))
    assert result.exit_code == 0
    assert result.stdout.count(": ok") == 4
