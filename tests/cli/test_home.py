"""`~` is the user's home in every path, also where no shell expands it."""

from __future__ import annotations

from pathlib import Path

import pytest

from layercut import load_results, load_study, run_study
from layercut.data.cache import default_cache_dir
from layercut.ledger.opening import ledger_path
from layercut.plan.preflight import plan_without_data
from layercut.report import write_report
from layercut.spec.load import make_study
from support.fake_datasets import write_folder
from support.tiny import STUDY


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a home with a study file and photographs; the working directory is another."""
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("USERPROFILE", str(tmp_path / "home"))
    write_folder(tmp_path / "home" / "photos", {"a": 8, "b": 8})
    (tmp_path / "home" / "study.yaml").write_text(STUDY)
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    return tmp_path / "home"


def test_of_a_study_its_data_and_its_weights(home: Path) -> None:
    spec = load_study(
        "~/study.yaml", ["target={dataset: folder, path: ~/photos}", "source={checkpoint: ~/weights.pth}"]
    )
    assert spec.source[0].checkpoint == home / "weights.pth"  # type: ignore[union-attr]
    spec = make_study({**spec.model_dump(mode="json", exclude_unset=True), "source": {"random": True}})
    plan = plan_without_data(spec, Path("unused"), default_cache_dir(), "float32")
    assert plan.conditions[0].task.image_shape == (3, 6, 6)


def test_of_what_a_run_writes_and_a_report_reads(home: Path) -> None:
    spec = load_study(
        "~/study.yaml", ["transfer.cuts=[0]", "transfer.strategies=[scratch]", "transfer.training.epochs=1"]
    )
    run_study(spec, "~/runs/tiny", executor="serial")
    assert ledger_path("~/runs/tiny").is_file()
    assert len(load_results("~/runs/tiny")) == 1
    assert write_report("~/runs/tiny").is_relative_to(home)
    assert not list(Path.cwd().iterdir())


def test_of_the_options_of_commands(home: Path, layercut) -> None:  # type: ignore[no-untyped-def]
    assert layercut("plan", "~/study.yaml", "--data-dir=~/data").code == 0
    done = layercut("status", "~/runs/none")
    assert str(home / "runs" / "none") in done.stderr
