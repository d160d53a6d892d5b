"""Arguments and options that several commands take."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

F = TypeVar("F", bound=Callable[..., Any])

_MOST_BYTES = 2.0**63
"""More than any machine has."""

_UNITS = {"": 1, "K": 2**10, "M": 2**20, "G": 2**30, "T": 2**40}


class Size(click.ParamType[int]):
    """A number of bytes, such as `4G`."""

    name = "size"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Return the bytes."""
        if isinstance(value, int):
            return value
        match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([KMGT]?)(?:i?B)?", str(value).strip(), re.IGNORECASE)
        if match is None:
            self.fail(f"expected a size such as 500M or 4G; got {value!r}", param, ctx)
        num_bytes = float(match[1]) * _UNITS[match[2].upper()]
        if num_bytes >= _MOST_BYTES:
            self.fail(f"expected a size below 8 EiB, such as 4G; got {str(value)[:20]!r}", param, ctx)
        return int(num_bytes)


class HomePath(click.Path):
    """A path in which `~` is the user's home, as in `--data-dir=~/data`, which no shell expands."""

    def __init__(self, **how: Any) -> None:
        super().__init__(path_type=Path, **how)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return the path."""
        return super().convert(Path(value).expanduser(), param, ctx)


class DataFolder(HomePath):
    """A folder of datasets; only its last part may be missing, for a slip in the path is not to be filled with data."""

    def __init__(self) -> None:
        super().__init__(file_okay=False)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return the path."""
        folder = Path(str(super().convert(value, param, ctx)))
        parent = folder.absolute().parent
        if not parent.is_dir():
            found = "is a file" if parent.is_file() else "does not exist"
            self.fail(f"Directory '{folder}' cannot be made: {parent} {found}.", param, ctx)
        return folder


def study_argument(function: F) -> F:
    """Add the study and `--set`."""
    function = click.option(
        "--set",
        "overrides",
        metavar="KEY.PATH=VALUE",
        multiple=True,
        help="Change one value of the study file, such as transfer.replicates=20; may be repeated.",
    )(function)
    return click.argument("study", default="digits")(function)


def data_option(function: F) -> F:
    """Add `--data-dir`."""
    return click.option(
        "--data-dir",
        type=DataFolder(),
        envvar="LAYERCUT_DATA",
        help="Folder that datasets are read from and downloaded to; by default $LAYERCUT_DATA, or your cache folder.",
    )(function)


def device_option(function: F) -> F:
    """Add `--device`."""
    return click.option(
        "--device",
        type=click.Choice(["auto", "cpu", "cuda"]),
        default="auto",
        show_default=True,
        help="Device to compute on; auto: a GPU if there is one.",
    )(function)


def group_option(function: F) -> F:
    """Add `--group`."""
    return click.option(
        "--group",
        metavar="folder|COLUMN",
        help="Which images belong together (one patient, camera or video) and are never split between training and "
        "test: `folder` for CLASS/GROUP/*, or a column of metadata.csv; by default its column `group`, if any.",
    )(function)


def with_group(overrides: tuple[str, ...], group: str | None) -> tuple[str, ...]:
    """Return values to set with what `--group` sets."""
    return overrides if group is None else (*overrides, f"target.group={json.dumps(group)}")


def json_option(function: F) -> F:
    """Add `--json`."""
    return click.option("--json", "as_json", is_flag=True, help="Print JSON.")(function)


def run_argument(function: F) -> F:
    """Add the output directory of a study."""
    return click.argument("output_dir", type=HomePath())(function)


class NamedValue(click.ParamType[tuple[str, str]]):
    """A name and a value, such as `strategy=freeze`."""

    def __init__(self, form: str, example: str) -> None:
        self.name = form
        self.example = example

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, str]:
        """Return both."""
        if isinstance(value, tuple):
            return value
        own, equals, wanted = str(value).partition("=")
        if not own.strip() or not equals:
            self.fail(f"expected {self.name.upper()}, such as {self.example}; got {value!r}", param, ctx)
        return own.strip(), wanted.strip()


def condition_option(function: F) -> F:
    """Add `--condition`, given as a dictionary."""
    return click.option(
        "--condition",
        type=NamedValue("column=value", "strategy=freeze"),
        metavar="COLUMN=VALUE",
        multiple=True,
        callback=lambda ctx, param, values: dict(values),
        help="Choose only among trials with this value in a column of the results, such as strategy=freeze, cut=3, "
        "fraction=0.1 or replicate=1; may be repeated.",
    )(function)


def trust_option(function: F) -> F:
    """Add `--trust-code`."""
    return click.option(
        "--trust-code", is_flag=True, help="Run your own code that builds the model, as its card names it."
    )(function)
