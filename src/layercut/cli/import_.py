"""`layercut import`: results measured by other programs."""

from __future__ import annotations

from pathlib import Path

import click

from layercut.cli.options import HomePath
from layercut.cli.terminal import say


@click.command("import")
@click.argument("files", nargs=-1, required=True, type=HomePath())
@click.option(
    "-o",
    "--output",
    required=True,
    type=HomePath(file_okay=False),
    help="New output directory; its name becomes the study's.",
)
@click.option(
    "--dataset",
    help="Dataset of the results, such as mnist [default: read from the folder, such as MNIST/results/].",
)
@click.option("--target-dataset", help="The target's dataset, if it differs from the source's.")
def command(files: tuple[Path, ...], output: Path, dataset: str | None, target_dataset: str | None) -> None:
    """Make an output directory from result files, for `layercut report` and `layercut export`.

    FILES are the JSON files of the study "Exploring Layer Freezing in Transfer Learning": cuts_*.json (older:
    results_*.json), baselines_*.json and the cluster file. Give all files of one study at once, including
    the baselines: without them nothing can be compared with training from scratch.

    \b
    layercut import MNIST/results/*.json -o runs/mnist-published
    layercut report runs/mnist-published

    Prints the path of the ledger. Problems with the results go to stderr and into the report.
    """
    from layercut.interop import import_files

    imported = import_files(files, output, dataset, target_dataset)
    for warning in imported.warnings:
        say(f"warning: {warning}", err=True)
    say(imported.ledger)
