"""Tables as files."""

from __future__ import annotations

import sys

import pandas as pd
import pytest

from layercut.errors import UserError
from layercut.ledger import parquet_available, write_csv, write_parquet


@pytest.fixture
def table():
    """Return a table with a float that needs all its digits and a missing value."""
    return pd.DataFrame({"name": ["ä", "b"], "accuracy": [0.1 + 0.2, float("nan")]})


def test_csv_keeps_every_digit_and_makes_the_folder(table, tmp_path):
    path = write_csv(table, tmp_path / "exports" / "results.csv")
    assert path.read_text(encoding="utf-8") == f"name,accuracy\nä,{0.1 + 0.2!r}\nb,\n"


def test_parquet_keeps_types_and_attributes(table, tmp_path):
    pytest.importorskip("pyarrow")
    table.attrs["study"] = "digits"
    path = write_parquet(table, tmp_path / "exports" / "results.parquet")
    read = pd.read_parquet(path)
    pd.testing.assert_frame_equal(read, table, check_exact=True)
    assert read.attrs["study"] == "digits"


def test_parquet_without_pyarrow_says_what_to_install(table, tmp_path, monkeypatch):
    monkeypatch.setattr("layercut.ledger.export.find_spec", lambda name: None)
    assert not parquet_available()
    with pytest.raises(UserError, match=r"pip install 'layercut\[parquet\]'"):
        write_parquet(table, tmp_path / "results.parquet")


@pytest.mark.skipif(sys.platform == "win32", reason="a file in place of a folder fails otherwise there")
def test_a_path_that_cannot_be_written_is_named(table, tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match="cannot write"):
        write_csv(table, tmp_path / "file" / "results.csv")
