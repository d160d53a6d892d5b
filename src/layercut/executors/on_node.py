"""Code that runs in the workers on a cluster's nodes."""

from __future__ import annotations

import pickle
import sys
import traceback
from collections.abc import Callable, Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple, cast

from layercut.registry import import_object


class Work(NamedTuple):
    """What all jobs of a run share; each is sent pickled, so that a worker finds its modules where the run does."""

    function: str
    context: bytes
    module_paths: tuple[str, ...]
    """The run's `sys.path`."""


class NodeView(NamedTuple):
    """What a node has, seen from itself."""

    layercut_version: str
    unseen: tuple[Path, ...]
    """Paths that do not exist there."""


def look_around(paths: tuple[Path, ...]) -> NodeView:
    """Return what this node has."""
    return NodeView(version("layercut"), tuple(path for path in paths if not path.exists()))


def do_job(job: bytes, work: Work) -> Iterator[tuple[str, Any]]:
    """Yield `("value", value)` for what a job yields; `("lost", (exception's name, message))` where it raises."""
    sys.path.extend(path for path in work.module_paths if path not in sys.path)
    try:
        function = cast(Callable[[Any, Any], Iterator[Any]], import_object(work.function))
        for value in function(pickle.loads(job), pickle.loads(work.context)):  # noqa: S301 - from the run itself
            yield "value", value
    except Exception as error:
        yield "lost", (type(error).__name__, f"{error}\n{traceback.format_exc()}")
