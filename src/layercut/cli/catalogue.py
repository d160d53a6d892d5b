"""Names and one-line summaries of all registered datasets, models, strategies, probes and figures."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from layercut.cli.columns import filled
from layercut.data import DATASETS
from layercut.executors import EXECUTORS
from layercut.figures import FIGURES
from layercut.models import MODELS
from layercut.probes import PROBES
from layercut.registry import Registry
from layercut.spec import shipped_studies
from layercut.strategies import STRATEGIES

Entry = dict[str, Any]

REGISTRIES: dict[str, Registry[Any]] = {
    "datasets": DATASETS,
    "models": MODELS,
    "strategies": STRATEGIES,
    "probes": PROBES,
    "figures": FIGURES,
    "executors": EXECUTORS,
}

_LOOKS_AT = {
    "features": "per cut",
    "labels": "per cut, labels",
    "pair": "per cut, pair",
    "output": "per source, labels",
    "weights": "per block",
}
"""How many scores a probe gives, and what it needs beside features, by its kind."""
_SIGNS = {"higher": "+", "lower": "−"}

_LEGENDS = {
    "probes": " (+: higher should be better, −: lower)",
    "strategies": " (trunk: the blocks below the cut; tail: those above it)",
}
"""What stands behind the name of a kind, for words or signs that its entries use."""


def catalogue(kinds: Sequence[str], with_options: bool) -> dict[str, list[Entry]]:
    """Return the entries of each kind; options need the entries' own modules, and so torch."""
    return {kind: _studies() if kind == "studies" else _entries(kind, with_options) for kind in kinds}


def describe(entries: dict[str, list[Entry]]) -> str:
    """Return the entries as text."""
    lines: list[str] = []
    for kind, found in entries.items():
        width = max((len(entry["name"]) for entry in found), default=0)
        traits = max((len(_traits(entry)) for entry in found), default=0)
        lines.append(f"{kind}{_LEGENDS.get(kind, '')}")
        for entry in found:
            about = f"{_traits(entry):<{traits}}  {entry['summary']}" if traits else entry["summary"]
            lines.append(
                filled(
                    f"  {entry['name']:<{width}}  {about}".rstrip(),
                    hanging=" " * (width + 4 + (traits + 2 if traits else 0)),
                )
            )
            for name, option in entry.get("options", {}).items():
                told = f"{name} = {option['default']!r}  {option['description']}"
                lines.append(filled(told, indent=" " * 6, hanging=" " * 10))
    return "\n".join(lines)


def _traits(entry: Entry) -> str:
    """Return what a probe looks at and which of its values should mean better transfer; empty for what has neither."""
    return f"{_LOOKS_AT[entry['kind']]} ({_SIGNS[entry['better']]})" if "kind" in entry else ""


def _entries(kind: str, with_options: bool) -> list[Entry]:
    registry = REGISTRIES[kind]
    entries: list[Entry] = [
        {"name": name, "summary": registry.summary(name), **registry.traits(name)} for name in registry
    ]
    entries += [{"name": f"{name}/NAME", "summary": summary} for name, summary in registry.collections().items()]
    for entry in entries:
        options = _options(registry, entry["name"]) if with_options else None
        if options is not None:
            entry["options"] = {
                name: {
                    "default": "required" if field.is_required() else field.default,
                    "description": field.description,
                }
                for name, field in options.model_fields.items()
            }
    return entries


def _options(registry: Registry[Any], name: str) -> type[BaseModel] | None:
    collection, slash, _ = name.partition("/")
    found: type[BaseModel] | None = getattr(
        registry.collection(collection) if slash else registry[name], "options", None
    )
    return found


def _studies() -> list[Entry]:
    return [{"name": name, "summary": _first_comment(path)} for name, path in shipped_studies().items()]


def _first_comment(path: Path) -> str:
    first = path.read_text(encoding="utf-8").partition("\n")[0]
    return first.removeprefix("#").strip() if first.startswith("#") else ""
