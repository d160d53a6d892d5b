"""The digest of a row: equal exactly if the row holds the same values, in every bit and type."""

from __future__ import annotations

import marshal
from hashlib import blake2b
from typing import Any

Row = tuple[Any, ...]

_MARSHAL_VERSION = 2
"""Its bytes follow from the values alone (later versions also look at who else holds them); a test holds them fixed."""


def row_digest(values: Row) -> bytes:
    """Return 16 bytes over values as SQLite returns them: None, int, float, str, bytes.

    Missing values at the end count for nothing, so that a column which a later schema adds, NULL in the rows of
    before, changes no digest.

    Example:
        >>> row_digest(("a", 1.0, None)) == row_digest(("a", 1.0))
        True
        >>> row_digest(("a", 1.0)) == row_digest(("a", 1))
        False
    """
    end = len(values)
    while end and values[end - 1] is None:
        end -= 1
    return blake2b(marshal.dumps(values[:end], _MARSHAL_VERSION), digest_size=16).digest()
