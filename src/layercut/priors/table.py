"""The table that earlier studies leave: by how much each trained condition beat the solved heads of its study."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from importlib.resources import files
from pathlib import Path
from typing import NamedTuple

from layercut.errors import UserError
from layercut.files import explained, written_whole
from layercut.keys import content_key

_SHIPPED = "gains.csv"


class Gain(NamedTuple):
    """What one trained condition was worth in one study."""

    study: str
    num_images: int
    """Labelled images."""
    strategy: str
    left: float
    """Share of the blocks that the model still had."""
    frozen: float
    """Share of the blocks below everything that was trained."""
    rate: float
    """Learning rate of what came from the source."""
    gain: float
    """Held-out accuracy less that of the best solved head on at most as many blocks, and less what flatters it where
    held-out images stopped it."""
    num_replicates: int
    num_parameters: int
    """Of the whole model."""


Gains = tuple[Gain, ...]


def shipped_gains() -> Gains:
    """Return the table that layercut ships."""
    return _parsed((files("layercut.priors") / _SHIPPED).read_text(encoding="utf-8"), _SHIPPED)


def read_gains(path: Path) -> Gains:
    """Return the table in a file.

    Raises:
        UserError: it is none.
    """
    with explained(path):
        return _parsed(path.read_text(encoding="utf-8"), str(path))


def write_gains(path: Path, gains: Iterable[Gain]) -> None:
    """Write a table, sorted, with numbers of four digits."""
    with explained(path), written_whole(path) as unfinished:
        unfinished.write_text(as_text(gains), encoding="utf-8")


def as_text(gains: Iterable[Gain]) -> str:
    """Return a table as it is written."""
    content = io.StringIO()
    writer = csv.writer(content, lineterminator="\n")
    writer.writerow(Gain._fields)
    writer.writerows(sorted(_rounded(gain) for gain in gains))
    return content.getvalue()


def gains_hash(gains: Sequence[Gain]) -> str:
    """Return the hash of what a table says."""
    return content_key("gains", as_text(gains))


def _rounded(gain: Gain) -> Gain:
    left, frozen, value = (round(number, 4) for number in (gain.left, gain.frozen, gain.gain))
    return gain._replace(left=left, frozen=frozen, gain=value)


def _parsed(text: str, name: str) -> Gains:
    lines = list(csv.reader(io.StringIO(text)))
    if not lines or lines[0] != list(Gain._fields):
        raise UserError(f"{name}: expected a table with the columns {', '.join(Gain._fields)}")
    try:
        return tuple(_gain(*line) for line in lines[1:])
    except (TypeError, ValueError) as error:
        raise UserError(f"{name}: expected a table of gains; {error}") from error


def _gain(
    study: str, images: str, strategy: str, left: str, frozen: str, rate: str, gain: str, replicates: str, size: str
) -> Gain:
    where = float(left), float(frozen), float(rate)
    return Gain(study, int(images), strategy, *where, float(gain), int(replicates), int(size))
