"""`layercut list`."""

from __future__ import annotations

import json

import click

from layercut.cli.options import json_option
from layercut.cli.terminal import say
from layercut.errors import UserError

KINDS = ("datasets", "models", "strategies", "probes", "figures", "executors", "studies")


@click.command("list")
@click.argument("kind", metavar="[KIND]", type=click.Choice([*KINDS, "cuts"]), required=False)
@click.argument("name", metavar="[MODEL]", required=False)
@click.option("--options", "with_options", is_flag=True, help="Also list the options of each entry.")
@click.option("--image", metavar="CxHxW", help="For cuts: the shape of the images, such as 3x64x64.")
@json_option
def command(kind: str | None, name: str | None, with_options: bool, image: str | None, as_json: bool) -> None:
    """List what can be named in a study file or on the command line, or where a model can be cut.

    KIND is datasets, models, strategies, probes, figures, executors or studies; without it, all are listed. KIND cuts
    takes a MODEL and lists its blocks.

    \b
    Examples:
        layercut list
        layercut list models --options
        layercut list cuts torchvision/resnet50
        layercut list cuts my_models:small_resnet --image 3x64x64
    """
    from layercut.cli.catalogue import catalogue, describe
    from layercut.cli.cuts import cut_points, describe_cuts

    if kind == "cuts" and name is None:
        raise UserError("layercut list cuts takes the name of a model, such as torchvision/resnet50")
    if kind != "cuts" and name is not None:
        raise UserError(f"layercut list {kind} takes no name; got {name!r}: omit it to list all {kind}")
    if name is not None:
        found = cut_points(name, image)
        say(json.dumps(found, indent=2) if as_json else describe_cuts(found))
        return
    entries = catalogue([kind] if kind else list(KINDS), with_options)
    say(json.dumps(entries, indent=2) if as_json else describe(entries))
