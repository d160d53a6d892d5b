"""Classes by index or name."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from difflib import SequenceMatcher

from layercut.errors import DataError

_SHOWN = 20
"""Classes that a message lists; of more, the nearest."""
_NEAREST = 3
_NUMBER = re.compile(r"0|[1-9][0-9]*")


def resolve_classes(classes: Sequence[int | str] | None, class_names: Sequence[str]) -> tuple[int, ...]:
    """Return the indices of classes given by index or name, in the order given; all where None.

    A number is an index, unless the dataset calls classes by other numbers than their indices: then it is a name.

    Raises:
        DataError: a class is not in the dataset, appears twice, or there are fewer than two.
    """
    known = _Known(class_names)
    indices = tuple(range(len(class_names))) if classes is None else tuple(map(known.index, classes))
    twice = sorted({class_names[index] for index in indices if indices.count(index) > 1})
    if twice:
        raise DataError(
            f"each class once; {', '.join(map(repr, twice))} is listed more than once, by index and by name"
        )
    if len(indices) < 2:
        raise DataError(f"a task needs at least two classes; got {[class_names[index] for index in indices]}")
    return indices


def resolve_groups(groups: Mapping[str, Sequence[int | str]], class_names: Sequence[str]) -> dict[str, tuple[int, ...]]:
    """Return the indices of each group's classes, in the order given.

    Raises:
        DataError: a class is not in the dataset, or appears twice.
    """
    known = _Known(class_names)
    resolved = {name: tuple(map(known.index, members)) for name, members in groups.items()}
    indices = [index for members in resolved.values() for index in members]
    twice = sorted({class_names[index] for index in indices if indices.count(index) > 1})
    if twice:
        raise DataError(f"each class in one group; {', '.join(map(repr, twice))} appears more than once")
    return resolved


def same_name(name: str) -> str:
    """Return the form of a name that is equal for equal names: Unicode's NFC, for some systems write `é` as two."""
    return unicodedata.normalize("NFC", name)


class _Known:
    """The classes of a dataset."""

    def __init__(self, names: Sequence[str]) -> None:
        self._names = names
        self._index = {same_name(name): index for index, name in enumerate(names)}
        self._numbers_are_names = any(
            _NUMBER.fullmatch(name) and name != str(index) for index, name in enumerate(names)
        )

    def index(self, given: int | str) -> int:
        """Return the index of a class.

        Raises:
            DataError: it is not in the dataset.
        """
        name = same_name(str(given))
        if isinstance(given, int) and not self._numbers_are_names and name not in self._index:
            if 0 <= given < len(self._names):
                return given
            raise DataError(f"class {given} is not in the dataset; its classes are {self._listed()}")
        if name not in self._index:
            numbers = "; classes have numbers as names here, so a number is a name" if isinstance(given, int) else ""
            raise DataError(f"class {given!r} is not in the dataset{numbers}; its classes are {self._listed(name)}")
        return self._index[name]

    def _listed(self, name: str | None = None) -> str:
        """Return all classes with their indices, or of many the ones whose names are nearest to `name`."""
        indices = range(len(self._names))
        if len(self._names) <= _SHOWN:
            return "(index: name) " + ", ".join(f"{index}: {self._names[index]}" for index in indices)
        if name is None:
            return f"0..{len(self._names) - 1}"
        nearest = sorted(indices, key=lambda index: -_likeness(name, self._names[index]))[:_NEAREST]
        listed = ", ".join(f"{self._names[index]!r} (index {index})" for index in nearest)
        return f"{len(self._names)}, the nearest {listed}"


def _likeness(one: str, other: str) -> float:
    return SequenceMatcher(None, one.casefold(), other.casefold()).ratio()
