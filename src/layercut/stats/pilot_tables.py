"""Pilots as a tidy table: one row for each learning rate that was tried."""

from __future__ import annotations

from collections.abc import Sequence
from os import PathLike
from typing import Any

import numpy as np
import pandas as pd

from layercut.ledger import open_results
from layercut.records import PilotRecord
from layercut.stats.columns import attributes_of, integers, texts
from layercut.stats.tables import NAME_COLUMNS, design_points

PILOT_COLUMNS = (
    "learning_rate", "replicate", "diverged", "judged", "validation_accuracy", "validation_loss", "best_epoch",
    "num_epochs", "wall_seconds", "key",
)  # fmt: skip


def load_pilots(path: str | PathLike[str]) -> pd.DataFrame:
    """Return one row for each pilot and design point whose learning rate it helped to choose.

    `taken` says whether the design point has the pilot's rate; `judged` is the study's metric on validation images, by
    which rates are chosen. Rows are ordered as those of `load_results`, then by
    rate, the first replicate (-1) first. There is no test accuracy: pilots never look at test images.

    Raises:
        LedgerError: there is no ledger, or it is damaged.
    """
    with open_results(path) as ledger:
        names, factors = design_points(ledger)
        pilots = list(ledger.pilots(named=True))
        attributes = attributes_of(ledger)
    tried = pd.DataFrame({c: _pilot_column(pilots, c) for c in ("search", *PILOT_COLUMNS)})
    shown = names.rename(columns={"learning_rate": "taken_rate"}).reset_index()
    frame = shown.merge(tried, on="search")
    frame = frame[frame["learning_rate"].between(frame["lowest_rate"], frame["highest_rate"])]
    frame = frame.sort_values(["rank", "learning_rate", "replicate"], ascending=[True, True, False], ignore_index=True)
    frame["taken"] = frame["learning_rate"] == frame["taken_rate"]
    frame = frame[[*NAME_COLUMNS, *factors, "cutless", *PILOT_COLUMNS[:1], "taken", *PILOT_COLUMNS[1:]]]
    frame.attrs.update(attributes)
    return frame


def _pilot_column(pilots: Sequence[PilotRecord], column: str) -> Any:
    values = [getattr(pilot, column) for pilot in pilots]
    if column in ("search", "key"):
        return texts(values)
    if column in ("best_epoch", "num_epochs"):
        return integers(np.array(values, dtype=float))
    return np.array(values, dtype={"replicate": np.int64, "diverged": np.bool_}.get(column, np.float64))
