"""`layercut list`."""

from __future__ import annotations

import json

import click

from layercut.cli.options import json_option

KINDS = ("datasets", "models", "strategies", "probes", "figures", "executors", "studies")


@click.command("list")
@click.argument("kind", type=click.Choice(KINDS), required=False)
@click.option("--options", "with_options", is_flag=True, help="Also show each entry's options.")
@json_option
def command(kind: str | None, with_options: bool, as_json: bool) -> None:
    """List what can be named in a study file or on the command line.

    \b
    Examples:
        layercut list
        layercut list models --options
    """
    from layercut.cli.catalogue import catalogue, describe

    entries = catalogue([kind] if kind else list(KINDS), with_options)
    click.echo(json.dumps(entries, indent=2) if as_json else describe(entries))
