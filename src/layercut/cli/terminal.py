"""What is printed: names from outside may hold escape sequences, which a terminal is never given."""

from __future__ import annotations

import click

from layercut.errors import visible


def say(message: object, err: bool = False) -> None:
    """Print a line on stdout, or on stderr, its control characters made visible."""
    click.echo(visible(str(message)), err=err)
