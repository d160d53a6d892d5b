"""Trackers, read back with TensorBoard's own reader and with pandas."""

from __future__ import annotations

import pandas as pd
import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.plugins.hparams.plugin_data_pb2 import HParamsPluginData

from layercut import run_study
from layercut.errors import SpecError
from layercut.interop.tensorboard import TensorBoardLog, add_pictures, folder_name
from layercut.report import write_figures
from layercut.spec import parse_study
from layercut.stats.tables import load_curves, load_results
from support.tiny import tiny_plan, tiny_study
from support.tiny_study import TINY

OVERRIDES = ["transfer.strategies=[scratch, freeze]", "transfer.fractions=[0.3]", "tensorboard=true", "csv=true"]


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A small study with both trackers."""
    folder = tmp_path_factory.mktemp("run")
    run_study(parse_study(TINY, overrides=OVERRIDES), folder, executor="serial")
    return folder


def events(folder):
    """Read one training's event files."""
    reader = EventAccumulator(str(folder))
    reader.Reload()
    return reader


def test_tensorboard_reads_each_trials_curve_and_final_accuracies(run):
    results = load_results(run)
    row = results[(results["strategy"] == "freeze") & (results["cut"] == 1) & (results["replicate"] == 1)].iloc[0]
    curve = load_curves(run).query("key == @row.key")
    reader = events(run / "tensorboard" / "freeze" / "cut-1" / "fraction-0.3" / "replicate-1")
    losses = reader.Scalars("Loss/train")
    assert [event.step for event in losses] == [1, 2]
    assert [event.value for event in losses] == pytest.approx(curve["train_loss"].tolist())
    accuracies = [event.value for event in reader.Scalars("Accuracy/validation")]
    assert accuracies == pytest.approx(curve["validation_accuracy"].tolist())
    assert reader.Scalars("Final/test accuracy")[0].value == pytest.approx(row["test_accuracy"])


def test_tensorboard_reads_the_design_point_as_hyperparameters(run):
    reader = events(run / "tensorboard" / "freeze" / "cut-2" / "fraction-0.3" / "replicate-0")
    content = reader.summary_metadata["_hparams_/session_start_info"].plugin_data.content
    values = HParamsPluginData.FromString(content).session_start_info.hparams
    assert values["strategy"].string_value == "freeze"
    assert values["cut"].number_value == 2
    assert values["fraction"].number_value == 0.3


def test_the_source_is_shown_too(run):
    folder = run / "tensorboard" / "source"
    assert [event.step for event in events(next(folder.iterdir())).Scalars("Loss/train")] == [1, 2]


def test_figures_are_pictures_in_tensorboard(run, tmp_path):
    pictures = write_figures(run, tmp_path / "figures", "png")
    add_pictures(tmp_path, pictures)
    add_pictures(tmp_path, pictures)
    assert len(list((tmp_path / "tensorboard" / "figures").iterdir())) == 1, "a second run replaces them"
    shown = events(tmp_path / "tensorboard" / "figures").Tags()["images"]
    assert sorted(shown) == sorted(path.stem for path in pictures)


def test_pandas_reads_a_row_for_each_training_and_epoch(run):
    table = pd.read_csv(run / "transfer_learning_logs.csv")
    assert list(table.columns) == [
        "name", "epoch", "train_loss", "validation_loss", "validation_accuracy", "learning_rate",
    ]  # fmt: skip
    trials = load_results(run).drop_duplicates("key")
    assert table["name"].nunique() == len(trials) + 1
    assert len(table) == 2 * table["name"].nunique()
    assert table["learning_rate"].unique().tolist() == [3e-3]


def test_a_second_run_adds_nothing_twice(run):
    before = pd.read_csv(run / "transfer_learning_logs.csv").sort_values(["name", "epoch"], ignore_index=True)
    files = sorted((run / "tensorboard").rglob("events*"))
    run_study(parse_study(TINY, overrides=OVERRIDES), run, executor="serial")
    after = pd.read_csv(run / "transfer_learning_logs.csv").sort_values(["name", "epoch"], ignore_index=True)
    pd.testing.assert_frame_equal(before, after)
    assert sorted((run / "tensorboard").rglob("events*")) == files


def test_names_with_strange_signs_stay_inside_the_folder(tmp_path):
    assert folder_name("../../etc/passwd") == "etc/passwd"
    assert folder_name("a/../..") == "a"
    assert folder_name("...") == "training"
    TensorBoardLog(tmp_path).add("../<b>x</b>", [], {"test accuracy": 0.5}, {})
    assert [path.name for path in (tmp_path / "tensorboard").iterdir()] == ["b_x"]
    assert list(tmp_path.parent.glob("*b_x*")) == []


@pytest.mark.parametrize("start", [tiny_plan, lambda change: run_study(tiny_study(change), executor="serial")])
def test_without_the_extra_the_plan_says_so_before_there_is_a_ledger(start, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("layercut.spec.extras.find_spec", lambda name: None)
    for key, name in (("tensorboard", "TensorBoard"), ("mlflow", "MLflow"), ("wandb", "Weights & Biases")):
        with pytest.raises(SpecError, match=rf"`{key}`.* needs {name}.*pip install 'layercut\[{key}\]'"):
            start(f"{key}=true")
    assert list(tmp_path.iterdir()) == []
