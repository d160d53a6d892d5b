"""`layercut status`."""

from __future__ import annotations

import json
from pathlib import Path

import click

from layercut.cli.options import json_option, run_argument
from layercut.cli.terminal import say

MOST_TRIALS = 50_000
"""With more, the answer takes longer than one waits for a status; `layercut report` has it."""


@click.command("status")
@run_argument
@click.option("--hash", "with_hash", is_flag=True, help="Also print the records hash, as --json does.")
@json_option
def command(output_dir: Path, with_hash: bool, as_json: bool) -> None:
    """Show the progress of the study in OUTPUT_DIR and its answer so far. Works while the study runs.

    \b
    Examples:
        layercut status runs/digits
        layercut status runs/digits --json
    """
    from layercut.ledger import study_status

    status = study_status(output_dir, with_hash=with_hash or as_json)
    if as_json:
        say(json.dumps(status.as_json(), indent=2))
        return
    from layercut.recommending.places import holds_recommendation, study_places

    places = study_places(output_dir)
    for place in places:
        say((status if len(places) == 1 else study_status(place)).describe())

    if holds_recommendation(output_dir):
        from layercut.recommending.outcome import read_recommendation

        say(f"\n{read_recommendation(output_dir)}")
    elif status.finished <= MOST_TRIALS:
        from layercut.notebook.answers import answers

        say(f"\n{answers(output_dir)}")
