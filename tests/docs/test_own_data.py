"""The page on own data is done as it says."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from fake_datasets import write_image
from layercut import load_results, load_study, run_study
from layercut.data.cache import default_cache_dir, default_data_dir
from layercut.plan.summary import summarize
from layercut.preflight import plan_without_data
from layercut.report import write_report
from layercut.spec import parse_study

PAGE = (Path(__file__).parents[2] / "docs" / "own-data.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)


def _photos(root: Path) -> None:
    for name, sizes in {"cat": [(20, 30), (40, 17)], "dog": [(16, 16), (33, 24)]}.items():
        for index in range(16):
            suffix = ("jpg", "png")[index % 2]
            write_image(root / name / f"{name}{index:03}.{suffix}", size=sizes[index % 2])


def test_the_study_is_under_15_lines() -> None:
    assert len(BLOCKS[0].strip().splitlines()) < 15


@pytest.mark.slow
def test_a_folder_of_photographs_becomes_a_report(tmp_path: Path) -> None:
    _photos(tmp_path / "photos")
    (tmp_path / "my-photos.yaml").write_text(BLOCKS[0], encoding="utf-8")
    study = load_study(tmp_path / "my-photos.yaml")
    plan = summarize(study, plan_without_data(study, default_data_dir(), default_cache_dir(), "float32"))
    summary = run_study(study, tmp_path / "run", executor="serial")
    assert summary.num_finished == plan["trials_distinct"]
    assert write_report(tmp_path / "run").is_file()
    results = load_results(tmp_path / "run")
    assert set(results.target) == {"photos"}
    assert set(results.status) == {"finished"}


@pytest.mark.parametrize("text", BLOCKS[1:])
def test_every_other_piece_of_a_study_file_is_legal(text: str) -> None:
    for line in text.strip().splitlines():
        piece = yaml.safe_load(line)
        study = {"name": "x", "source": {"dataset": "digits"}, "target": {"dataset": "digits"}, **piece}
        parse_study(yaml.safe_dump({**study, "model": {"name": "mlp"}}))
