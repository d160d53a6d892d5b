"""`layercut data`: show, download and verify datasets."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from layercut.cli.options import DataFolder, json_option
from layercut.cli.terminal import say

if TYPE_CHECKING:
    from layercut.data import DownloadableDataset

_data_dir = click.option(
    "--data-dir",
    type=DataFolder(),
    help="Folder of the raw files, in torchvision's layout [default: LAYERCUT_DATA, else the user's cache].",
)


@click.group("data")
def command() -> None:
    """Locate, download and verify datasets."""


@command.command()
@_data_dir
@json_option
def where(data_dir: Path | None, as_json: bool) -> None:
    """Print the directories and which datasets they hold."""
    from layercut.data.cache import default_cache_dir, default_data_dir

    folder = data_dir or default_data_dir()
    states = {name: _state(name, folder) for name in [*_downloadable(), *_collected(folder)]}
    if as_json:
        cache_dir = str(default_cache_dir())
        places = {"data_dir": str(folder), "cache_dir": cache_dir, "datasets": states}
        say(json.dumps(places, indent=2))
        return
    say(f"data directory   {folder}")
    say(f"cache directory  {default_cache_dir()}")
    for name, state in states.items():
        say(f"  {name}: {state}")


@command.command()
@_data_dir
@json_option
@click.argument("names", nargs=-1, required=True)
def download(names: tuple[str, ...], data_dir: Path | None, as_json: bool) -> None:
    """Download datasets by NAME; existing files are checked and kept.

    \b
    Examples:
        layercut data download mnist cifar100
        layercut data download torchvision/STL10
    """
    from layercut.data.cache import default_data_dir

    folder = data_dir or default_data_dir()
    for name, dataset in [(name, _dataset(name)) for name in names]:
        dataset.download(folder)
        if not as_json:
            say(f"{name}: in {folder}")
    if as_json:
        say(json.dumps({"data_dir": str(folder), "datasets": dict.fromkeys(names, "present")}, indent=2))


@command.command()
@_data_dir
@json_option
@click.argument("names", nargs=-1)
def verify(names: tuple[str, ...], data_dir: Path | None, as_json: bool) -> None:
    """Check size and checksum of every raw file of the datasets NAMES, or of all that are there."""
    from layercut.data.cache import default_data_dir
    from layercut.errors import DataError

    folder = data_dir or default_data_dir()
    everything = [*_downloadable(), *_collected(folder)]
    chosen = names or tuple(name for name in everything if _state(name, folder) != "absent")
    if not chosen:
        say(f"no dataset in {folder}", err=True)
    checks = [
        (name, check)
        for name, dataset in [(name, _dataset(name)) for name in chosen]
        for check in dataset.verify(folder)
    ]
    if as_json:
        rows = [{"dataset": name, **check._asdict(), "path": str(check.path)} for name, check in checks]
        say(json.dumps(rows, indent=2))
    else:
        for name, check in checks:
            say(f"{name}: {check.path}: {check.status}")
    wrong = [f"{check.path}: {check.status}: {check.problem}" for _, check in checks if check.status != "ok"]
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
        raise DataError(f"{name} has no files to download or verify; datasets that do: {', '.join(_downloadable())}")
    return dataset


def _collected(folder: Path) -> list[str]:
    """Return the datasets of a collection, such as `torchvision/STL10`, that have a folder."""
    from layercut.data import DATASETS

    return [
        f"{beginning}/{path.name}"
        for beginning in DATASETS.collections()
        for path in sorted((folder / beginning).glob("*"))
        if path.is_dir() and path.name in DATASETS.collection(beginning).names()
    ]


def _state(name: str, folder: Path) -> str:
    from layercut.data import DATASETS
    from layercut.data.reading import parse_options
    from layercut.errors import DataError

    try:
        return "absent" if DATASETS[name].files_key(parse_options(name, {}), folder) is None else "present"
    except DataError:
        return "damaged"
