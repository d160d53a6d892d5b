"""Data inside a page, compressed: base64 of gzip, which browsers unpack themselves."""

from __future__ import annotations

import base64
import gzip
import json
import math
from functools import lru_cache
from typing import Any

from plotly.offline import get_plotlyjs


def packed(value: Any) -> str:
    """Return JSON, null for NaN, as compressed text of letters and digits: nothing in it can end a script element."""
    return _compressed(_json(value))


@lru_cache(maxsize=1)
def packed_plotly() -> str:
    """Return plotly's own script, compressed."""
    return _compressed(get_plotlyjs())


def _compressed(text: str) -> str:
    return base64.b64encode(gzip.compress(text.encode("utf-8"), compresslevel=9, mtime=0)).decode("ascii")


def embedded(value: Any) -> str:
    """Return JSON that is safe as it is inside a script element: no `<`, and null for NaN."""
    return _json(value).replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")


def _json(value: Any) -> str:
    encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode
    try:
        return encode(value)
    except ValueError:  # a NaN, which few values have: looking for it first takes longer than all else
        return encode(_finite(value))


def _finite(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    return [_finite(item) for item in value] if isinstance(value, list | tuple) else value
