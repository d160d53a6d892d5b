"""What is printed: names from outside may hold escape sequences, which a terminal is never given."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from layercut.errors import visible

if TYPE_CHECKING:
    from rich.text import Text


def say(message: object, err: bool = False) -> None:
    """Print a line on stdout, or on stderr, its control characters made visible."""
    click.echo(visible(str(message)), err=err)


def plain(text: str) -> Text:
    """Return a cell or a title of a table that is printed as it is: no markup, no control characters."""
    from rich.text import Text

    return Text(visible(text))
