"""The tables of the ledger.

`SCHEMA_VERSION` rises with every change of them. New columns come last, digests aside, and are NULL in older rows,
whose digests would change otherwise (`digests.py`). Versions below 11 were never released and are not read.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

APPLICATION_ID = 0x4C437574
"""`LCut` in ASCII: marks a SQLite file as a ledger of ours."""

SCHEMA_VERSION = 12
UPGRADED_VERSION = 11
"""The one before, which is read, too (`upgrade_tables`)."""

_SCHEMA = (
    "CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL, digest BLOB) STRICT",
    """
    CREATE TABLE environments (
        key TEXT PRIMARY KEY,
        layercut_version TEXT NOT NULL,
        code_version TEXT NOT NULL,
        python_version TEXT NOT NULL,
        libraries TEXT NOT NULL,
        platform TEXT NOT NULL,
        processor TEXT NOT NULL,
        num_cores INTEGER NOT NULL,
        device TEXT NOT NULL,
        digest BLOB
    ) STRICT
    """,
    """
    CREATE TABLE condition_names (
        id INTEGER PRIMARY KEY,
        condition TEXT NOT NULL,
        source TEXT NOT NULL,
        target TEXT NOT NULL,
        model TEXT NOT NULL,
        strategy TEXT NOT NULL,
        cut INTEGER NOT NULL,
        fraction REAL NOT NULL,
        num_blocks INTEGER NOT NULL,
        merged INTEGER NOT NULL,
        factors TEXT NOT NULL,
        learning_rate REAL,
        rates TEXT,
        search TEXT,
        cutless INTEGER NOT NULL,
        transfers INTEGER NOT NULL,
        treatment TEXT NOT NULL,
        digest BLOB,
        UNIQUE (source, target, model, strategy, cut, fraction, factors)
    ) STRICT
    """,
    "CREATE INDEX condition_names_by_condition ON condition_names (condition)",
    # `test_accuracy` is NULL where a trial left the test images alone.
    """
    CREATE TABLE trials (
        id INTEGER PRIMARY KEY,
        key TEXT NOT NULL UNIQUE,
        condition TEXT NOT NULL,
        replicate INTEGER NOT NULL,
        train_accuracy REAL NOT NULL,
        validation_accuracy REAL,
        test_accuracy REAL,
        test_loss REAL,
        best_epoch INTEGER,
        num_epochs INTEGER,
        num_train_images INTEGER,
        num_validation_images INTEGER,
        num_test_images INTEGER,
        num_duplicates_dropped INTEGER,
        num_trained_parameters INTEGER,
        num_parameters INTEGER,
        frozen_unchanged INTEGER,
        split_hash TEXT,
        checkpoint_hash TEXT,
        precision TEXT,
        device TEXT,
        num_threads INTEGER,
        environment TEXT,
        wall_seconds REAL,
        log_area REAL,
        num_validation_looks INTEGER,
        validation_loss REAL,
        num_folds INTEGER,
        stop_reason TEXT,
        num_steps INTEGER,
        penalty_strength REAL,
        validation_balanced_accuracy REAL,
        validation_macro_f1 REAL,
        test_balanced_accuracy REAL,
        test_macro_f1 REAL,
        num_effective_validation_images REAL,
        num_effective_test_images REAL,
        digest BLOB
    ) STRICT
    """,
    # What is large and seldom read has a table of its own, so that reading all results does not pass over it.
    """
    CREATE TABLE trial_details (
        trial INTEGER PRIMARY KEY REFERENCES trials (id),
        seeds TEXT NOT NULL,
        classification_report TEXT,
        curve BLOB NOT NULL,
        log_accuracies TEXT NOT NULL,
        learning_rates BLOB,
        validation_scores BLOB,
        digest BLOB
    ) STRICT
    """,
    """
    CREATE TABLE pilots (
        id INTEGER PRIMARY KEY,
        key TEXT NOT NULL UNIQUE,
        search TEXT NOT NULL,
        learning_rate REAL NOT NULL,
        replicate INTEGER NOT NULL,
        diverged INTEGER NOT NULL,
        validation_accuracy REAL,
        validation_loss REAL,
        best_epoch INTEGER,
        num_epochs INTEGER,
        curve BLOB NOT NULL,
        split_hash TEXT,
        checkpoint_hash TEXT,
        precision TEXT,
        device TEXT,
        environment TEXT,
        wall_seconds REAL,
        learning_rates BLOB,
        validation_scores BLOB,
        validation_score REAL,
        digest BLOB
    ) STRICT
    """,
    "CREATE INDEX pilots_by_search ON pilots (search)",
    """
    CREATE TABLE pretrainings (
        id INTEGER PRIMARY KEY,
        key TEXT NOT NULL UNIQUE,
        source TEXT NOT NULL,
        model TEXT NOT NULL,
        train_accuracy REAL NOT NULL,
        validation_accuracy REAL,
        test_accuracy REAL NOT NULL,
        best_epoch INTEGER,
        num_epochs INTEGER NOT NULL,
        curve BLOB NOT NULL,
        checkpoint_hash TEXT NOT NULL,
        seeds TEXT NOT NULL,
        precision TEXT,
        device TEXT,
        num_threads INTEGER,
        environment TEXT,
        wall_seconds REAL,
        learning_rates BLOB,
        validation_scores BLOB,
        digest BLOB
    ) STRICT
    """,
    """
    CREATE TABLE probes (
        id INTEGER PRIMARY KEY,
        key TEXT NOT NULL UNIQUE,
        probe TEXT NOT NULL,
        source TEXT NOT NULL,
        layer TEXT NOT NULL,
        fraction REAL NOT NULL,
        replicate INTEGER NOT NULL,
        dataset TEXT NOT NULL,
        split TEXT NOT NULL,
        scores TEXT NOT NULL,
        environment TEXT,
        wall_seconds REAL,
        probing TEXT NOT NULL,
        target TEXT NOT NULL,
        model TEXT NOT NULL,
        cut INTEGER,
        num_images INTEGER,
        split_hash TEXT,
        seed INTEGER,
        checkpoint_hash TEXT,
        device TEXT,
        digest BLOB
    ) STRICT
    """,
    """
    CREATE TABLE failures (
        id INTEGER PRIMARY KEY,
        key TEXT NOT NULL UNIQUE,
        job TEXT NOT NULL,
        condition TEXT,
        replicate INTEGER,
        kind TEXT NOT NULL,
        message TEXT NOT NULL,
        traceback TEXT NOT NULL,
        curve BLOB NOT NULL,
        device TEXT,
        environment TEXT,
        wall_seconds REAL,
        learning_rates BLOB,
        validation_scores BLOB,
        digest BLOB
    ) STRICT
    """,
    "CREATE INDEX failures_by_job_and_kind ON failures (job, kind)",
)


def create_tables(connection: sqlite3.Connection) -> None:
    """Make an empty file a ledger, in one transaction; does nothing where another process has just done so.

    `connection` must be in autocommit mode (`isolation_level=None`).
    """
    with transaction(connection):
        if schema_version(connection) == 0:
            for statement in _SCHEMA:
                connection.execute(statement)
            connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
            connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")


def upgrade_tables(connection: sqlite3.Connection, read_only: bool) -> None:
    """Make the tables of version 11 those of this version; where nothing may be written, for this connection alone.

    That version judged pilots by their best round where the metric is not accuracy. Such pilots are left out: what was
    chosen by them stands in the names of conditions, and a run trains them again.
    """
    if read_only:
        kept = "SELECT *, NULL AS validation_score FROM main.pilots WHERE validation_scores IS NULL"
        connection.execute(f"CREATE TEMP VIEW pilots AS {kept}")
        return
    with transaction(connection):
        connection.execute("DELETE FROM pilots WHERE validation_scores IS NOT NULL")
        connection.execute("ALTER TABLE pilots ADD COLUMN validation_score REAL")
        connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")


@contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """Write everything or nothing, with no other writer between.

    `connection` must be in autocommit mode (`isolation_level=None`).
    """
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:  # a full disk has rolled back by itself
            connection.execute("ROLLBACK")
        raise


def schema_version(connection: sqlite3.Connection) -> int:
    """Return the version of the tables; 0 for an empty file."""
    return int(connection.execute("PRAGMA user_version").fetchone()[0])
