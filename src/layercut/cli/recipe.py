"""`layercut recipe`: a study's treatment as code."""

from __future__ import annotations

from pathlib import Path

import click

from layercut.cli.options import HomePath, condition_option, trust_option


@click.command("recipe")
@click.argument("run", type=HomePath())
@click.option(
    "--for",
    "framework",
    type=click.Choice(["torch", "timm", "lightning", "transformers", "keras", "ultralytics"]),
    default="torch",
    show_default=True,
    help="Framework to write the code for.",
)
@condition_option
@trust_option
def command(run: Path, framework: str, condition: dict[str, str], trust_code: bool) -> None:
    """Print Python code that freezes and trains the study's model without layercut.

    RUN is the output directory of a study that kept weights (`keep: [weights]`), or the folder of a kept trial. Without
    --condition, the code is for the recommended condition. It does not need layercut: it names the layers to freeze and
    to re-initialise, the optimizer, the schedule and the preprocessing. A comment at the top says what it leaves out.

    The model is one of timm or torchvision, or made by a function of your own (torch and lightning, with --trust-code).

    \b
    Frameworks:
        torch         a plain PyTorch loop
        timm          the same, for models of timm only
        lightning     a LightningModule and a Trainer
        transformers  the Trainer; for models of timm only
        keras         `fit`, with Keras on PyTorch
        ultralytics   the trainer of its classifiers

    \b
    Examples:
        layercut recipe runs/mine > train.py
        layercut recipe runs/mine --for lightning
        layercut recipe runs/mine --condition strategy=freeze --condition cut=3
    """
    from layercut.inference import find_model
    from layercut.recipes import recipe

    click.echo(recipe(find_model(run, condition), framework, trust_code), nl=False)
