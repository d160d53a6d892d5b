"""Further tables of a ledger: accuracies of sources on their own task, and scores of classes."""

from __future__ import annotations

import json
from operator import itemgetter
from os import PathLike

import pandas as pd

from layercut.ledger import open_results
from layercut.ledger.rows import TRIALS

SOURCE_COLUMNS = (
    "source", "entry", "seed", "checkpoint", "model", "train_accuracy", "validation_accuracy", "test_accuracy",
    "best_epoch", "num_epochs", "wall_seconds", "key", "checkpoint_hash",
)  # fmt: skip
"""Of what `load_sources` returns."""

CLASS_COLUMNS = ("key", "condition", "replicate", "class_name", "precision", "recall", "f1", "support")
"""Of what `load_class_scores` returns."""

_AVERAGES = 2
"""Rows at the end of scikit-learn's report that are averages over classes."""


def load_sources(path: str | PathLike[str]) -> pd.DataFrame:
    """Return one row for each checkpoint of each source that was trained, with its accuracy on its own task.

    `entry` is the name of the source in the study file, `seed` and `checkpoint` (such as `batch 10` or `last`) tell
    which training and which moment of it; all three are missing in ledgers of older versions. Accuracies are in 0..1.

    Raises:
        LedgerError: there is no ledger, or it is damaged.
    """
    with open_results(path) as ledger:
        told = ledger.meta("sources") or {}
        rows = [
            (
                record.source,
                *told.get(record.key, (None, None, None)),
                record.model,
                record.train_accuracy,
                record.validation_accuracy,
                record.test_accuracy,
                record.best_epoch,
                record.num_epochs,
                record.wall_seconds,
                record.key,
                record.checkpoint_hash,
            )
            for record in ledger.pretrainings()
        ]
    frame = pd.DataFrame(rows, columns=list(SOURCE_COLUMNS))
    floats = ["validation_accuracy", "test_accuracy", "train_accuracy", "wall_seconds"]
    counts = ["seed", "best_epoch", "num_epochs"]
    return frame.astype(dict.fromkeys(floats, "float64") | dict.fromkeys(counts, "Int64"))


def load_class_scores(path: str | PathLike[str]) -> pd.DataFrame:
    """Return one row for each class of each trial that kept a classification report, scores on its test images.

    `support` counts the test images of the class. Join with `load_results` on `key`.

    Raises:
        LedgerError: there is no ledger, or it is damaged.
    """
    clause = "WHERE classification_report IS NOT NULL ORDER BY trials.id"
    names = TRIALS.rows.names
    wanted = itemgetter(*map(names.index, ("key", "condition", "replicate", "classification_report")))
    with open_results(path) as ledger:
        rows = [
            (key, condition, replicate, name, scores["precision"], scores["recall"], scores["f1-score"],
             round(scores["support"]))
            for key, condition, replicate, report in map(wanted, ledger.checked(TRIALS.rows, clause=clause))
            for name, scores in list(json.loads(report).items())[:-_AVERAGES]
        ]  # fmt: skip
    return pd.DataFrame(rows, columns=list(CLASS_COLUMNS))
