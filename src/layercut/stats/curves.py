"""Training curves in one row per trial."""

from __future__ import annotations

from os import PathLike

import pandas as pd

from layercut.stats.tables import load_curves

_AVERAGED = ("train_loss", "train_accuracy", "validation_loss", "validation_accuracy")


def load_curve_averages(path: str | PathLike[str]) -> pd.DataFrame:
    """Return for each finished trial the average of its epochs: losses in nats, accuracies in 0..1.

    Columns: `key`, `num_epochs` and `mean_` of each value; NaN where there was no validation set. Join with
    `load_results` on `key`. All epochs count alike, those after the best one too: these are the columns "average
    training loss" and "average training accuracy" of tables that compare how fast settings learn.

    Raises:
        LedgerError: there is no ledger, or it is damaged.
    """
    return curve_averages(load_curves(path))


def curve_averages(curves: pd.DataFrame) -> pd.DataFrame:
    """Return the same for curves that have been read already."""
    groups = curves.groupby("key", sort=False)
    table = groups[list(_AVERAGED)].mean().rename(columns=lambda name: f"mean_{name}")
    table.insert(0, "num_epochs", groups.size())
    return table.reset_index()
