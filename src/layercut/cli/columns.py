"""Tables as lines of text that fit a terminal of 80 columns."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from itertools import zip_longest
from typing import NamedTuple

from layercut.errors import visible

LINE = 80
"""Columns of a terminal."""
_GAP = "  "


class Column(NamedTuple):
    """A column of a table; its title and each cell may have several lines."""

    title: str
    cells: Sequence[str]
    left: bool = False
    """Whether it is set to the left, as names are; numbers are set to the right."""

    @property
    def width(self) -> int:
        """Return the length of its longest line."""
        return max(len(line) for text in (self.title, *self.cells) for line in visible(text).split("\n"))


def tables(first: Sequence[Column], others: Sequence[Column]) -> Iterator[list[str]]:
    """Yield as many tables as it takes to show the `others`, each with the `first` columns at its left.

    No line is longer than `LINE`, if one of the others at a time is not too wide already. A title stands right above
    its cells.

    Example:
        >>> for lines in tables([Column("strategy", ["freeze", "truncate"], left=True)], [Column("cut", ["3", "12"])]):
        ...     print("\\n".join(lines))
        strategy  cut
        freeze      3
        truncate   12
    """
    room = LINE - sum(column.width + len(_GAP) for column in first)
    taken: list[Column] = []
    for column in others:
        if taken and sum(one.width for one in [*taken, column]) + len(_GAP) * len(taken) > room:
            yield _lines([*first, *taken])
            taken = []
        taken.append(column)
    yield _lines([*first, *taken])


def filled(text: str, indent: str = "", hanging: str | None = None) -> str:
    """Return a text in lines of at most `LINE` characters; `hanging` begins all but the first.

    A word that is longer stays whole, as a path must to be copied.
    """
    after = indent if hanging is None else hanging
    return textwrap.fill(
        visible(text), LINE, initial_indent=indent, subsequent_indent=after, break_long_words=False,
        break_on_hyphens=False,
    )  # fmt: skip


def shortened(name: str, most: int) -> str:
    """Return a name without its middle where it is longer than `most` characters.

    Example:
        >>> shortened("a_name_that_nobody_reads", 11)
        'a_nam…reads'
    """
    if len(name) <= most:
        return name
    half = (most - 1) // 2
    return f"{name[: most - 1 - half]}…{name[-half:]}"


def _lines(columns: Sequence[Column]) -> list[str]:
    titles = [visible(column.title).split("\n") for column in columns]
    height = max(map(len, titles))
    head = [[""] * (height - len(title)) + title for title in titles]
    rows = zip(*([visible(cell).split("\n") for cell in column.cells] for column in columns), strict=True)
    return [line for row in (head, *rows) for line in _row(row, columns)]


def _row(cells: Sequence[Sequence[str]], columns: Sequence[Column]) -> Iterator[str]:
    for parts in zip_longest(*cells, fillvalue=""):
        padded = [
            part.ljust(column.width) if column.left else part.rjust(column.width)
            for part, column in zip(parts, columns, strict=True)
        ]
        yield _GAP.join(padded).rstrip()
