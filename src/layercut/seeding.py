"""The only source of seeds: every random number of a study descends from its one seed."""

from __future__ import annotations

import hashlib

from layercut.keys import canonical_json


def derive_seed(study_seed: int, *names: str | int) -> int:
    """Return a 63-bit seed for the purpose that `names` spell, independent of every other purpose.

    Example:
        >>> derive_seed(0, "order", 3) == derive_seed(0, "order", 3)
        True
        >>> derive_seed(0, "order", 3) == derive_seed(0, "init", 3)
        False
    """
    digest = hashlib.sha256(canonical_json([study_seed, *names]).encode()).digest()
    return int.from_bytes(digest[:8], "big") >> 1
