"""The schema of the ledger, as numbered steps.

A step is never changed once released: a new column is a new step at the end of `MIGRATIONS`, and NULL in older rows,
whose digests would change else (`digests.py`).
Each step runs in one transaction together with the new version number, so a crash leaves
the ledger at the old version or at the new one.
"""

from __future__ import annotations

import sqlite3

from layercut.ledger.digests import row_digest

APPLICATION_ID = 0x4C437574
"""`LCut` in ASCII: marks a SQLite file as a ledger of ours."""

_DIGEST_FUNCTION = "row_digest"
"""`digests.row_digest`, as statements call it."""

_DIGESTED = {
    "meta": "name, value",
    "environments": "key, layercut_version, code_version, python_version, libraries, platform, processor, num_cores, "
    "device",
    "condition_names": "condition, source, target, model, strategy, cut, fraction, num_blocks, merged, factors",
    "trials": "key, condition, replicate, train_accuracy, validation_accuracy, test_accuracy, test_loss, best_epoch, "
    "num_epochs, num_train_images, num_validation_images, num_test_images, num_duplicates_dropped, "
    "num_trained_parameters, num_parameters, frozen_unchanged, split_hash, checkpoint_hash, precision, device, "
    "num_threads, environment, wall_seconds, log_area, num_validation_looks, validation_loss, num_folds, stop_reason, "
    "num_steps",
    "pretrainings": "key, source, model, train_accuracy, validation_accuracy, test_accuracy, best_epoch, num_epochs, "
    "curve, checkpoint_hash, seeds, precision, device, num_threads, environment, wall_seconds, learning_rates",
    "probes": "key, probe, source, layer, fraction, replicate, dataset, split, scores, environment, wall_seconds, "
    "probing, target, model, cut, num_images, split_hash, seed, checkpoint_hash, device",
    "failures": "key, job, condition, replicate, kind, message, traceback, curve, device, environment, wall_seconds, "
    "learning_rates",
}
"""What the digests cover that step 6 gives to the rows of before."""

_DIGEST_OF_DETAILS = (
    f"(SELECT {_DIGEST_FUNCTION}(key, seeds, classification_report, curve, log_accuracies, learning_rates) "  # noqa: S608
    "FROM trials WHERE id = trial)"
)

MIGRATIONS: tuple[tuple[str, ...], ...] = (
    (
        "CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT",
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
            device TEXT NOT NULL
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
            UNIQUE (source, target, model, strategy, cut, fraction, factors)
        ) STRICT
        """,
        "CREATE INDEX condition_names_by_condition ON condition_names (condition)",
        """
        CREATE TABLE trials (
            id INTEGER PRIMARY KEY,
            key TEXT NOT NULL UNIQUE,
            condition TEXT NOT NULL,
            replicate INTEGER NOT NULL,
            train_accuracy REAL NOT NULL,
            validation_accuracy REAL,
            test_accuracy REAL NOT NULL,
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
            wall_seconds REAL
        ) STRICT
        """,
        # What is large and seldom read lies apart, so that reading all results does not pass over it.
        """
        CREATE TABLE trial_details (
            trial INTEGER PRIMARY KEY REFERENCES trials (id),
            seeds TEXT NOT NULL,
            classification_report TEXT,
            curve BLOB NOT NULL
        ) STRICT
        """,
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
            wall_seconds REAL
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
            wall_seconds REAL
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
            wall_seconds REAL
        ) STRICT
        """,
        "CREATE INDEX failures_by_job_and_kind ON failures (job, kind)",
    ),
    (
        "ALTER TABLE trials ADD COLUMN log_area REAL",
        "ALTER TABLE trial_details ADD COLUMN log_accuracies TEXT NOT NULL DEFAULT '{}'",
        # NULL in ledgers from before: not written down.
        "ALTER TABLE trial_details ADD COLUMN learning_rates BLOB",
        "ALTER TABLE pretrainings ADD COLUMN learning_rates BLOB",
        "ALTER TABLE failures ADD COLUMN learning_rates BLOB",
    ),
    (
        "ALTER TABLE probes ADD COLUMN probing TEXT NOT NULL DEFAULT ''",
        "ALTER TABLE probes ADD COLUMN target TEXT NOT NULL DEFAULT ''",
        "ALTER TABLE probes ADD COLUMN model TEXT NOT NULL DEFAULT ''",
        "ALTER TABLE probes ADD COLUMN cut INTEGER",
        "ALTER TABLE probes ADD COLUMN num_images INTEGER",
        "ALTER TABLE probes ADD COLUMN split_hash TEXT",
        "ALTER TABLE probes ADD COLUMN seed INTEGER",
        "ALTER TABLE probes ADD COLUMN checkpoint_hash TEXT",
        "ALTER TABLE probes ADD COLUMN device TEXT",
    ),
    (
        # NULL in ledgers from before: not counted.
        "ALTER TABLE trials ADD COLUMN num_validation_looks INTEGER",
    ),
    (
        # NULL in ledgers from before: not written down.
        "ALTER TABLE trials ADD COLUMN validation_loss REAL",
        "ALTER TABLE trials ADD COLUMN num_folds INTEGER",
        "ALTER TABLE trials ADD COLUMN stop_reason TEXT",
        "ALTER TABLE trials ADD COLUMN num_steps INTEGER",
    ),
    (
        # Rows of before are taken as they are at this moment.
        *(f"ALTER TABLE {table} ADD COLUMN digest BLOB" for table in (*_DIGESTED, "trial_details")),
        *(f"UPDATE {table} SET digest = {_DIGEST_FUNCTION}({columns})" for table, columns in _DIGESTED.items()),  # noqa: S608
        f"UPDATE trial_details SET digest = {_DIGEST_OF_DETAILS}",  # noqa: S608
    ),
    (
        # NULL in ledgers from before: no head was solved.
        "ALTER TABLE trials ADD COLUMN penalty_strength REAL",
    ),
    (
        # A trial may leave the test images alone: the table as it was, but for the test accuracy, which may be NULL.
        """
        CREATE TABLE tested_or_not (
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
            digest BLOB,
            penalty_strength REAL
        ) STRICT
        """,
        "INSERT INTO tested_or_not SELECT * FROM trials",
        "DROP TABLE trials",
        "ALTER TABLE tested_or_not RENAME TO trials",
    ),
    (
        # NULL in ledgers from before: not written down, and none was chosen.
        "ALTER TABLE condition_names ADD COLUMN learning_rate REAL",
        "ALTER TABLE condition_names ADD COLUMN rates TEXT",
        "ALTER TABLE condition_names ADD COLUMN search TEXT",
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
            digest BLOB
        ) STRICT
        """,
        "CREATE INDEX pilots_by_search ON pilots (search)",
    ),
    (
        # NULL in ledgers from before: not written down.
        "ALTER TABLE trials ADD COLUMN validation_balanced_accuracy REAL",
        "ALTER TABLE trials ADD COLUMN validation_macro_f1 REAL",
        "ALTER TABLE trials ADD COLUMN test_balanced_accuracy REAL",
        "ALTER TABLE trials ADD COLUMN test_macro_f1 REAL",
        "ALTER TABLE trials ADD COLUMN num_effective_validation_images REAL",
        "ALTER TABLE trials ADD COLUMN num_effective_test_images REAL",
        # NULL also where a study's metric is accuracy, which the curve holds.
        "ALTER TABLE trial_details ADD COLUMN validation_scores BLOB",
        "ALTER TABLE pretrainings ADD COLUMN validation_scores BLOB",
        "ALTER TABLE failures ADD COLUMN validation_scores BLOB",
        "ALTER TABLE pilots ADD COLUMN validation_scores BLOB",
    ),
)

SCHEMA_VERSION = len(MIGRATIONS)


def migrate(connection: sqlite3.Connection, version: int | None = None) -> None:
    """Run every step that the ledger lacks, up to `version` (default: all), each in its own transaction.

    `connection` must be in autocommit mode (`isolation_level=None`).

    Raises:
        sqlite3.Error: a step failed; the ledger is as it was before that step.
    """
    connection.create_function(_DIGEST_FUNCTION, -1, lambda *values: row_digest(values), deterministic=True)
    for number, statements in enumerate(MIGRATIONS[:version], start=1):
        connection.execute("BEGIN IMMEDIATE")
        try:
            if schema_version(connection) < number:
                for statement in statements:
                    connection.execute(statement)
                connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
                connection.execute(f"PRAGMA user_version = {number}")
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise


def schema_version(connection: sqlite3.Connection) -> int:
    """Return how many steps the ledger has seen; 0 for an empty file."""
    return int(connection.execute("PRAGMA user_version").fetchone()[0])
