"""The architecture page: complete, and what code cites of it is there."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")


def test_every_module_and_package_stands_in_the_tree():
    tree = PAGE.partition("## The tree")[2].partition("## Layers")[0]
    package = ROOT / "src" / "layercut"
    names = {f"{one.name}/" for one in package.iterdir() if (one / "__init__.py").exists()}
    names |= {one.name for one in package.glob("*.py") if not one.name.startswith("__")}
    assert {name for name in names if f"`{name}`" not in tree} == set()


def test_every_rule_that_code_cites_is_on_the_page():
    pattern = r"(?:rule|Rule) (\d+) of docs/architecture\.md|docs/architecture\.md, rule (\d+)"
    cited = {
        int(first or second)
        for source in (ROOT / "src").rglob("*.py")
        for first, second in re.findall(pattern, source.read_text(encoding="utf-8"))
    }
    rules = {int(number) for number in re.findall(r"^### Rule (\d+): ", PAGE, flags=re.MULTILINE)}
    assert cited
    assert cited <= rules


def test_every_decision_has_a_number_of_its_own():
    folder = ROOT / "docs" / "decisions"
    numbers = [int(page.name[:4]) for page in folder.glob("[0-9]*.md")]
    log = (folder / "log.md").read_text(encoding="utf-8")
    numbers += [int(number) for number in re.findall(r"^## (\d+)\. ", log, flags=re.MULTILINE)]
    assert len(numbers) == len(set(numbers))
