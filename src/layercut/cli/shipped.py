"""`layercut show`."""

from __future__ import annotations

import click

from layercut.cli.terminal import say


@click.command("show")
@click.argument("study")
def command(study: str) -> None:
    """Print the study file of STUDY: a shipped one by its name, or the one that a run was made with.

    A shipped study is a good beginning for one of your own: write it into a file and change it.

    \b
    Examples:
        layercut show mnist-halves
        layercut show mnist-halves > my-study.yaml
        layercut show runs/digits
    """
    from layercut.spec import load_study

    say((load_study(study).text or "").removesuffix("\n"))
