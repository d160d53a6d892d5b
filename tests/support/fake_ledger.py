"""A ledger with the trials of a made-up results table."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from layercut.ledger import Ledger
from layercut.records import ConditionName, Environment, EpochPoint, FailureRecord, TrialRecord
from layercut.stats.design import FACTOR, factor_columns

ENVIRONMENT = Environment(
    key="machine",
    layercut_version="1.2.3",
    code_version="abc123",
    python_version="3.11.7",
    libraries={"torch": "2.9.1", "numpy": "2.4.6"},
    platform="Linux-test",
    processor="x86_64",
    num_cores=2,
    device="Test Processor",
)


def write_ledger(
    folder: Path, table: pd.DataFrame, meta: Mapping[str, Any] | None = None, curves: bool = False
) -> Path:
    """Write the rows of `table` as a ledger into `folder`; failed rows become failures; return the folder.

    `curves` gives every trial a training curve of six epochs.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with Ledger(folder, create=True) as ledger:
        for name, value in {"study_name": "fake", **(meta or {})}.items():
            ledger.set_meta(name, value)
        ledger.add_environment(ENVIRONMENT)
        point = ["source", "target", "model", "strategy", "cut", "fraction"]
        names = table.drop_duplicates([*point, *factor_columns(table)])
        ledger.add_names([_name(row) for row in names.to_dict("records")])
        ledger.append([_record(row, curves) for row in table.drop_duplicates("key").to_dict("records")])
    return folder


def _name(row: Mapping[Any, Any]) -> ConditionName:
    return ConditionName(
        condition=row["condition"],
        source=row["source"],
        target=row["target"],
        model=row["model"],
        strategy=row["strategy"],
        cut=int(row["cut"]),
        fraction=float(row["fraction"]),
        num_blocks=int(row["num_blocks"]),
        merged=bool(row["merged"]),
        cutless=bool(row["cutless"]),
        transfers=bool(row["transfers"]),
        treatment=row["treatment"],
        factors={name.removeprefix(FACTOR): row[name] for name in row if str(name).startswith(FACTOR)},
    )


def _record(row: Mapping[Any, Any], curves: bool) -> TrialRecord | FailureRecord:
    identity = {"key": row["key"], "condition": row["condition"], "replicate": int(row["replicate"])}
    if row["status"] != "finished":
        return FailureRecord(
            job="transfer", kind="diverged", message="the loss became NaN in epoch 3", environment="machine", **identity
        )
    return TrialRecord(
        train_accuracy=1.0,
        validation_accuracy=None if math.isnan(row["validation_accuracy"]) else row["validation_accuracy"],
        test_accuracy=row["test_accuracy"],
        test_loss=row["test_loss"],
        best_epoch=7,
        num_epochs=12,
        curve=tuple(EpochPoint(n, 1 / n, 1 - 0.5 / n, 1.2 / n, 1 - 0.6 / n) for n in range(1, 7)) if curves else (),
        num_train_images=int(row["num_train_images"]),
        num_validation_images=int(row["num_validation_images"]),
        num_test_images=450,
        num_trained_parameters=int(row["num_trained_parameters"]),
        num_parameters=5000,
        frozen_unchanged=True,
        environment="machine",
        wall_seconds=0.25,
        **identity,
    )
