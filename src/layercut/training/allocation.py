"""Keep freed memory with the process instead of returning it to the system."""

from __future__ import annotations

import ctypes
import sys
from functools import lru_cache

KEPT_BYTES = 2**30
"""Freed memory that stays with the process: mostly more than a step's activations."""

HEAP_BLOCK_BYTES = 2**25
"""Blocks up to this size lie on the heap; it is the most that glibc takes. Larger ones go back at once."""

_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3
"""Names of `mallopt(3)`."""


@lru_cache(maxsize=1)
def keep_freed_memory() -> bool:
    """Let this process reuse its freed memory instead of returning it; return whether its C library can.

    glibc returns activations of many megabytes to the system when a step ends, and the next step waits while the
    same pages are mapped and cleared again. Bits do not change.
    """
    if not sys.platform.startswith("linux"):
        return False
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    return mallopt is not None and bool(
        mallopt(_TRIM_THRESHOLD, KEPT_BYTES) and mallopt(_MMAP_THRESHOLD, HEAP_BLOCK_BYTES)
    )
