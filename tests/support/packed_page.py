"""What a report holds compressed."""

from __future__ import annotations

import base64
import gzip
import re


def unpacked(page: str, name: str) -> str:
    """Return what the page's script unpacks: of the first element with this id or class."""
    found = re.search(f'<script type="text/plain" (?:id|class)="{name}">([^<]*)<', page)
    assert found is not None, f"the page has no {name}"
    return gzip.decompress(base64.b64decode(found[1])).decode("utf-8")
