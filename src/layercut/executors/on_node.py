"""What runs on the nodes of a cluster, in its workers."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple, cast

from layercut.registry import import_object


class View(NamedTuple):
    """What a node has, seen from itself."""

    layercut_version: str
    unseen: tuple[Path, ...]
    """Paths that do not exist there."""


def look_around(paths: tuple[Path, ...]) -> View:
    """Return what this node has."""
    return View(version("layercut"), tuple(path for path in paths if not path.exists()))


def do_job(function: str, job: Any, context: Any) -> Iterator[tuple[str, Any]]:
    """Yield `("value", value)` for what a job yields; `("lost", (exception's name, message))` where it raises."""
    try:
        work = cast(Callable[[Any, Any], Iterator[Any]], import_object(function))
        for value in work(job, context):
            yield "value", value
    except Exception as error:
        yield "lost", (type(error).__name__, f"{error}\n{traceback.format_exc()}")
