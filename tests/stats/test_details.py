"""Beside the results: what sources are worth on their own task, and each class's scores."""

from __future__ import annotations

import pandas as pd
import pytest
from click.testing import CliRunner

from layercut import load_class_scores, load_results, load_sources, run_study
from layercut.cli.export import command as export
from layercut.figures import charts_of
from layercut.figures.study_tables import StudyTables
from support.tiny import tiny_study

SMALL = (
    "transfer.strategies=[scratch, freeze_reinit]",
    "transfer.cuts=[2]",
    "transfer.training.classification_report=true",
    "pretraining={lr: 0.01, epochs: 2, threads: 1, patience: null, seeds: 2, checkpoints: [batch 2, last]}",
)


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    """The output directory of a study of a source with two seeds and two checkpoints."""
    folder = tmp_path_factory.mktemp("study")
    run_study(tiny_study(*SMALL), folder, executor="serial")
    return folder


def test_each_seed_and_checkpoint_of_a_source_has_a_row_with_its_accuracy_on_its_own_task(study):
    sources = load_sources(study)
    label = "digits[0,1,2,3,4]"
    assert set(sources["entry"]) == {label}
    rows = sources.set_index(["seed", "checkpoint"])["test_accuracy"]
    assert sorted(rows.index) == [(0, "batch 2"), (0, "last"), (1, "batch 2"), (1, "last")]
    assert rows.between(0, 1).all()
    assert set(sources["source"]) == set(load_results(study)["source"])


def test_each_class_of_each_trial_has_a_row_with_its_scores(study):
    scores, results = load_class_scores(study), load_results(study).drop_duplicates("key").set_index("key")
    assert list(scores["class_name"].unique()) == ["5", "6", "7", "8", "9"]
    assert set(scores["key"]) == set(results.index)
    hits = (scores["recall"] * scores["support"]).groupby(scores["key"]).sum()
    accuracy = hits / scores.groupby("key")["support"].sum()
    pd.testing.assert_series_equal(accuracy, results["test_accuracy"].loc[accuracy.index], check_names=False)


def test_both_are_exported_and_drawn(study, tmp_path):
    result = CliRunner().invoke(export, [str(study), "-o", str(tmp_path), "--format", "csv"], catch_exceptions=False)
    assert [line.rpartition("/")[2] for line in result.stdout.split()] == [
        "results.csv",
        "sources.csv",
        "class_scores.csv",
    ]
    assert len(pd.read_csv(tmp_path / "sources.csv")) == 4
    tables = StudyTables.read(study)
    ((_, chart),) = charts_of("source_accuracy", tables)
    (line,) = chart.panels[0].lines
    sources = load_sources(study)
    last = 100 * sources.loc[sources["checkpoint"] == "last", "test_accuracy"].mean()
    assert [tick.label for tick in chart.panels[0].x.ticks] == ["batch 2", "last"]
    assert line.points[-1].y == pytest.approx(last)
    assert len(charts_of("class_scores", tables)) == len(tables.contexts())


def test_a_study_without_reports_exports_no_file_of_them(tmp_path):
    run_study(tiny_study("transfer.strategies=[scratch]"), tmp_path / "run", executor="serial")
    CliRunner().invoke(export, [str(tmp_path / "run"), "-o", str(tmp_path / "out"), "--format", "csv"])
    assert not (tmp_path / "out" / "class_scores.csv").exists()
