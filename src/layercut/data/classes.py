"""Classes by index or name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from layercut.errors import DataError, did_you_mean


def resolve_classes(classes: Sequence[int | str] | None, class_names: Sequence[str]) -> tuple[int, ...]:
    """Return the indices of classes given by index or name, in the order given; all where None.

    Raises:
        DataError: a class is not in the dataset, stands twice, could be meant in two ways, or there are fewer
            than two.
    """
    chosen = range(len(class_names)) if classes is None else [_resolve(name, class_names) for name in classes]
    indices = tuple(chosen)
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
        DataError: a class is not in the dataset, or stands twice.
    """
    resolved = {name: tuple(_resolve(member, class_names) for member in members) for name, members in groups.items()}
    indices = [index for members in resolved.values() for index in members]
    twice = sorted({class_names[index] for index in indices if indices.count(index) > 1})
    if twice:
        raise DataError(f"each class in one group; {', '.join(map(repr, twice))} stands more than once")
    return resolved


def _resolve(name: int | str, class_names: Sequence[str]) -> int:
    known = ", ".join(f"{index}: {class_name}" for index, class_name in enumerate(class_names))
    if isinstance(name, str):
        if name not in class_names:
            raise DataError(
                f"class {name!r} is not in the dataset{did_you_mean(name, class_names)}; known (index: name): {known}"
            )
        return class_names.index(name)
    if str(name) in class_names and class_names.index(str(name)) != name:
        raise DataError(
            f"class {name} could be the index or the name: put names in quotes ('{name}'), or names only; "
            f"known (index: name): {known}"
        )
    if not 0 <= name < len(class_names):
        raise DataError(f"class {name} is not in the dataset; known (index: name): {known}")
    return name
