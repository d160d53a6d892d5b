"""The results table as files that other programs read."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from layercut.errors import UserError
from layercut.files import explained, written_whole

if TYPE_CHECKING:
    import pandas as pd


def write_csv(table: pd.DataFrame, path: Path) -> Path:
    """Write a table as comma-separated values in UTF-8 with a header; floats keep every digit.

    Raises:
        UserError: the file cannot be written.
    """
    with explained(path), written_whole(path) as unfinished:
        table.to_csv(unfinished, index=False)
    return path


def parquet_available() -> bool:
    """Return whether the extra that parquet needs is installed."""
    return find_spec("pyarrow") is not None


def write_parquet(table: pd.DataFrame, path: Path) -> Path:
    """Write a table as parquet, types included.

    Raises:
        UserError: pyarrow is not installed, or the file cannot be written.
    """
    if not parquet_available():
        raise UserError("parquet needs pyarrow: install it with `pip install 'layercut[parquet]'`, or choose csv")
    with explained(path), written_whole(path) as unfinished:
        table.to_parquet(unfinished, engine="pyarrow", index=False)
    return path
