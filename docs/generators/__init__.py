"""Pages of the documentation that are written by the program they describe."""

from pathlib import Path

from docs.generators import catalogue, command_line, python_names, study_keys, tutorial

PAGES = {
    "tutorial": tutorial.page,
    "study-keys": study_keys.page,
    "command-line": command_line.page,
    "catalogue": catalogue.page,
    "python": python_names.page,
    "changelog": lambda docs: (docs.parent / "CHANGELOG.md").read_text(encoding="utf-8"),
}
"""Name in `docs/reference/` to what writes it, given the folder `docs`."""


def write_pages(docs: Path) -> None:
    """Write every page into `docs/reference/`; those that have not changed keep their time."""
    folder = docs / "reference"
    folder.mkdir(exist_ok=True)
    for name, page in PAGES.items():
        path, text = folder / f"{name}.md", page(docs)
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")
