"""Names to lazily imported objects.

A registry is a table of `"module:object"` strings with a line about each: listing them imports nothing,
so `layercut list` needs no torch and optional extras stay optional. Third parties add names through
entry points in the group `layercut.<kind>`.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from typing import Generic, NamedTuple, Protocol, TypeVar, cast

from layercut.errors import UnknownNameError, did_you_mean

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)


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
    traits: Mapping[str, str] = {}
    """What a list says beside it, such as kind and direction of a probe."""


class Collection(Protocol[T_co]):
    """Objects of somebody else's, too many to list: `torchvision/resnet50` is `resnet50` of one of these."""

    def names(self) -> list[str]:
        """Return all their names."""
        ...

    def __getitem__(self, name: str, /) -> T_co:
        """Return one of them.

        Raises:
            UnknownNameError: no such name.
        """
        ...


class Registry(Generic[T]):
    """An ordered, read-only table from name to object of one kind."""

    def __init__(self, kind: str, table: Mapping[str, Entry], collections: Mapping[str, Entry] | None = None) -> None:
        self.kind = kind
        self._table = dict(table)
        self._collections = dict(collections or {})

    def names(self) -> list[str]:
        """Return all names, built-in ones first; imports nothing."""
        return list(self._entries())

    def summary(self, name: str) -> str:
        """Return the line about `name`; imports nothing."""
        return self._entries()[name].summary

    def traits(self, name: str) -> Mapping[str, str]:
        """Return what else is known of `name`; imports nothing."""
        return self._entries()[name].traits

    def collections(self) -> dict[str, str]:
        """Return the beginnings of names that stand for a whole collection, with a line about each."""
        return {name: entry.summary for name, entry in self._collections.items()}

    def collection(self, beginning: str) -> Collection[T]:
        """Import and return a collection."""
        return cast(Collection[T], import_object(self._collections[beginning].path))

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
        beginning, slash, rest = name.partition("/")
        if slash and beginning in self._collections:
            return self.collection(beginning)[rest]
        if name not in entries:
            patterns = [f"{beginning}/NAME" for beginning in self._collections]
            raise UnknownNameError(self.kind, name, [*entries, *patterns], self._elsewhere(name, entries))
        return cast(T, import_object(entries[name].path))

    def _elsewhere(self, name: str, entries: Iterable[str]) -> str | None:
        """Return the full name of an object of a collection that was named without its beginning."""
        if did_you_mean(name, entries):
            return None
        for beginning in self._collections:
            if name in self.collection(beginning).names():
                return f"{beginning}/{name}"
        return None

    def _entries(self) -> dict[str, Entry]:
        return _third_party(self.kind) | self._table


@cache
def _third_party(kind: str) -> dict[str, Entry]:
    """Return what other packages add; looked up once, for it reads the metadata of every installed package."""
    points = entry_points(group=f"layercut.{kind}")
    return {point.name: Entry(point.value, f"from {_distribution(point)}") for point in points}


def _distribution(point: EntryPoint) -> str:
    return point.dist.name if point.dist else point.module
