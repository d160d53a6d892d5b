"""`layercut show`."""

from __future__ import annotations

import click

from layercut.cli.terminal import say


@click.command("show")
@click.argument("study")
def command(study: str) -> None:
    """Print the study file of STUDY: a shipped study by name, or the one that a run used.

    A shipped study is a good starting point for your own: write it to a file and edit it.

    \b
    Examples:
        layercut show mnist-halves
        layercut show mnist-halves > my-study.yaml
        layercut show runs/digits
    """
    from layercut.spec import load_study

    say((load_study(study).text or "").removesuffix("\n"))
