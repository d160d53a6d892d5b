"""The documentation site: built without a warning, complete, and without a dead link."""

from __future__ import annotations

import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import click
import pytest
from docs.generators import command_line, field_tables, python_names, study_keys
from docs.generators.outside import without_links_outside

import layercut
from layercut.cli.main import COMMANDS
from layercut.cli.main import layercut as program
from layercut.spec import StudySpec

pytest.importorskip("sphinx", reason="the docs group is not installed")

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"


class Links(HTMLParser):
    """The links and the places that can be linked to of one page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.targets: list[str] = []
        self.places: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        values = dict(attributes)
        self.targets += [values[name] for name in ("href", "src") if values.get(name)]
        self.places |= {values[name] for name in ("id", "name") if values.get(name)}


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    out = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "sphinx", "-W", "--keep-going", "-q", "-b", "html", str(DOCS), str(out)]
    built = subprocess.run(command, capture_output=True, text=True, check=False)
    assert built.returncode == 0, built.stderr
    return out


@pytest.mark.slow
def test_every_page_is_built(site):
    pages = [page for page in DOCS.rglob("*.md") if "generators" not in page.parts]
    assert all((site / page.relative_to(DOCS).with_suffix(".html")).exists() for page in pages)
    assert (site / "reference" / "tutorial.html").exists()


@pytest.mark.slow
def test_every_link_inside_leads_somewhere_and_nothing_is_loaded_from_elsewhere(site):
    pages = {page: Links(page.read_text(encoding="utf-8")) for page in site.rglob("*.html")}
    for page, links in pages.items():
        for target in links.targets:
            parts = urlsplit(target)
            if parts.scheme in ("http", "https", "mailto", "data"):
                continue
            there = (page.parent / unquote(parts.path)).resolve() if parts.path else page
            there = there / "index.html" if there.is_dir() else there
            assert there.exists(), f"{page.name}: {target}"
            if parts.fragment and there in pages and parts.fragment != "searchbox":
                assert unquote(parts.fragment) in pages[there].places, f"{page.name}: {target}"


def test_every_key_of_a_study_file_is_on_the_page_and_says_what_it_means():
    page = study_keys.page(DOCS)
    for model in study_keys._models(StudySpec):
        assert f"## {study_keys.title(model)}\n" in page
        for name, field in model.model_fields.items():
            assert field.description, f"{model.__name__}.{name}"
            assert f"| `{name}` |" in page


def test_types_are_said_in_words():
    page = study_keys.page(DOCS)
    assert "| `seed` | integer, at least 0 | `0` |" in page
    assert "| `target` | [target](#target), or a list of them | required |" in page
    assert "| `validation` | `within` or `folds` or `full` or `given` | `within` |" in page


def test_every_command_and_option_is_on_the_page():
    page = command_line.page(DOCS)
    for name in COMMANDS:
        command = program.get_command(click.Context(program), name)
        assert f"## layercut {name}\n" in page
        for option in (p for p in command.params if isinstance(p, click.Option)):
            assert any(flag in page for flag in option.opts), option.name
            assert option.help, f"layercut {name} {option.opts[0]} does not say what it means"


def test_every_public_name_is_on_the_page_and_no_section_is_left_raw():
    page = python_names.page(DOCS)
    for name in layercut.__all__:
        assert f"## {name}\n" in page
    assert "\nArgs:\n" not in page
    assert "\nRaises:\n" not in page


def test_sections_of_a_docstring_become_markdown():
    text = python_names.docstring(
        "Do it.\n\nArgs:\n    a: first\n        thing.\n    b: second.\n\nRaises:\n    E: bad."
    )
    assert text == "Do it.\n\n**Args**\n\n- `a`: first thing.\n- `b`: second.\n\n**Raises**\n\n- `E`: bad."


def test_links_to_other_files_of_the_repository_are_text_on_the_site():
    text = "[a](guide.md#x) [b](../README.md) [c](decisions/) [d](https://e.org/f) [g](#h)"
    found = without_links_outside(text, DOCS / "page.md", DOCS)
    assert found == "[a](guide.md#x) b c [d](https://e.org/f) [g](#h)"


def test_the_tables_of_training_fields_are_what_the_fields_say() -> None:
    text = field_tables.PAGE.read_text(encoding="utf-8")
    assert field_tables.with_tables(text) == text, "run `python -m docs.generators.field_tables`"
