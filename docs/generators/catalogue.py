"""What can be named in a study file or on the command line, from the registries."""

from __future__ import annotations

from pathlib import Path

from docs.generators.markdown import table

from layercut.cli.catalogue import REGISTRIES, catalogue

_WITH_OPTIONS = ("datasets", "models", "probes")
_TRAITS = {"kind": "looks at", "better": "better"}


def page(docs: Path) -> str:
    """Return the page."""
    parts = [
        "# Catalogue",
        "Everything that has a name, as `layercut list` prints it; [extending](../extending.md) says how to add to it.",
    ]
    for kind in (*REGISTRIES, "studies"):
        entries = catalogue([kind], with_options=kind in _WITH_OPTIONS)[kind]
        traits = [name for name in _TRAITS if any(name in entry for entry in entries)]
        rows = [(*_entry(entry), *(entry.get(name, "") for name in traits)) for entry in entries]
        parts += [f"## {kind.capitalize()}", table(("name", "what it is", *(_TRAITS[name] for name in traits)), rows)]
        for entry in entries:
            if options := entry.get("options"):
                rows = [(f"`{name}`", f"`{o['default']}`", str(o["description"] or "")) for name, o in options.items()]
                heading = f"### Options of {kind.removesuffix('s')} `{entry['name']}`"
                parts += [heading, table(("key", "default", "meaning"), rows)]
    return "\n\n".join(parts) + "\n"


def _entry(entry: dict[str, str]) -> tuple[str, str]:
    return f"`{entry['name']}`", entry["summary"].replace("*", "\\*")
