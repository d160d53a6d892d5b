"""Tables whose rows end with a digest, so that a row that changed is noticed when it is read."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable
from contextlib import closing
from functools import cached_property, lru_cache
from operator import index
from typing import Any

from layercut.ledger.digests import Row, row_digest
from layercut.ledger.schema import create_tables

DIGEST = "digest"


class ChangedRowError(ValueError):
    """A row is not what was written."""


class SealedTable:
    """A table whose rows end with their digest.

    Args:
        name: of the table.
        link: the column that holds the `id` of the row of another table of which each row is a part; digests then
            cover the key of that row too.
    """

    def __init__(self, name: str, link: str | None = None) -> None:
        self.name = name
        self.link = link

    @cached_property
    def values(self) -> tuple[str, ...]:
        """Return the columns that the digest covers, in the table's order."""
        return tuple(column for column in _schema()[self.name] if column not in ("id", DIGEST, self.link))

    @cached_property
    def columns(self) -> tuple[str, ...]:
        """Return `values` and the digest."""
        return (*self.values, DIGEST)

    @cached_property
    def _as_stored(self) -> tuple[Callable[[Any], Any] | None, ...]:
        kinds = _schema()[self.name]
        return tuple(_AS_STORED.get(kinds[column]) for column in self.values)

    def seal(self, values: Iterable[Any], key: str | None = None) -> Row:
        """Return a row of `columns` from `values`, each as SQLite will return it; `key`: of the owner."""
        row = tuple(
            [
                value if value is None or as_stored is None else as_stored(value)
                for as_stored, value in zip(self._as_stored, values, strict=True)
            ]
        )
        return (*row, row_digest(row if key is None else (key, *row)))


class SealedRows:
    """Rows of one table, or of a table and of others that hold parts of its rows."""

    def __init__(self, table: SealedTable, *parts: SealedTable) -> None:
        self.table = table
        self.parts = parts

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Return the columns of all tables, one table after the other."""
        return tuple(column for table in (self.table, *self.parts) for column in table.columns)

    @cached_property
    def columns(self) -> str:
        """Return `names` as a query selects them."""
        return ", ".join(f"{table.name}.{column}" for table in (self.table, *self.parts) for column in table.columns)

    @cached_property
    def source(self) -> str:
        """Return what a query selects them from; a part that is missing is NULL."""
        joins = (f" LEFT JOIN {part.name} ON {part.name}.{part.link} = {self.table.name}.id" for part in self.parts)
        return self.table.name + "".join(joins)

    def sound(self, start: int = 0) -> Callable[[Row], bool]:
        """Return a check of whether the values of `columns`, which follow `start` others, are unchanged."""
        key, end = start, start + len(self.table.columns)
        spans = []
        for part in self.parts:
            spans.append((end, end + len(part.columns)))
            end += len(part.columns)
        last = start + len(self.table.columns) - 1

        def is_sound(row: Row) -> bool:
            return bool(row_digest(row[start:last]) == row[last])

        def is_whole(row: Row) -> bool:
            return is_sound(row) and all(
                row_digest((row[key], *row[first : end - 1])) == row[end - 1] for first, end in spans
            )

        return is_whole if spans else is_sound


def _real(value: Any) -> float | None:
    """Return what SQLite returns: it has no NaN, and no sign of zero."""
    number = float(value) + 0.0
    return number if number == number else None  # noqa: PLR0124 - NaN alone differs from itself


def _integer(value: Any) -> int:
    return value if type(value) is int else int(index(value))  # index refuses 0.5, int makes True 1


_AS_STORED: dict[str, Callable[[Any], Any]] = {"REAL": _real, "INTEGER": _integer}


@lru_cache
def _schema() -> dict[str, dict[str, str]]:
    """Return the type of each column of each table of a new ledger, in the table's order."""
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
        create_tables(connection)
        found: dict[str, dict[str, str]] = {}
        query = "SELECT m.name, c.name, c.type FROM sqlite_master m, pragma_table_info(m.name) c WHERE m.type = 'table'"
        for table, column, kind in connection.execute(f"{query} ORDER BY m.name, c.cid"):
            found.setdefault(table, {})[column] = kind
    return found
