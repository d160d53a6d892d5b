"""Trainings in MLflow, read back with its own client."""

from __future__ import annotations

import pytest

from layercut import run_study
from layercut.interop.mlflow import DATABASE, FOLDER
from layercut.spec import parse_study
from layercut.stats.tables import load_curves, load_results
from support.tiny_study import TINY

mlflow = pytest.importorskip("mlflow", reason="mlflow is not installed")
pytestmark = pytest.mark.filterwarnings("default")  # of MLflow's own imports and databases

OVERRIDES = ["transfer.strategies=[scratch, freeze]", "transfer.fractions=[0.3]", "mlflow=true"]


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A small study that tells MLflow."""
    folder = tmp_path_factory.mktemp("run")
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("MLFLOW_TRACKING_URI", raising=False)
        run_study(parse_study(TINY, overrides=OVERRIDES), folder, executor="serial")
    return folder


def runs_of(folder):
    client = mlflow.tracking.MlflowClient(tracking_uri=f"sqlite:///{folder / FOLDER / DATABASE}")
    (experiment,) = [one for one in client.search_experiments() if one.name == parse_study(TINY).name]
    return client, client.search_runs([experiment.experiment_id])


def test_each_training_is_a_finished_run_with_its_design_and_final_accuracies(run):
    _, runs = runs_of(run)
    results = load_results(run).query("not merged")
    trials = [one for one in runs if one.data.params]
    assert len(trials) == len(results)
    assert {one.info.status for one in runs} == {"FINISHED"}
    told = {
        (one.data.params["strategy"], int(one.data.params["cut"]), int(one.data.params["replicate"])): one
        for one in trials
    }
    for row in results.itertuples():
        assert told[row.strategy, row.cut, row.replicate].data.metrics["test accuracy"] == pytest.approx(
            row.test_accuracy
        )


def test_its_curve_has_every_epoch(run):
    client, runs = runs_of(run)
    one = next(one for one in runs if one.data.params.get("strategy") == "freeze")
    key = (
        load_results(run)
        .query(
            f"strategy == 'freeze' and cut == {one.data.params['cut']} and replicate == {one.data.params['replicate']}"
        )["key"]
        .iloc[0]
    )
    curves = load_curves(run)
    expected = curves[curves["key"] == key]
    told = client.get_metric_history(one.info.run_id, "train_loss")
    assert {point.step: point.value for point in told} == pytest.approx(
        dict(zip(expected.epoch, expected.train_loss, strict=True))
    )


def test_a_resumed_study_tells_nothing_twice(run):
    before = len(runs_of(run)[1])
    run_study(parse_study(TINY, overrides=OVERRIDES), run, executor="serial")
    assert len(runs_of(run)[1]) == before
