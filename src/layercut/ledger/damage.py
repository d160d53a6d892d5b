"""Find rows that changed after they were written, and remove them so that they are computed again."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from typing import NamedTuple

from layercut.errors import few
from layercut.ledger.opening import is_undecodable
from layercut.ledger.rows import ENVIRONMENTS, FAILURES, META, NAMES, PILOTS, PRETRAININGS, PROBES, TRIALS
from layercut.ledger.schema import transaction

_KINDS = {
    "trial": TRIALS.rows,
    "pilot": PILOTS.rows,
    "pretraining": PRETRAININGS.rows,
    "probe": PROBES.rows,
    "failure": FAILURES.rows,
    "design point": NAMES.rows,
    "environment": ENVIRONMENTS.rows,
    "fact of the study": META,
}
"""What a user knows the rows of each table as."""


class DamagedRow(NamedTuple):
    """A row that is not what was written."""

    kind: str
    table: str
    row: int
    name: str
    """What its key, or its first column, now says."""

    def __str__(self) -> str:
        return f"{self.kind} {self.name}"


def damaged_rows(connection: sqlite3.Connection) -> list[DamagedRow]:
    """Return all rows whose digest does not fit, and details without their trial; reads every row.

    Raises:
        sqlite3.Error: the file cannot be read to its end.
    """
    try:
        return list(_scan(connection))
    except sqlite3.OperationalError as error:
        if not is_undecodable(error):
            raise
    connection.text_factory = lambda text: text.decode("utf-8", "surrogateescape")
    try:
        return list(_scan(connection))
    finally:
        connection.text_factory = str


def file_problems(connection: sqlite3.Connection, most: int = 100) -> list[str]:
    """Return what SQLite itself finds wrong with its pages and indexes."""
    return [text for (text,) in connection.execute(f"PRAGMA integrity_check({most})") if text != "ok"]


def take_out(connection: sqlite3.Connection) -> list[DamagedRow]:
    """Remove every row that is not what was written and rebuild the indexes; return what was removed.

    Raises:
        sqlite3.Error: the file cannot be read to its end.
        ValueError: the pages themselves are damaged.
    """
    problems = file_problems(connection)
    if problems:
        connection.execute("REINDEX")
    found = damaged_rows(connection)
    with transaction(connection):
        for damaged in found:
            connection.execute(f"DELETE FROM {damaged.table} WHERE rowid = ?", (damaged.row,))  # noqa: S608 - our own names
        connection.execute("DELETE FROM trial_details WHERE trial NOT IN (SELECT id FROM trials)")
    if problems and (left := file_problems(connection)):
        raise ValueError(few(left, 1))
    return found


def _scan(connection: sqlite3.Connection) -> Iterator[DamagedRow]:
    for kind, rows in _KINDS.items():
        table = rows.table.name
        is_sound = rows.sound(start=1)
        query = f"SELECT {table}.rowid, {rows.columns} FROM {rows.source} ORDER BY {table}.rowid"  # noqa: S608 - our own names
        for row in connection.execute(query):
            if not is_sound(row):
                yield DamagedRow(kind, table, row[0], ascii(row[1]).strip("'"))
    for (trial,) in connection.execute("SELECT trial FROM trial_details WHERE trial NOT IN (SELECT id FROM trials)"):
        yield DamagedRow("details of a trial that is gone, number", "trial_details", trial, str(trial))
