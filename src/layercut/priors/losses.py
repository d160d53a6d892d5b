"""What recommendations lost in studies that were replayed, by the share of the whole study's seconds that they took."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from importlib.resources import files
from pathlib import Path
from typing import NamedTuple

from layercut.errors import UserError
from layercut.files import explained, written_whole

_SHIPPED = "losses.csv"

_BOUNDS = (0.5, 1.0, 2.0, 3.0, 5.0, 10.0, 20.0)
_MOST = 0.8
"""A bound is said that so many studies kept, or the last one."""


class Loss(NamedTuple):
    """What one study lost at one budget."""

    study: str
    num_images: int
    share: float
    """Of the seconds that everything takes."""
    points: float
    """Of accuracy on test images, below the best condition; mean over users."""


class Statement(NamedTuple):
    """In so many of so many studies less than so many points were lost."""

    kept: int
    studies: int
    points: float
    share: float
    """The greatest that was replayed and is not above the one asked for."""
    least_images: int
    most_images: int


def shipped_losses() -> tuple[Loss, ...]:
    """Return the table that layercut ships."""
    return _parsed((files("layercut.priors") / _SHIPPED).read_text(encoding="utf-8"))


def write_losses(path: Path, losses: Iterable[Loss]) -> None:
    """Write a table, sorted, with points of two digits."""
    content = io.StringIO()
    writer = csv.writer(content, lineterminator="\n")
    writer.writerow(Loss._fields)
    writer.writerows(sorted(loss._replace(points=round(loss.points, 2)) for loss in losses))
    with explained(path), written_whole(path) as unfinished:
        unfinished.write_text(content.getvalue(), encoding="utf-8")


def loss_at(share: float, losses: Sequence[Loss]) -> Statement | None:
    """Return what was lost at a share of everything's seconds; None where nothing like it was replayed.

    Example:
        >>> losses = [Loss("a", 20, 0.1, 0.2), Loss("b", 50, 0.1, 0.7)]
        >>> loss_at(0.15, losses + [Loss("a", 20, 0.2, 0.0)])
        Statement(kept=2, studies=2, points=1.0, share=0.1, least_images=20, most_images=50)
        >>> loss_at(0.01, losses), loss_at(0.5, losses)
        (None, None)
    """
    shares = sorted({loss.share for loss in losses})
    if not shares or not shares[0] <= share <= shares[-1]:
        return None
    at = max(one for one in shares if one <= share)
    own = [loss for loss in losses if loss.share == at]
    points = next((bound for bound in _BOUNDS if _kept(own, bound) >= _MOST * len(own)), _BOUNDS[-1])
    images = [loss.num_images for loss in own]
    return Statement(_kept(own, points), len(own), points, at, min(images), max(images))


def _kept(losses: Sequence[Loss], points: float) -> int:
    return sum(loss.points < points for loss in losses)


def _parsed(text: str) -> tuple[Loss, ...]:
    lines = list(csv.reader(io.StringIO(text)))
    if not lines or lines[0] != list(Loss._fields):
        raise UserError(f"{_SHIPPED}: expected a table with the columns {', '.join(Loss._fields)}")
    return tuple(Loss(study, int(images), float(share), float(points)) for study, images, share, points in lines[1:])
