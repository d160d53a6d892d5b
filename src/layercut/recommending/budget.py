"""How long a recommendation may take, as people write it."""

from __future__ import annotations

import math
import re

from layercut.errors import UserError

_UNITS = {"s": 1.0, "m": 60.0, "h": 3600.0}


def budget_seconds(budget: str | float) -> float:
    """Return seconds.

    Raises:
        UserError: it is no time above 0.

    Example:
        >>> [budget_seconds(text) for text in ("90s", "10m", "1.5h", 30)]
        [90.0, 600.0, 5400.0, 30.0]
    """
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([smh])\w*", str(budget).strip().lower())
    seconds = float(match[1]) * _UNITS[match[2]] if match else _number(budget)
    if not 0 < seconds < math.inf:
        raise UserError(f"expected a budget such as 90s, 10m or 1h; got {str(budget)[:20]!r}")
    return seconds


def _number(budget: str | float) -> float:
    return float(budget) if isinstance(budget, int | float) and not isinstance(budget, bool) else math.nan
