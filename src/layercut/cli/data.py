"""`layercut data`: where datasets are, fetching them, checking them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from layercut.data import DownloadableDataset

_data_dir = click.option(
    "--data-dir",
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder of the raw files, in torchvision's layout [default: LAYERCUT_DATA, else user's cache].",
)


@click.group("data")
def command() -> None:
    """Show where datasets are, download them, check them."""


@command.command()
@_data_dir
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def where(data_dir: Path | None, as_json: bool) -> None:
    """Print the directories and which datasets are there."""
    from layercut.data.cache import default_cache_dir, default_data_dir

    folder = data_dir or default_data_dir()
    states = {name: "present" if _is_present(name, folder) else "absent" for name in _downloadable()}
    if as_json:
        cache_dir = str(default_cache_dir())
        places = {"data_dir": str(folder), "cache_dir": cache_dir, "datasets": states}
        click.echo(json.dumps(places, indent=2))
        return
    click.echo(f"data directory   {folder}")
    click.echo(f"cache directory  {default_cache_dir()}")
    for name, state in states.items():
        click.echo(f"  {name}: {state}")


@command.command()
@_data_dir
@click.argument("names", nargs=-1, required=True)
def download(names: tuple[str, ...], data_dir: Path | None) -> None:
    """Download datasets by NAME; what is there already is checked and kept."""
    from layercut.data.cache import default_data_dir

    folder = data_dir or default_data_dir()
    for name, dataset in [(name, _dataset(name)) for name in names]:
        dataset.download(folder)
        click.echo(f"{name}: in {folder}")


@command.command()
@_data_dir
@click.argument("names", nargs=-1)
def verify(names: tuple[str, ...], data_dir: Path | None) -> None:
    """Check size and checksum of every raw file of the datasets NAMES, or of all that are there."""
    from layercut.data.cache import default_data_dir
    from layercut.errors import DataError

    folder = data_dir or default_data_dir()
    chosen = names or tuple(name for name in _downloadable() if _is_present(name, folder))
    if not chosen:
        click.echo(f"no dataset in {folder}", err=True)
    wrong = []
    for name, dataset in [(name, _dataset(name)) for name in chosen]:
        for check in dataset.verify(folder):
            click.echo(f"{name}: {check.path}: {check.status}")
            if check.status != "ok":
                wrong.append(f"{check.path}: {check.status}: {check.problem}")
    if wrong:
        listed = "\n".join(wrong)
        raise DataError(f"{listed}\ndelete damaged files and run `layercut data download {' '.join(chosen)}`")


def _downloadable() -> list[str]:
    from layercut.data import DATASETS, DownloadableDataset

    return [name for name in DATASETS if isinstance(DATASETS[name], DownloadableDataset)]


def _dataset(name: str) -> DownloadableDataset:
    from layercut.data import DATASETS, DownloadableDataset
    from layercut.errors import DataError

    dataset = DATASETS[name]
    if not isinstance(dataset, DownloadableDataset):
        raise DataError(f"{name} has no files to download or verify; datasets that have: {', '.join(_downloadable())}")
    return dataset


def _is_present(name: str, folder: Path) -> bool:
    from layercut.data import DATASETS
    from layercut.data.reading import parse_options

    return DATASETS[name].files_key(parse_options(name, {}), folder) is not None
