"""Writing files: whole or not at all, and in the same words wherever no space or quota is left."""

from __future__ import annotations

import errno
import os
import re
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import torch
from safetensors import SafetensorError

import layercut
from layercut.artifacts import write_artifact
from layercut.checkpoints import save_checkpoint
from layercut.errors import StorageFullError, UserError
from layercut.features.store import StoredFeatures
from layercut.files import explained, written_whole
from layercut.interop.epoch_csv import EpochCsv
from layercut.interop.mp_tl_study.exports import _write as write_json
from layercut.ledger import write_csv
from layercut.report.table_files import write_markdown

SOURCES = Path(layercut.__file__).parent

TABLE = pd.DataFrame({"a": [1]})


def _stored(folder: Path) -> StoredFeatures:
    return StoredFeatures(folder, 1, {1: (2,)})


WRITERS: dict[str, tuple[str, Callable[[Path], object]]] = {
    "checkpoint": ("layercut.checkpoints.save_file", lambda to: save_checkpoint(to, {"a": torch.ones(1)})),
    "artifact": ("pathlib.Path.write_text", lambda to: write_artifact(to, "key", {}, {})),
    "features": ("layercut.features.store.os.pwrite", lambda to: _stored(to).write(1, 0, torch.ones(1, 2))),
    "marker": ("pathlib.Path.touch", lambda to: _stored(to).finish(1, 0, 1)),
    "csv": ("pandas.DataFrame.to_csv", lambda to: write_csv(TABLE, to)),
    "json": ("pathlib.Path.write_text", lambda to: write_json(to, [1])),
    "markdown": ("pathlib.Path.write_text", lambda to: write_markdown("text", to)),
    "curves": ("pathlib.Path.open", EpochCsv),
}
"""What is made to fail, and what then writes."""


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT], ids=["full", "quota"])
@pytest.mark.parametrize("writer", WRITERS)
def test_every_writer_says_alike_that_no_space_or_quota_is_left_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, writer: str, code: int
) -> None:
    broken, write = WRITERS[writer]

    def full(*arguments: object, **options: object) -> Any:
        raise OSError(code, os.strerror(code))

    with monkeypatch.context() as patch:
        patch.setattr(broken, full)
        expected = "the disk is full" if code == errno.ENOSPC else "the disk quota is used up"
        with pytest.raises(StorageFullError, match=f"^{expected}: cannot write .*{re.escape(str(tmp_path))}"):
            write(tmp_path / "out")
    left = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert left == ([tmp_path / "out" / "cut-1.float32"] if writer == "features" else [])


def test_what_safetensors_says_of_a_used_up_quota_is_understood(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = "Error while serializing: I/O error: Disk quota exceeded (os error 122)"

    def full(*arguments: object, **options: object) -> Any:
        raise SafetensorError(said)

    monkeypatch.setattr("layercut.checkpoints.save_file", full)
    with pytest.raises(StorageFullError, match="the disk quota is used up: cannot write the checkpoint"):
        save_checkpoint(tmp_path / "weights", {"a": torch.ones(1)})


def test_only_one_module_knows_how_a_full_disk_is_told() -> None:
    asking = {
        path.relative_to(SOURCES).as_posix()
        for path in SOURCES.rglob("*.py")
        if re.search(r"ENOSPC|EDQUOT|No space left", path.read_text(encoding="utf-8"))
    }
    assert asking == {"files.py"}


def test_a_file_that_cannot_be_written_to_its_end_is_left_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    path.write_text("before", encoding="utf-8")
    with pytest.raises(ValueError, match="a defect"), written_whole(path) as unfinished:
        unfinished.write_text("half", encoding="utf-8")
        raise ValueError("a defect")
    assert [found.read_text(encoding="utf-8") for found in tmp_path.iterdir()] == ["before"]


def test_a_link_stays_one(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "target")
    with written_whole(tmp_path / "link") as unfinished:
        unfinished.write_text("text", encoding="utf-8")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "target").read_text(encoding="utf-8") == "text"


def test_a_pipe_is_written_directly(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    came: list[str] = []
    reader = threading.Thread(target=lambda: came.append(pipe.read_text(encoding="utf-8")))
    reader.start()
    with written_whole(pipe) as unfinished:
        unfinished.write_text("text", encoding="utf-8")
    reader.join()
    assert came == ["text"]


def test_other_trouble_is_one_line_with_the_advice(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with (
        pytest.raises(UserError, match=r"cannot write .*: Not a directory; choose another path"),
        explained(tmp_path / "file" / "below"),
    ):
        (tmp_path / "file" / "below").write_text("text", encoding="utf-8")
