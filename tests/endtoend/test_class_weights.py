"""A study with class weights on a folder in which one class is rare: what they do, the same on every executor."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from layercut import load_results, run_study
from layercut.runner import RunSummary
from layercut.spec import StudySpec, parse_study
from support.fake_datasets import write_image

STUDY = """\
name: unequal
source: {random: true}
target: {dataset: folder, path: PATH}
model: {name: plain_cnn, depth: 2, channels: 4, kernel_size: 3}
metric: balanced_accuracy
transfer:
  strategies: [scratch, linear_probe, lp_finetune]
  cuts: [2]
  fractions: [1.0]
  replicates: 2
  validation: folds
  num_folds: 3
  training: {lr: 1e-2, epochs: 12, batch_size: 16, patience: null}
  factors: {weights: {none: {}, balanced: {class_weights: balanced}, named: {class_weights: {rare: 6}}}}
"""


def write_unequal(root: Path) -> None:
    """Noise of which some is a little lighter: few images of it in training, as many in the test set."""
    rng = np.random.default_rng(0)
    for name, shade, in_training in (("common", 110, 60), ("rare", 130, 8)):
        for split, number in (("train", in_training), ("test", 30)):
            for index in range(number):
                pixels = rng.normal(rng.normal(shade, 10), 40, size=(8, 8, 3)).clip(0, 255).astype(np.uint8)
                write_image(root / split / name / f"{index}.png", pixels)


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> StudySpec:
    """The study of such a folder."""
    photos = tmp_path_factory.mktemp("here") / "photos"
    write_unequal(photos)
    return parse_study(STUDY.replace("PATH", str(photos)))


@pytest.fixture(scope="module")
def finished(study: StudySpec, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, RunSummary]:
    """Where it ran, and how that ended."""
    folder = tmp_path_factory.mktemp("runs")
    return folder, run_study(study, folder, executor="serial", device="cpu")


@pytest.mark.parametrize("strategy", ["scratch", "linear_probe"])
def test_weights_raise_the_balanced_accuracy_of_a_trained_model_and_of_a_solved_head(
    finished: tuple[Path, RunSummary], strategy: str
) -> None:
    folder, summary = finished
    assert not summary.failed
    results = load_results(folder)
    of_level = results[results["strategy"] == strategy].groupby("factor_weights")["test_balanced_accuracy"].mean()
    assert set(of_level.index) == {"none", "balanced", "named"}
    assert of_level["balanced"] > of_level["none"] + 0.05
    assert of_level["named"] > of_level["none"] + 0.05


def test_worker_processes_give_the_records_of_a_serial_run(
    study: StudySpec, finished: tuple[Path, RunSummary], tmp_path: Path
) -> None:
    summary = run_study(study, tmp_path / "run", executor="processes", workers=2, device="cpu")
    assert summary.records_hash == finished[1].records_hash
