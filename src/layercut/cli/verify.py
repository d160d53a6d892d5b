"""`layercut verify`."""

from __future__ import annotations

import json
from pathlib import Path

import click

from layercut.cli.main import EXIT_USER_ERROR
from layercut.cli.options import json_option, run_argument
from layercut.cli.terminal import say


@click.command("verify")
@run_argument
@json_option
def command(output_dir: Path, as_json: bool) -> int:
    """Check that records, checkpoints and kept trials in OUTPUT_DIR are as they were written.

    Names whatever has changed, and exits with code 2 if anything has. Changes nothing itself.

    \b
    Examples:
        layercut verify runs/digits
        layercut verify runs/digits --json
    """
    from layercut.recommending.places import study_places
    from layercut.runner.verify import verify_runs

    found = verify_runs(study_places(output_dir))
    say(json.dumps(found.as_json(), indent=2) if as_json else found.describe())
    return EXIT_USER_ERROR if found.damaged else 0
