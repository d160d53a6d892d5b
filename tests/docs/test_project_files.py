"""What a public repository shows: its workflow, hooks and issue forms say what is true of this project."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from pathlib import Path
from typing import Any

import pytest
import yaml

from layercut.cli.main import COMMANDS

ROOT = Path(__file__).parents[2]
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")
FORMS = sorted((ROOT / ".github" / "ISSUE_TEMPLATE").glob("[!c]*.yml"))


def _yaml(path: str) -> Any:
    return yaml.safe_load((ROOT / path).read_text(encoding="utf-8"))


def test_the_workflow_runs_targets_that_the_makefile_has() -> None:
    jobs = _yaml(".github/workflows/ci.yml")["jobs"].values()
    commands = [step["run"].split() for job in jobs for step in job["steps"] if "run" in step]
    targets = [words[1] for words in commands if words[0] == "make"]
    assert {"static", "test", "docs"} <= set(targets)
    assert all(re.search(rf"^{target}:", MAKEFILE, re.MULTILINE) for target in targets)


def test_the_workflow_tests_every_python_that_the_package_is_said_to_run_on() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    named = {text.rpartition(" ")[2] for text in project["classifiers"] if re.search(r"Python :: 3\.\d+$", text)}
    assert set(_yaml(".github/workflows/ci.yml")["jobs"]["test"]["strategy"]["matrix"]["python"]) == named


def test_a_commit_is_checked_by_what_make_static_runs() -> None:
    (repository,) = _yaml(".pre-commit-config.yaml")["repos"]
    hooks = {hook["entry"].removeprefix(".venv/bin/").removesuffix(" --force-exclude") for hook in repository["hooks"]}
    static = re.search(r"^static:.*\n((?:\t.*\n)+)", MAKEFILE, re.MULTILINE)
    assert static is not None
    assert hooks == {line.strip().removeprefix("$(BIN)/").removesuffix(" --check") for line in static[1].splitlines()}


@pytest.mark.parametrize("form", FORMS, ids=lambda form: form.stem)
def test_an_issue_form_has_what_github_asks_of_one_and_names_commands_that_exist(form: Path) -> None:
    content = _yaml(str(form.relative_to(ROOT)))
    assert {"name", "description", "body"} <= content.keys()
    ids = [field["id"] for field in content["body"]]
    assert len(ids) == len(set(ids))
    assert all(field["type"] == "textarea" and field["attributes"]["label"] for field in content["body"])
    named = re.findall(r"layercut ([a-z-]+)", form.read_text(encoding="utf-8"))
    assert set(named) - {"does"} <= set(COMMANDS)


def test_a_bug_is_reported_with_what_doctor_prints() -> None:
    assert FORMS
    body = _yaml(".github/ISSUE_TEMPLATE/bug.yml")["body"]
    assert any(
        "layercut doctor" in field["attributes"]["label"] and field["validations"]["required"] for field in body[-1:]
    )


def _version() -> str:
    version: str = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
    return version


def test_the_version_to_cite_is_that_of_the_package() -> None:
    assert str(_yaml("CITATION.cff")["version"]) == _version()


def test_the_changelog_has_a_section_for_the_version_with_the_day_of_its_release() -> None:
    headings = re.findall(r"^## (.+)$", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert headings[0] == "Unreleased"
    assert headings[1] == f"{_version()} - {_yaml('CITATION.cff')['date-released']}"


@pytest.mark.slow
def test_distributions_hold_every_file_that_they_should(tmp_path: Path) -> None:
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False)
    if listed.returncode or not listed.stdout:
        pytest.skip("only a checkout says which files there are")
    files = [name for name in listed.stdout.splitlines() if (ROOT / name).is_file()]
    for name in files:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ROOT / name, tmp_path / name)
    build = "import setuptools.build_meta as build; build.build_sdist('dist'); build.build_wheel('dist')"
    done = subprocess.run([sys.executable, "-c", build], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    (source,) = (tmp_path / "dist").glob("*.tar.gz")
    with tarfile.open(source) as archive:
        inside = {name.partition("/")[2] for name in archive.getnames()}
    assert set(files) <= inside
    (wheel,) = (tmp_path / "dist").glob("*.whl")
    with zipfile.ZipFile(wheel) as packed:
        names = set(packed.namelist())
    assert {name.removeprefix("src/") for name in files if name.startswith("src/layercut/")} <= names
