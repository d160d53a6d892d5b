"""Points of a training that a study file names: `0`, `batch 3` of the first epoch, `epoch 10`, `last`."""

from __future__ import annotations

import re
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator

INITIAL, LAST = "0", "last"

LOG_POINTS = (INITIAL, *(f"batch {n}" for n in (1, 3, 10, 30, 100, 300)), *(f"epoch {n}" for n in (1, 3, 10, 30, 100)))
"""What `log_points: true` means: about evenly spaced on a logarithmic axis of steps.

A training passes over those that it does not reach.
"""


def _point(value: Any) -> str:
    text = " ".join(str(value).split())
    if isinstance(value, bool) or not (text in (INITIAL, LAST) or re.fullmatch(r"(batch|epoch) [1-9]\d*", text)):
        raise ValueError("0 (initial values), `batch N` (of the first epoch), `epoch N`, or for checkpoints `last`")
    return text


def _in_order(points: list[str]) -> list[str]:
    twice = sorted({point for point in points if points.count(point) > 1})
    if twice:
        raise ValueError(f"each point once; {', '.join(twice)} is listed more than once")
    return sorted(points, key=moment)


def _log_points(value: Any) -> Any:
    return list(LOG_POINTS if value else ()) if isinstance(value, bool) else value


Points = Annotated[list[Annotated[str, BeforeValidator(_point)]], AfterValidator(_in_order)]
"""Points in the order in which a training passes them."""

LogPoints = Annotated[Points, BeforeValidator(_log_points)]
"""Points, or `true` for `LOG_POINTS`."""


def moment(point: str) -> tuple[int, int]:
    """Return what orders points: `batch N` comes before `epoch 1`, `last` after everything.

    Example:
        >>> sorted(["last", "epoch 3", "batch 10", "0", "batch 2"], key=moment)
        ['0', 'batch 2', 'batch 10', 'epoch 3', 'last']
    """
    if point in (INITIAL, LAST):
        return (0, 0) if point == INITIAL else (2, 0)
    kind, _, number = point.partition(" ")
    return (0 if kind == "batch" else 1), int(number)


def epochs_of(points: list[str]) -> list[int]:
    """Return the numbers of those points that are ends of epochs."""
    return [int(point.partition(" ")[2]) for point in points if point.startswith("epoch")]


def batches_of(points: list[str]) -> list[int]:
    """Return the numbers of those points that are ends of batches."""
    return [int(point.partition(" ")[2]) for point in points if point.startswith("batch")]
