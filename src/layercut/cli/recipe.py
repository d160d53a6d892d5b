"""`layercut recipe`: a study's treatment as code."""

from __future__ import annotations

from pathlib import Path

import click

from layercut.cli.options import HomePath, condition_option


@click.command("recipe")
@click.argument("run", type=HomePath())
@click.option(
    "--for",
    "framework",
    type=click.Choice(["torch", "timm", "lightning", "transformers", "keras", "ultralytics"]),
    default="torch",
    show_default=True,
    help="Whose code.",
)
@condition_option
def command(run: Path, framework: str, condition: dict[str, str]) -> None:
    """Print Python code that freezes and trains a model of timm or torchvision as the study did.

    RUN is the output directory of a study that kept weights (`keep: [weights]`), or the folder of a kept trial. Without
    --condition it is the recommended condition. The code does not need layercut: it names the layers that are kept and
    those with new values, the optimizer, the schedule and the images. A comment at its top says what it leaves out.

    \b
    torch      a plain loop of PyTorch around the model
    timm       the same, of models of timm alone
    lightning  a LightningModule and its Trainer
    transformers  its Trainer around its own wrapper of models of timm
    keras      `fit`, with Keras on PyTorch
    ultralytics  its trainer of classifiers

    \b
    Examples:
        layercut recipe runs/mine > train.py
        layercut recipe runs/mine --for lightning --condition strategy=freeze --condition cut=3
    """
    from layercut.inference import find_model
    from layercut.recipes import recipe

    click.echo(recipe(find_model(run, condition), framework), nl=False)
