"""The ledger as tidy tables: what figures, tests and users read."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from itertools import islice
from operator import itemgetter
from os import PathLike
from typing import Any, TypeAlias

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from layercut.errors import UserError
from layercut.ledger import Ledger, open_results
from layercut.ledger.rows import (
    BESIDE_CURVE,
    CURVE_DTYPE,
    FAILURES,
    FINISHED,
    HAS_VALIDATION_ACCURACY,
    HAS_VALIDATION_LOSS,
    NAMES,
    TRIALS,
)
from layercut.ledger.sealed import SealedRows
from layercut.metrics import ACCURACY
from layercut.stats.columns import RATES, attributes_of, integers, plain, texts
from layercut.stats.design import FACTOR, TREATMENT

STRATEGY_ORDER = (
    "scratch", "freeze_reinit", "freeze", "reinit", "finetune", "freeze_truncate", "truncate", "scratch_truncate",
    "linear_probe", "lp_finetune", "train_block", "norm_only", "bias_only", "layer_decay", "l2_sp",
    "gradual_unfreeze",
)  # fmt: skip
"""Strategies in the order in which tables and figures show them; others follow by name."""

NAME_COLUMNS = ("source", "target", "model", "strategy", "cut", "fraction")
_FLOATS = (
    "train_accuracy", "validation_accuracy", "validation_loss", "test_accuracy", "test_loss", "log_area",
    "penalty_strength", "validation_balanced_accuracy", "validation_macro_f1", "test_balanced_accuracy",
    "test_macro_f1", "num_effective_validation_images", "num_effective_test_images", "wall_seconds",
)  # fmt: skip
_COUNTS = (
    "best_epoch",
    "num_epochs",
    "num_steps",
    "num_folds",
    "num_train_images",
    "num_validation_images",
    "num_validation_looks",
    "num_test_images",
    "num_duplicates_dropped",
    "num_trained_parameters",
    "num_parameters",
    "num_threads",
)
_TEXTS = ("key", "condition", "stop_reason", "split_hash", "checkpoint_hash", "precision", "device", "environment")
_MEASURED = ("status", *_FLOATS[:-1], *_COUNTS[:-1], "wall_seconds", "frozen_unchanged", *_TEXTS[:-1])

_ROWS_A_CHUNK = 50_000

Results: TypeAlias = pd.DataFrame | str | PathLike[str]
"""What stands for a study's results: the table itself, an output directory, a ledger file, the summary of a run."""


def results_of(given: Results) -> pd.DataFrame:
    """Return a results table itself, or that of an output directory, a ledger file or the summary of a run.

    Raises:
        UserError: it is something else.
        LedgerError: there is no ledger, or it is damaged.
    """
    if isinstance(given, pd.DataFrame):
        return given
    if isinstance(given, str | PathLike):
        return load_results(given)
    raise UserError(
        "expected results as `load_results` returns them, or the path of an output directory; got a "
        f"{type(given).__name__}"
    )


def load_results(path: str | PathLike[str]) -> pd.DataFrame:
    """Return one row for each trial and name of its condition, failed trials included.

    A merged trial has a row under every name; `merged` is False under exactly one of them. `learning_rate` is NaN where
    nothing was trained; `lowest_rate` and `highest_rate` are the ends of the list that pilots chose it from, NaN where
    the study gave it. Accuracies
    are in 0..1, NaN where the trial failed (`status` then says how) or had no such images.
    The level of a training factor is a text in the column `factor_` and its name, empty where the factor does not
    apply: all such columns are factors, also in a table that was merged, concatenated or read from a file.
    `cutless` says whether the strategy does the same at every cut, `transfers` whether any block comes from the
    source, `treatment` what is done, in words.
    Rows are ordered by source, target, model, factors, strategy, cut, fraction and replicate.
    `metric` is what the study chooses by: `accuracy`, `balanced_accuracy` or `macro_f1`.
    `attrs` holds `study`, `imported`, `plan`, `latency` and `path`; no statistic needs them.

    Args:
        path: an output directory, or a ledger file.

    Raises:
        LedgerError: there is no ledger, or it is damaged.
    """
    with open_results(path) as ledger:
        names, factors = design_points(ledger)
        columns = ["id", "replicate", "status", *_FLOATS, *_COUNTS, "frozen_unchanged", *_TEXTS]
        parts = [part for rows in (FINISHED, FAILURES.rows) for part in _chunks(ledger, rows, columns)]
        values = {c: np.concatenate([_array(c, []), *(part[c] for part in parts)]) for c in columns}
        trial, name = _under_every_name(values["condition"], names)
        rank = names["rank"].reindex(name).to_numpy()
        order = np.lexsort((values["id"][trial], values["replicate"][trial], rank))
        study = ledger.meta("study_name")
        attributes = attributes_of(ledger)
    trial = trial[order]
    rows = names.reindex(name[order]).reset_index(drop=True)
    table: dict[str, Any] = {"study": texts(np.full(len(rows), study or "", dtype=object))}
    table |= {column: rows[column] for column in NAME_COLUMNS}
    table["replicate"] = values["replicate"][trial].astype(np.int64)
    table |= {column: rows[column] for column in (*factors, "num_blocks", "merged", *TREATMENT, *RATES)}
    table |= {column: _typed(column, values[column][trial]) for column in _MEASURED}
    table["num_threads"] = _typed("num_threads", values["num_threads"][trial])
    table["environment"] = _typed("environment", values["environment"][trial])
    metric = str(attributes["plan"].get("metric") or ACCURACY)
    table["metric"] = texts(np.full(len(rows), metric, dtype=object))
    frame = pd.DataFrame(table)
    frame.attrs.update(attributes)
    return frame


CURVE_COLUMNS = (
    "key", "condition", "replicate", "epoch", "train_loss", "train_accuracy", "validation_loss", "validation_accuracy",
    "learning_rate", "validation_score",
)  # fmt: skip
"""Of what `load_curves` returns."""


def load_curves(path: str | PathLike[str]) -> pd.DataFrame:
    """Return one row for each finished trial and epoch: key, condition, replicate, epoch, losses, accuracies, rate.

    `validation_score` is the value of the study's metric where that is not accuracy.

    Validation columns are NaN where there was no validation set, `learning_rate` where it was not written down.
    Join with `load_results` on `key`.

    Raises:
        LedgerError: there is no ledger, or it is damaged.
    """
    wanted = itemgetter(*(TRIALS.rows.names.index(c) for c in (*CURVE_COLUMNS[:3], "curve", *BESIDE_CURVE)))
    with open_results(path) as ledger:
        rows = list(map(wanted, ledger.checked(TRIALS.rows, clause="ORDER BY trials.id")))
        attributes = attributes_of(ledger)
    curves = [np.frombuffer(row[3], dtype=CURVE_DTYPE) for row in rows]
    lengths = np.array([len(curve) for curve in curves], dtype=np.int64)
    points = np.concatenate(curves) if curves else np.array([], dtype=CURVE_DTYPE)
    table = {
        "key": texts(np.repeat(np.array([row[0] for row in rows], dtype=object), lengths)),
        "condition": texts(np.repeat(np.array([row[1] for row in rows], dtype=object), lengths)),
        "replicate": np.repeat(np.array([row[2] for row in rows], dtype=np.int64), lengths),
        "epoch": points["epoch"].astype(np.int64),
        "train_loss": points["train_loss"],
        "train_accuracy": points["train_accuracy"],
        "validation_loss": _known(points, "validation_loss", HAS_VALIDATION_LOSS),
        "validation_accuracy": _known(points, "validation_accuracy", HAS_VALIDATION_ACCURACY),
    }
    for place, name in enumerate(BESIDE_CURVE.values(), start=4):
        values = [_each_epoch(row[place], number) for row, number in zip(rows, lengths, strict=True)]
        table[name] = np.concatenate([np.empty(0), *values])
    frame = pd.DataFrame(table)
    frame.attrs.update(attributes)
    return frame


def load_failures(path: str | PathLike[str]) -> pd.DataFrame:
    """Return one row for each failed trial or other job: job, kind, message and traceback.

    `condition` and `replicate` are missing where the failed job is not a trial.

    Raises:
        LedgerError: there is no ledger, or it is damaged.
    """
    with open_results(path) as ledger:
        failures = list(ledger.failures())
        attributes = attributes_of(ledger)
    table: dict[str, Any] = {
        c: plain([getattr(f, c) for f in failures], c)
        for c in ("key", "job", "condition", "kind", "message", "traceback", "device", "environment")
    }
    table["replicate"] = integers(np.array([f.replicate for f in failures], dtype=float))
    table["num_epochs"] = np.array([len(f.curve) for f in failures], dtype=np.int64)
    table["final"] = np.array([f.final for f in failures], dtype=bool)
    table["wall_seconds"] = np.array([f.wall_seconds for f in failures], dtype=float)
    order = ["job", "kind", "message", "replicate", "final", "num_epochs", "wall_seconds", "traceback"]
    frame = pd.DataFrame(table)[[*order, "device", "key", "condition", "environment"]]
    frame.attrs.update(attributes)
    return frame


def design_points(ledger: Ledger) -> tuple[pd.DataFrame, list[str]]:
    """Return design points by their id in the ledger, with their rank in tables, and the factor columns."""
    columns = [
        "id",
        "condition",
        *NAME_COLUMNS,
        "num_blocks",
        "merged",
        "factors",
        "learning_rate",
        "search",
        *TREATMENT,
    ]
    rows = list(ledger.checked(NAMES.rows, "condition_names.id"))
    stored = ("id", *NAMES.rows.names)
    names = pd.DataFrame({c: plain([row[stored.index(c)] for row in rows], c) for c in columns})
    levels = [json.loads(text) for text in names["factors"]]
    rates = [json.loads(row[stored.index("rates")] or "[]") for row in rows]
    names["lowest_rate"] = [min(own, default=np.nan) for own in rates]
    names["highest_rate"] = [max(own, default=np.nan) for own in rates]
    factors = list(dict.fromkeys(factor for level in levels for factor in sorted(level)))
    titles = [FACTOR + factor for factor in factors]
    for factor, title in zip(factors, titles, strict=True):
        names[title] = texts([level.get(factor, "") for level in levels])
    names = names.astype(dict.fromkeys(("merged", "cutless", "transfers"), bool))
    known = {strategy: index for index, strategy in enumerate(STRATEGY_ORDER)}
    names["strategy_order"] = [known.get(strategy, len(known)) for strategy in names["strategy"]]
    by = ["source", "target", "model", *titles, "strategy_order", "strategy", "cut", "fraction", "id"]
    names = names.sort_values(by, kind="stable")
    names["rank"] = np.arange(len(names))
    return names.set_index("id"), titles


def _chunks(ledger: Ledger, rows: SealedRows, columns: Sequence[str]) -> Iterator[dict[str, NDArray[Any]]]:
    """Turn trials into arrays, one chunk at a time, so that a million rows never exist as Python objects."""
    found = ledger.checked(rows, f"{rows.table.name}.id", "WHERE replicate IS NOT NULL")
    while chunk := list(islice(found, _ROWS_A_CHUNK)):
        values = dict(zip(("id", *rows.names), zip(*chunk, strict=True), strict=True))
        values["status"] = values.get("kind", ("finished",) * len(chunk))
        yield {c: _array(c, values.get(c, (None,) * len(chunk))) for c in columns}


def _under_every_name(conditions: NDArray[Any], names: pd.DataFrame) -> tuple[NDArray[np.intp], NDArray[np.int64]]:
    """Return the position of each trial once for every name of its condition, and the ids of those names."""
    distinct, codes = np.unique(names["condition"].to_numpy(dtype=object), return_inverse=True)
    by_condition = names.index.to_numpy()[np.argsort(codes, kind="stable")]
    counts = np.bincount(codes, minlength=len(distinct))
    known = {condition: code for code, condition in enumerate(distinct)}
    found = np.array([known.get(condition, -1) for condition in conditions], dtype=np.intp)
    named = np.flatnonzero(found >= 0)
    times = counts[found[named]]
    first = np.repeat((np.cumsum(counts) - counts)[found[named]], times)
    return np.repeat(named, times), by_condition[
        first + np.arange(len(first)) - np.repeat(np.cumsum(times) - times, times)
    ]


def _array(column: str, values: Sequence[Any]) -> NDArray[Any]:
    if column in ("id", "replicate"):
        return np.array(values, dtype=np.int64)
    return np.array(values, dtype=object if column in ("status", *_TEXTS) else np.float64)


def _typed(column: str, values: NDArray[Any]) -> Any:
    if column in _COUNTS:
        return integers(values)
    if column == "frozen_unchanged":
        missing = np.isnan(values.astype(float))
        return pd.arrays.BooleanArray(np.where(missing, 0, values).astype(bool), missing)
    return texts(values) if column in (*_TEXTS, "status") else values


def _known(points: NDArray[Any], column: str, bit: int) -> NDArray[np.float64]:
    return np.where(points["has"] & bit, points[column], np.nan)


def _each_epoch(values: bytes | None, num_epochs: int) -> NDArray[np.float64]:
    return np.full(num_epochs, np.nan) if values is None else np.frombuffer(values, dtype="<f8")
