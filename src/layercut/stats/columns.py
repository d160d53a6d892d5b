"""Columns of the tables that are read from a ledger."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from layercut.ledger import Ledger

RATES = ("learning_rate", "lowest_rate", "highest_rate")
"""The learning rate, and the ends of the list that it was chosen from."""

_TEXT_DTYPE = pd.Series(["text"]).dtype
"""What this pandas makes of texts (object before 3.0), also where a column has none."""


def texts(values: Any) -> pd.Series[Any]:
    """Return texts, some missing."""
    return pd.Series(values, dtype=_TEXT_DTYPE)


def integers(values: NDArray[Any]) -> pd.arrays.IntegerArray:
    """Return whole numbers, some missing (below 2**53, so that floats hold them)."""
    missing = np.isnan(values.astype(float))
    return pd.arrays.IntegerArray(np.where(missing, 0, values).astype(np.int64), missing)


def plain(values: list[Any], column: str) -> Any:
    """Return values that are all known, in the type that the column has everywhere."""
    if column in ("cut", "num_blocks", "id", "replicate", "merged", "cutless", "transfers"):
        return np.array(values, dtype=np.int64)
    return np.array(values, dtype=np.float64) if column in ("fraction", *RATES) else texts(values)


def attributes_of(ledger: Ledger) -> dict[str, Any]:
    """Return the `attrs` of every table of a ledger."""
    return {
        "study": ledger.meta("study_name"),
        "imported": ledger.meta("imported") is not None,
        "plan": ledger.meta("plan") or {},
        "latency": ledger.meta("latency") or {},
        "path": str(ledger.path),
    }
