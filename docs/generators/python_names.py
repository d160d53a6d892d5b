"""The names of `import layercut`, from their signatures and docstrings."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable
from pathlib import Path

from docs.generators.markdown import code

import layercut

_SECTION = re.compile(r"^(Args|Returns|Raises|Reference|References|Example):$", re.MULTILINE)


def page(docs: Path) -> str:
    """Return the page."""
    parts = [
        "# Python",
        "`import layercut` gives these names. Everything that reads results takes and gives pandas tables, with "
        "accuracies in 0..1, and needs no torch.",
    ]
    for name in layercut.__all__:
        value = getattr(layercut, name)
        parts += [f"## {name}", code(signature(name, value), "python"), docstring(inspect.getdoc(value) or "")]
    return "\n\n".join(parts) + "\n"


def signature(name: str, function: Callable[..., object]) -> str:
    """Return how a function is called, an argument a line where one line would be long."""
    found = inspect.signature(function)
    plain = f"layercut.{name}{found}".replace("'", "")
    if len(plain) <= 100:
        return plain
    arguments = "".join(f"    {parameter},\n" for parameter in found.parameters.values())
    return f"layercut.{name}(\n{arguments}) -> {found.return_annotation}".replace("'", "")


def docstring(text: str) -> str:
    """Return a docstring as Markdown: the text, then each section under its name."""
    head, *sections = _SECTION.split(text)
    parts = [head.strip()]
    for name, body in zip(sections[::2], sections[1::2], strict=True):
        lines = inspect.cleandoc(body)
        if name == "Example":
            parts += ["**Example**", code(lines, "pycon")]
        elif name in ("Args", "Raises"):
            entries = re.split(r"\n(?=\S)", lines)
            parts += [f"**{name}**", "\n".join(f"- {_argument(' '.join(entry.split()))}" for entry in entries)]
        else:
            parts += [f"**{name}**", " ".join(lines.split())]
    return "\n\n".join(parts)


def _argument(entry: str) -> str:
    name, _, meaning = entry.partition(":")
    return f"`{name}`:{meaning}"
