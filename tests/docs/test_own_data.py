"""The page on own data is done as it says."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from layercut import load_results, load_study, run_study
from layercut.cli.main import main
from layercut.data.cache import default_cache_dir, default_data_dir
from layercut.plan.preflight import plan_without_data
from layercut.plan.summary import summarize
from layercut.report import write_report
from layercut.spec import parse_study
from support.fake_datasets import write_image

PAGE = (Path(__file__).parents[2] / "docs" / "own-data.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)


SMALL = (
    "source={random: true}",  # published weights are not here
    "target.image_size=32",
    "normalization=imagenet",
    "transfer.cuts=1",
    "transfer.replicates=1",
    "transfer.num_folds=2",
    "transfer.training={epochs: 1, min_steps: 2, batch_size: 16}",
)


def _photos(root: Path) -> None:
    for name, sizes in {"ants": [(20, 30), (40, 17)], "bees": [(16, 16), (33, 24)]}.items():
        for index in range(12):
            suffix = ("jpg", "png")[index % 2]
            write_image(root / name / f"{name}{index:03}.{suffix}", size=sizes[index % 2])


def test_the_study_is_under_15_lines() -> None:
    assert len(BLOCKS[0].strip().splitlines()) < 15


def test_the_study_is_what_init_writes_for_such_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    _photos(tmp_path / "photos")
    with pytest.raises(SystemExit, match="0"):
        main(["init", "photos"])
    written, shown = yaml.safe_load(Path("photos.yaml").read_text(encoding="utf-8")), yaml.safe_load(BLOCKS[0])
    assert written["transfer"].pop("fractions") == [1.0]  # the default
    rates = shown["transfer"]["training"]["lr"]
    shown["transfer"]["training"]["lr"] = [float(rate) for rate in rates]  # PyYAML reads 3e-4 as a text
    assert written == shown


@pytest.mark.slow
def test_a_folder_of_photographs_becomes_a_report(tmp_path: Path) -> None:
    _photos(tmp_path / "photos")
    (tmp_path / "photos.yaml").write_text(BLOCKS[0], encoding="utf-8")
    study = load_study(tmp_path / "photos.yaml", SMALL)
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
