"""Everything said is run: examples in docstrings, README and guide."""

from __future__ import annotations

import doctest
import importlib
import pkgutil
import re
from pathlib import Path

import pytest
import yaml
from docs.generators import PAGES

import layercut
from layercut.cli.main import COMMANDS
from layercut.plan.preflight import plan_without_data
from layercut.spec import parse_study

ROOT = Path(__file__).parents[2]

MODULES = sorted(module.name for module in pkgutil.walk_packages(layercut.__path__, "layercut."))


def code_blocks(page: str, language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", (ROOT / page).read_text(encoding="utf-8"), re.DOTALL)


@pytest.mark.parametrize("name", [name for name in MODULES if name != "layercut.executors.ray"])
def test_examples_in_docstrings_do_what_they_say(name, tmp_path):
    module = importlib.import_module(name)
    for example in doctest.DocTestFinder(exclude_empty=True).find(module, globs=vars(module) | {"tmp_path": tmp_path}):
        result = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS).run(example)
        assert result.failed == 0, example.name


@pytest.mark.slow
def test_python_in_readme_and_guide_runs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {}
    (readme,) = code_blocks("README.md", "python")
    training = "transfer.training={lr: 0.005, epochs: 1}"
    small = f'"digits", ["transfer.fractions=[0.1]", "transfer.replicates=1", "{training}"]'
    exec(readme.replace('"digits")', f"{small})", 1), names)  # noqa: S102 - our own page
    for block in code_blocks("docs/guide.md", "python"):
        exec(block, names)  # noqa: S102 - our own page
    assert len(names["results"]) == names["summary"].num_finished + names["results"].merged.sum()


def test_the_study_file_of_the_documentation_loads_and_plans(tmp_path):
    (text,) = code_blocks("docs/study-file.md", "yaml")
    plan = plan_without_data(parse_study(text), tmp_path, tmp_path, "float32")
    assert len(plan.names) == (6 * 7 + 1) * 5 * 2


def test_the_study_file_of_the_readme_loads_and_is_made_for_few_labels():
    (text,) = code_blocks("README.md", "yaml")
    study = parse_study(text)
    assert study.name == yaml.safe_load(text)["name"]
    assert (study.transfer.validation, study.transfer.training.min_steps) == ("folds", 100)


def test_the_readme_installs_with_pip_first_and_begins_with_recommend_init_and_run():
    first, *_ = code_blocks("README.md", "")
    commands = [line.split("#")[0].split() for line in first.strip().splitlines()]
    assert commands[0][:2] == ["pip", "install"]
    assert [words[1] for words in commands[1:4]] == ["recommend", "init", "run"]
    assert all(words[1] in COMMANDS for words in commands[1:])


def test_links_between_pages_lead_somewhere():
    generated = {ROOT / "docs" / "reference" / f"{name}.md" for name in PAGES}
    written = [page for page in (ROOT / "docs").rglob("*.md") if page not in generated]
    for page in [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *written]:
        for target in re.findall(r"\]\((?!https?:)([^)#]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8")):
            there = page.parent / target
            assert there.exists() or there in generated, f"{page.name} links to {target}"
