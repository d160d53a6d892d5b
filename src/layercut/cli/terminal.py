"""Printing safely: names from outside may hold escape sequences, which must never reach the terminal."""

from __future__ import annotations

import click

from layercut.errors import visible


def say(message: object, err: bool = False) -> None:
    """Print a line on stdout, or on stderr, its control characters made visible."""
    click.echo(visible(str(message)), err=err)
