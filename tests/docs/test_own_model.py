"""The tutorial on one's own model and images is run as it stands, in worker processes."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

PAGE = Path(__file__).parents[2] / "docs" / "own-model.md"
CLASSES = ["bar", "circle", "cross", "square"]


def block(language):
    (text,) = re.findall(rf"```{language}\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    return text


def layercut(folder, *arguments):
    command = [sys.executable, "-c", "from layercut.cli.main import main; main()", *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True).stdout


def draw(kind, random):
    """A shape of random size on a 16 x 16 image."""
    y, x = np.mgrid[-8:8, -8:8] + 0.5
    size = random.uniform(3, 7)
    inside = {
        "bar": np.abs(y) < size / 3,
        "circle": np.hypot(x, y) < size,
        "cross": (np.abs(x) < size / 4) | (np.abs(y) < size / 4),
        "square": np.maximum(np.abs(x), np.abs(y)) < size,
    }[kind]
    pixels = np.where(inside, 200, 40)[..., None] + random.integers(-40, 40, (16, 16, 3))
    return Image.fromarray(pixels.clip(0, 255).astype(np.uint8))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """The files of the tutorial."""
    folder, random = tmp_path_factory.mktemp("tutorial"), np.random.default_rng(0)
    (folder / "my_models.py").write_text(block("python"))
    (folder / "own-model.yaml").write_text(block("yaml"))
    for split, count in (("train", 20), ("test", 8)):
        for kind in CLASSES:
            place = folder / "shapes" / split / kind
            place.mkdir(parents=True)
            for index in range(count):
                draw(kind, random).save(place / f"{index}.png")
    return folder


def test_the_study_has_fewer_than_15_lines():
    assert len(block("yaml").splitlines()) < 15


@pytest.mark.slow
def test_the_tutorial_runs_and_ends_with_a_report(folder):
    cuts = json.loads(layercut(folder, "list", "cuts", "my_models:small_resnet", "--image", "3x16x16", "--json"))
    assert [row["behind"] for row in cuts["cuts"]] == ["", "stem", "first", "second"]
    plan = json.loads(layercut(folder, "plan", "own-model.yaml", "--json"))
    answer = json.loads(layercut(folder, "run", "own-model.yaml", "--workers", "2", "--device", "cpu", "--json"))
    assert answer["failed"] == {}
    assert answer["num_finished"] == plan["trials_distinct"] > 0
    page = (folder / answer["report"]).read_text(encoding="utf-8")
    assert "small_resnet(width=4)" in page
