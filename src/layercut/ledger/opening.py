"""Open a ledger file: what it is, whether it is intact, and what every SQLite error means to the user."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from os import PathLike
from pathlib import Path

from layercut.errors import LedgerError, StorageFullError
from layercut.ledger.schema import (
    APPLICATION_ID,
    SCHEMA_VERSION,
    UPGRADED_VERSION,
    create_tables,
    schema_version,
    upgrade_tables,
)
from layercut.ledger.sealed import ChangedRowError

LEDGER_NAME = "ledger.sqlite"
"""Name of the ledger in an output directory."""
STUDY_NAME = "study.yaml"
"""Name of the study file beside it."""

_FULL = {sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR_WRITE, sqlite3.SQLITE_IOERR_SHMSIZE}
_LOG_PAGES = 16_000
"""Pages (64 MB) that the write-ahead log holds before they are written again to the file: an index over random keys
touches the same pages in every transaction."""

_BUSY_SECONDS = 30.0


def ledger_path(path: str | PathLike[str]) -> Path:
    """Return the ledger of an output directory, or `path` itself where it is no directory.

    Raises:
        LedgerError: it is no path.
    """
    if not isinstance(path, str | PathLike):
        raise LedgerError(f"expected the path of an output directory or of a ledger; got a {type(path).__name__}")
    path = Path(path).expanduser()
    return path / LEDGER_NAME if path.is_dir() else path


def run_of(study_file: Path | None) -> Path | None:
    """Return the output directory that a study file was written into by a run; None where it is anybody's file."""
    if study_file is None or study_file.name != STUDY_NAME or not (study_file.parent / LEDGER_NAME).is_file():
        return None
    return study_file.parent


@contextmanager
def explained(path: Path) -> Iterator[None]:
    """Turn every error of SQLite, and every row that is not what was written, into one that says what to do.

    Raises:
        StorageFullError: no space was left; the transaction was rolled back.
        LedgerError: the file is damaged, in use, read-only or not a ledger.
    """
    try:
        yield
    except sqlite3.Error as error:
        code = getattr(error, "sqlite_errorcode", 0)
        if code in _FULL:
            raise StorageFullError(
                f"no space left to write {path} ({error}); what was written before is safe: "
                "free some space and run the same command again"
            ) from error
        lacking = is_undecodable(error) or str(error).startswith(_LACKING)
        reason = DAMAGED if lacking else _REASONS.get(code & 0xFF)
        if reason is None:
            raise
        raise LedgerError(f"{path} {reason} ({error})") from error
    except ChangedRowError as error:
        raise LedgerError(
            f"{path} holds a record that changed after it was written: `layercut status` names it, and the next "
            "`layercut run` of the study recomputes it"
        ) from error
    except ValueError as error:  # what is no JSON, or no curve, and was so when it got its digest
        raise LedgerError(f"{path} {DAMAGED} ({error})") from error


_LACKING = ("no such table", "no such column", "malformed JSON")
"""Errors about what every ledger of this schema has."""


def is_undecodable(error: sqlite3.Error) -> bool:
    """Return whether a text in the file is not UTF-8."""
    return "decode to UTF-8" in str(error)


DAMAGED = (
    "is damaged, perhaps cut short while it was copied: take a sound copy, or move it away and run the study "
    "again (checkpoints and features are used again)"
)
_REASONS = {
    sqlite3.SQLITE_CORRUPT: DAMAGED,
    sqlite3.SQLITE_NOTADB: "is not a ledger: expected a SQLite file written by layercut",
    sqlite3.SQLITE_BUSY: "is in use by another process: wait until it has ended, then try again",
    sqlite3.SQLITE_LOCKED: "is in use by another process: wait until it has ended, then try again",
    sqlite3.SQLITE_CANTOPEN: "cannot be opened: check that its folder exists and that you may write there",
    sqlite3.SQLITE_READONLY: "cannot be written: check the permissions of the file and of its folder",
    sqlite3.SQLITE_IOERR: "cannot be read: the disk reports an error; take a sound copy",
}


def open_connection(path: Path, create: bool, read_only: bool) -> sqlite3.Connection:
    """Return a connection in autocommit mode.

    Raises:
        LedgerError: the file is missing, damaged, no ledger, or one of another schema.
        StorageFullError: no space was left to create it.
    """
    if not create and not path.is_file():
        raise LedgerError(
            f"no ledger at {path.absolute()}: expected an output directory of `layercut run` or `layercut import`, "
            f"or the {LEDGER_NAME} in it"
        )
    with explained(path):
        connection = _connect(path, read_only)
        try:
            if create and _is_new(connection):
                connection.execute("PRAGMA journal_mode = WAL")
                create_tables(connection)
            _check(connection, path)
            if schema_version(connection) == UPGRADED_VERSION:
                upgrade_tables(connection, read_only)
            if read_only:
                connection.execute("BEGIN")  # everything that is read from here on is of one moment
        except BaseException:
            connection.close()
            raise
    return connection


def _connect(path: Path, read_only: bool) -> sqlite3.Connection:
    if read_only:
        # In a folder that it may not write, SQLite reads a WAL file only if told that nobody else writes.
        archived = not os.access(path.parent, os.W_OK) and not path.with_name(path.name + "-wal").exists()
        uri = f"{path.absolute().as_uri()}?mode=ro{'&immutable=1' if archived else ''}"
        return sqlite3.connect(uri, uri=True, timeout=_BUSY_SECONDS, isolation_level=None)
    connection = sqlite3.connect(path, timeout=_BUSY_SECONDS, isolation_level=None)
    try:
        connection.execute("PRAGMA cache_size = -65536")
        connection.execute("PRAGMA synchronous = NORMAL")
        connection.execute(f"PRAGMA wal_autocheckpoint = {_LOG_PAGES}")
    except BaseException:
        connection.close()
        raise
    return connection


def _is_new(connection: sqlite3.Connection) -> bool:
    return schema_version(connection) == _application(connection) == _num_tables(connection) == 0


def _check(connection: sqlite3.Connection, path: Path) -> None:
    if _application(connection) != APPLICATION_ID:
        what = "is an empty file" if _num_tables(connection) == 0 else "is a SQLite file, but no ledger of layercut"
        raise LedgerError(f"{path} {what}: check the path, or move the file away and run the study again")
    version = schema_version(connection)
    if version > SCHEMA_VERSION:
        raise LedgerError(
            f"{path} was written by a newer layercut (schema {version}; this version reads {SCHEMA_VERSION}): "
            "upgrade with `pip install --upgrade layercut`"
        )
    if version < UPGRADED_VERSION:
        raise LedgerError(
            f"{path} (schema {version}; this version reads {SCHEMA_VERSION}) was made by a development version of "
            "layercut: move it away and run the study again"
        )


def _application(connection: sqlite3.Connection) -> int:
    return int(connection.execute("PRAGMA application_id").fetchone()[0])


def _num_tables(connection: sqlite3.Connection) -> int:
    return int(connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0])
