"""Canonical JSON and content hashes: equal content, equal key, on every machine."""

from __future__ import annotations

import hashlib
import json
from typing import Any

KEY_VERSION = 1
"""Raised by hand when the meaning of training or measuring changes: old records then no longer match."""


def canonical_json(value: Any) -> str:
    """Return the one JSON text of `value`: sorted keys, no spaces, shortest round-trip floats.

    Raises:
        ValueError: a float is NaN or infinite.
        TypeError: a value is not JSON.
    """
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False, ensure_ascii=False)


def content_key(kind: str, value: Any) -> str:
    """Return 32 hexadecimal digits that identify `value` among all things of `kind`.

    Example:
        >>> content_key("trial", {"cut": 3}) == content_key("trial", {"cut": 3})
        True
        >>> content_key("trial", {"cut": 3}) == content_key("checkpoint", {"cut": 3})
        False
    """
    text = canonical_json({"kind": kind, "version": KEY_VERSION, "value": value})
    return hashlib.sha256(text.encode()).hexdigest()[:32]
