"""A function in the user's own code: found beside the study file, imported, identified by its content."""

from __future__ import annotations

import hashlib
import importlib
import importlib.util
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from layercut.errors import SpecError

_imported: dict[str, str] = {}
"""Module to the content that was imported: Python does not look at a file twice."""


class Code(NamedTuple):
    """Where a module is, and its content."""

    folder: Path | None
    """What must be on the path to import it; None for an installed one."""
    sha256: str


def locate(factory: str, folder: Path | None, what: str = "factory") -> Code:
    """Find the module of `package.module:function`: in the folder, then the working directory, then installed.

    Raises:
        SpecError: there is none.
    """
    module = factory.partition(":")[0]
    parts = module.split(".")
    places = list(dict.fromkeys(place.resolve() for place in (folder, Path.cwd()) if place is not None))
    for place in places:
        for file in (place.joinpath(*parts).with_suffix(".py"), place.joinpath(*parts, "__init__.py")):
            if file.is_file():
                return Code(place, _hash(file))
    try:
        found = importlib.util.find_spec(module)
    except (ImportError, ValueError):
        found = None
    if found is None or found.origin is None or not Path(found.origin).is_file():
        looked = ", ".join(map(str, places))
        raise SpecError(f"{what}: no module {module}; looked in {looked} and among installed packages")
    return Code(None, _hash(Path(found.origin)))


def import_function(factory: str, code: Code, what: str = "factory") -> Callable[..., Any]:
    """Import the function; the module must be what was located; `what`: the key that names it, for errors.

    Raises:
        SpecError: the module cannot be imported, changed meanwhile, or has no such function.
    """
    module, _, name = factory.partition(":")
    if locate(factory, code.folder, what).sha256 != code.sha256:
        raise SpecError(f"{what}: the code of {module} changed after the study was planned; run the command again")
    if code.folder is not None and str(code.folder) not in sys.path:
        sys.path.insert(0, str(code.folder))
    before = _imported.get(module)
    if before not in (None, code.sha256):
        raise SpecError(f"{what}: this process has already imported a different {module}; restart Python")
    try:
        loaded = importlib.import_module(module)
    except Exception as error:  # whatever the user's code raises
        raise SpecError(f"{what}: cannot import {module}: {type(error).__name__}: {error}") from error
    if before is None and (loaded.__file__ is None or _hash(Path(loaded.__file__)) != code.sha256):
        raise SpecError(f"{what}: the module {module} is a different one, {loaded.__file__}; rename yours")
    _imported[module] = code.sha256
    function = getattr(loaded, name, None)
    if not callable(function):
        raise SpecError(f"{what}: {module} has no function {name!r}")
    found: Callable[..., Any] = function
    return found


def _hash(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()
