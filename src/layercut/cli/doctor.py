"""`layercut doctor`."""

from __future__ import annotations

import json
from pathlib import Path

import click

from layercut.cli.options import data_option, json_option
from layercut.cli.terminal import say


@click.command("doctor")
@data_option
@json_option
def command(data_dir: Path | None, as_json: bool) -> None:
    """Show what this machine can do: versions, cores, memory, what trains, folders and their free space, and which
    extras are missing and how to install them.

    Downloads and changes nothing. Include its output when you report a problem.

    \b
    Examples:
        layercut doctor
        layercut doctor --json
    """
    from layercut.cli.checkup import check_up, describe_checkup

    found = check_up(data_dir)
    say(json.dumps(found, indent=2) if as_json else describe_checkup(found))
