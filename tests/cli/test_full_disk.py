"""A full disk stops a study cleanly, wherever it strikes; with space again, the same command finishes it."""

from __future__ import annotations

import errno
import os
import sqlite3
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import layercut.checkpoints
import layercut.ledger.opening
import layercut.report
from layercut import load_study, run_study
from layercut.ledger import study_status
from support.tiny_study import NUM_TRIALS, write_study

Layercut = Callable[..., Any]


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The study file."""
    return write_study(tmp_path_factory.mktemp("study"))


@pytest.fixture(scope="module")
def undisturbed_hash(study: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    """What the study gives on a disk with space."""
    return run_study(load_study(study), tmp_path_factory.mktemp("undisturbed"), executor="serial").records_hash


def _no_space(*arguments: object, **options: object) -> Any:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def _no_quota(*arguments: object, **options: object) -> Any:
    raise OSError(errno.EDQUOT, os.strerror(errno.EDQUOT))


def _fill_checkpoints(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(layercut.checkpoints, "save_file", _no_quota)


def _fill_features(patch: pytest.MonkeyPatch) -> None:
    patch.setattr("layercut.features.store.os.pwrite", _no_space)


def _fill_markers(patch: pytest.MonkeyPatch) -> None:
    patch.setattr("layercut.features.store.os.fsync", _no_quota)


def _fill_ledger(patch: pytest.MonkeyPatch) -> None:
    """SQLite itself says that its disk is full after some trials: the file may not grow beyond some pages."""
    connect = layercut.ledger.opening._connect

    def limited(path: Path, read_only: bool) -> sqlite3.Connection:
        connection = connect(path, read_only)
        connection.execute("PRAGMA max_page_count = 22")
        return connection

    patch.setattr(layercut.ledger.opening, "_connect", limited)


def _fill_report(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(layercut.report, "write_report", _no_space)


def _fill_study_file(patch: pytest.MonkeyPatch) -> None:
    patch.setattr("layercut.runner.opened.yaml.safe_dump", _no_quota)


@pytest.mark.parametrize(
    "fill", [_fill_checkpoints, _fill_features, _fill_markers, _fill_ledger, _fill_report, _fill_study_file]
)
def test_a_full_disk_stops_the_study_and_the_same_command_finishes_it(
    layercut: Layercut,
    study: Path,
    undisturbed_hash: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    fill: Callable[[pytest.MonkeyPatch], None],
) -> None:
    output = tmp_path / "run"
    command = ("run", study, "-o", output, "--executor", "serial")
    with monkeypatch.context() as patch:
        fill(patch)
        code, stdout, stderr = layercut(*command)
    assert (code, stdout) == (4, "")
    assert "full" in stderr or "No space left" in stderr or "quota is used up" in stderr
    assert "free some space, then run the same command" in stderr
    assert "Traceback" not in stderr
    assert layercut(*command, "--no-report").code == 0
    status = study_status(output, with_hash=True)
    assert (status.finished, status.failed, status.failed_jobs) == (NUM_TRIALS, {}, {})
    assert status.records_hash == undisturbed_hash


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Callable[[int], Path]]:
    """A disk of so many KiB, or another size for the same disk; only root can have one."""
    folder = tmp_path / "disk"
    folder.mkdir()

    def resize(size_kib: int) -> Path:
        again = "remount," if folder.is_mount() else ""
        options = f"{again}size={size_kib}k"
        done = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)], capture_output=True, text=True, check=False
        )
        if done.returncode:
            pytest.skip(f"cannot mount a small disk here: {done.stderr.strip()}")
        return folder

    yield resize
    if folder.is_mount():
        # Lazily: features and checkpoints may still be mapped into this process.
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


@pytest.mark.parametrize("size_kib", [4, 120, 240])
def test_a_disk_that_is_really_full_loses_nothing(
    layercut: Layercut,
    study: Path,
    undisturbed_hash: str,
    small_disk: Callable[[int], Path],
    size_kib: int,
) -> None:
    command = ("run", study, "-o", small_disk(size_kib), "--executor", "serial", "--no-report")
    code, _, stderr = layercut(*command)
    assert code == 4, stderr
    assert "Traceback" not in stderr
    output = small_disk(4096)
    assert layercut(*command).code == 0
    assert study_status(output, with_hash=True).records_hash == undisturbed_hash
