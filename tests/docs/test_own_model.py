"""The tutorial on one's own model and images is run as it stands, in worker processes."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

PAGE = (Path(__file__).parents[2] / "docs" / "own-model.md").read_text(encoding="utf-8")


def blocks(language):
    return re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)


def printed(command):
    """A command line of the page, as its arguments."""
    (line,) = set(re.findall(rf"`layercut ({command}[^`]*)`", PAGE))
    return line.split()


ONE_AFTER_THE_OTHER = """
import contextlib, io, json, sys
from layercut.cli.main import layercut

printed = []
for arguments in json.loads(sys.argv[1]):
    with contextlib.redirect_stdout(io.StringIO()) as out:
        layercut(arguments, standalone_mode=False)
    printed.append(json.loads(out.getvalue()))
print(json.dumps(printed))
"""


def layercut(folder, *commands):
    """What commands print as JSON; they share a process, which imports torch once."""
    command = [sys.executable, "-c", ONE_AFTER_THE_OTHER, json.dumps([[*words, "--json"] for words in commands])]
    return json.loads(subprocess.run(command, cwd=folder, stdout=subprocess.PIPE, text=True, check=True).stdout)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """The files of the tutorial, and the images that one of them draws."""
    folder = tmp_path_factory.mktemp("tutorial")
    (study,) = blocks("yaml")
    files = dict(zip(("my_models.py", "make_shapes.py", "own-model.yaml"), (*blocks("python"), study), strict=True))
    for name, text in files.items():
        assert f"`{name}`" in PAGE
        (folder / name).write_text(text)
    subprocess.run([sys.executable, "make_shapes.py"], cwd=folder, check=True)
    return folder


def test_the_study_has_fewer_than_15_lines():
    assert len(blocks("yaml")[0].splitlines()) < 15


@pytest.mark.slow
def test_the_tutorial_runs_and_ends_with_a_report(folder):
    run = [*printed("run"), "--workers", "2", "--device", "cpu"]
    cuts, plan, answer = layercut(folder, printed("list cuts"), printed("plan"), run)
    assert [row["behind"] for row in cuts["cuts"]] == ["", "stem", "first", "second"]
    assert answer["failed"] == {}
    assert answer["num_finished"] == plan["trials_distinct"] > 0
    page = (folder / "runs" / "own-model" / "report.html").read_text(encoding="utf-8")
    assert "small_resnet(width=4)" in page
