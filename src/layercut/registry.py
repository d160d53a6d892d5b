"""Names to lazily imported objects.

A registry is a table of `"module:object"` strings with a line about each: listing them imports nothing,
so `layercut list` needs no torch and optional extras stay optional. Third parties add names through
entry points in the group `layercut.<kind>`.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Mapping
from importlib.metadata import EntryPoint, entry_points
from typing import Generic, NamedTuple, TypeVar, cast

from layercut.errors import UnknownNameError

T = TypeVar("T")


def import_object(path: str) -> object:
    """Import `"package.module:object"`.

    Raises:
        ImportError: the module is not installed.
        AttributeError: the module has no such object.
    """
    module_name, _, attribute = path.partition(":")
    return getattr(importlib.import_module(module_name), attribute)


class Entry(NamedTuple):
    """One row of a registry."""

    path: str
    """`"package.module:object"`"""
    summary: str
    """One line for `layercut list`."""


class Registry(Generic[T]):
    """An ordered, read-only table from name to object of one kind."""

    def __init__(self, kind: str, table: Mapping[str, Entry]) -> None:
        self.kind = kind
        self._table = dict(table)

    def names(self) -> list[str]:
        """Return all names, built-in ones first; imports nothing."""
        return list(self._entries())

    def summary(self, name: str) -> str:
        """Return the line about `name`; imports nothing."""
        return self._entries()[name].summary

    def __iter__(self) -> Iterator[str]:
        return iter(self.names())

    def __contains__(self, name: object) -> bool:
        return name in self._entries()

    def __getitem__(self, name: str) -> T:
        """Import and return the object called `name`.

        Raises:
            UnknownNameError: no such name; the message has the nearest one.
        """
        entries = self._entries()
        if name not in entries:
            raise UnknownNameError(self.kind, name, entries)
        return cast(T, import_object(entries[name].path))

    def _entries(self) -> dict[str, Entry]:
        points = entry_points(group=f"layercut.{self.kind}")
        third_party = {point.name: Entry(point.value, f"from {_distribution(point)}") for point in points}
        return third_party | self._table if third_party else self._table


def _distribution(point: EntryPoint) -> str:
    return point.dist.name if point.dist else point.module
