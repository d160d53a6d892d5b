"""Telling a full disk from other trouble with files."""

from __future__ import annotations

import errno


def is_disk_full(error: BaseException) -> bool:
    """Return whether an error means that no space, or no quota, is left."""
    return isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT)
