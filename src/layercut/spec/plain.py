"""A study given as Python values instead of as a file."""

from __future__ import annotations

from collections.abc import Mapping
from os import PathLike
from pathlib import Path
from typing import Any

from layercut.errors import SpecError


def plain_values(value: Any, place: str = "") -> Any:
    """Return what a study file can hold: mappings, lists and scalars; paths are texts in it, tuples lists.

    Raises:
        SpecError: there is something else in it.

    Example:
        >>> plain_values({"transfer": {"cuts": (0, 2)}})
        {'transfer': {'cuts': [0, 2]}}
    """
    if isinstance(value, Mapping):
        keys = {key: key if isinstance(key, int | float) else str(key) for key in value}
        return {keys[key]: plain_values(one, f"{place}.{key}".lstrip(".")) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [plain_values(one, f"{place}[{index}]") for index, one in enumerate(value)]
    if isinstance(value, PathLike):
        return str(Path(value))
    if value is None or type(value) in (str, bool, int, float):
        return value
    if hasattr(value, "item") and getattr(value, "ndim", None) == 0:
        return value.item()  # a number of NumPy
    raise SpecError(f"`{place}`: expected a mapping, a list, a text, a number or a path; got a {type(value).__name__}")
