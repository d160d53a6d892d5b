"""Write records, by kind; the caller holds the transaction."""

from __future__ import annotations

import dataclasses
import math
import sqlite3
from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeVar

from layercut.errors import LedgerError
from layercut.ledger.rows import FAILURES, PILOTS, PRETRAININGS, PROBES, TRIALS, RowCodec
from layercut.ledger.sealed import SealedTable
from layercut.records import (
    FailureRecord,
    PilotRecord,
    PretrainingRecord,
    ProbeRecord,
    Record,
    TrialRecord,
    exact_content,
)

T = TypeVar("T", bound=TrialRecord | PilotRecord | PretrainingRecord | ProbeRecord)

_RESULTS = (TrialRecord, PilotRecord, PretrainingRecord, ProbeRecord)

_KEYS_A_QUERY = 500


def append_records(connection: sqlite3.Connection, records: Iterable[Record]) -> None:
    """Write records as `Ledger.append` promises, inside the caller's transaction.

    Raises:
        LedgerError: a key is there with another result.
    """
    by_kind: dict[type, list[Any]] = {kind: [] for kind in (*_RESULTS, FailureRecord)}
    for record in records:
        by_kind[type(record)].append(record)
    _append_trials(connection, by_kind[TrialRecord])
    _append_whole(connection, PILOTS, by_kind[PilotRecord])
    _append_whole(connection, PRETRAININGS, by_kind[PretrainingRecord])
    _append_whole(connection, PROBES, by_kind[ProbeRecord])
    succeeded = [(record.key,) for kind in _RESULTS for record in by_kind[kind]]
    connection.executemany("DELETE FROM failures WHERE key = ?", succeeded)
    _append_failures(connection, by_kind[FailureRecord])


def insert(table: SealedTable, *first: str) -> str:
    """Return the statement that inserts one row of `first` and the table's columns."""
    columns = (*first, *table.columns)
    return f"INSERT INTO {table.name} ({', '.join(columns)}) VALUES ({', '.join('?' * len(columns))})"  # noqa: S608 - our own names


def _append_trials(connection: sqlite3.Connection, records: Iterable[TrialRecord]) -> None:
    stored = [_without_nan(record) for record in records]
    new = _new_records(connection, TRIALS, _with_tests(connection, stored), exact_content)
    first_id = connection.execute("SELECT coalesce(max(id), 0) + 1 FROM trials").fetchone()[0]
    rows = [TRIALS.encode(record) for record in new]
    for part, table in enumerate((TRIALS.rows.table, *TRIALS.rows.parts)):
        values = ((trial, *row[part]) for trial, row in enumerate(rows, start=first_id))
        connection.executemany(insert(table, table.link or "id"), values)


def _with_tests(connection: sqlite3.Connection, records: list[TrialRecord]) -> list[TrialRecord]:
    """Return records of which none differs from what is there only in whether somebody looked at the test images.

    A look is never lost, and one that is new takes the place of the record without it, which is removed.
    """
    known = _known_keys(connection, "trials", records)
    found = []
    for record in records:
        there = _by_key(connection, TRIALS, record.key) if record.key in known else record
        if record.test_accuracy is None and there.test_accuracy is not None:
            record = _tested_as(there, record)  # noqa: PLW2901 - as it is there
        elif there.test_accuracy is None and record.test_accuracy is not None:
            _require_equal(_tested_as(record, there), record, exact_content)
            details = "DELETE FROM trial_details WHERE trial = (SELECT id FROM trials WHERE key = ?)"
            for statement in (details, "DELETE FROM trials WHERE key = ?"):
                connection.execute(statement, (record.key,))
        found.append(record)
    return found


def _tested_as(tested: TrialRecord, record: TrialRecord) -> TrialRecord:
    return dataclasses.replace(record, test_accuracy=tested.test_accuracy, test_loss=tested.test_loss)


def _append_whole(connection: sqlite3.Connection, codec: RowCodec[T], records: list[T]) -> None:
    new = _new_records(connection, codec, records, _result)
    connection.executemany(insert(codec.rows.table), (codec.encode(record)[0] for record in new))


def _append_failures(connection: sqlite3.Connection, records: list[FailureRecord]) -> None:
    succeeded: set[str] = set()
    for table in ("trials", "pilots", "pretrainings", "probes"):
        succeeded |= _known_keys(connection, table, records)
    connection.executemany(
        insert(FAILURES.rows.table).replace("INSERT", "INSERT OR REPLACE", 1),
        [FAILURES.encode(record)[0] for record in records if record.key not in succeeded],
    )


def _known_keys(connection: sqlite3.Connection, table: str, records: Sequence[Record]) -> set[str]:
    """Return those keys of `records` that `table` has."""
    found: set[str] = set()
    for start in range(0, len(records), _KEYS_A_QUERY):
        keys = [record.key for record in records[start : start + _KEYS_A_QUERY]]
        marks = ", ".join("?" * len(keys))
        query = f"SELECT key FROM {table} WHERE key IN ({marks})"  # noqa: S608 - a table of ours and question marks
        found.update(key for (key,) in connection.execute(query, keys))
    return found


def _by_key(connection: sqlite3.Connection, codec: RowCodec[T], key: str) -> T:
    query = f"SELECT {codec.rows.columns} FROM {codec.rows.source} WHERE key = ?"  # noqa: S608 - our own names
    return codec.decode(connection.execute(query, (key,)).fetchone())


def _new_records(
    connection: sqlite3.Connection, codec: RowCodec[T], records: Sequence[T], content: Callable[[T], str]
) -> list[T]:
    """Return the records whose key is not known, checking that the others say the same."""
    known = _known_keys(connection, codec.rows.table.name, records)
    new: dict[str, T] = {}
    for record in records:
        if record.key not in known and record.key not in new:
            new[record.key] = record
            continue
        there = _by_key(connection, codec, record.key) if record.key in known else new[record.key]
        _require_equal(there, record, content)
    return list(new.values())


def _require_equal(there: T, record: T, content: Callable[[T], str]) -> None:
    if content(there) != content(record):
        raise LedgerError(
            f"the ledger has another result under the key {record.key}: the same job gave two results, "
            "so something besides the study file has changed (code, library or hardware); "
            "use a new output directory"
        )


def _without_nan(record: TrialRecord) -> TrialRecord:
    """Return the record as it will be read back: SQLite has no NaN and stores None."""
    if record.test_loss is not None and math.isnan(record.test_loss):
        return dataclasses.replace(record, test_loss=None)
    return record


def _result(record: TrialRecord | PilotRecord | PretrainingRecord | ProbeRecord) -> str:
    """Return what must be equal in every run; `repr`, so that NaN equals itself.

    Learning rates follow from the study file, and earlier versions did not write them down.
    """
    if isinstance(record, PretrainingRecord):
        curve = tuple(dataclasses.replace(point, learning_rate=None) for point in record.curve)
        record = dataclasses.replace(record, curve=curve)
    return repr(dataclasses.replace(record, environment=None, wall_seconds=None))
