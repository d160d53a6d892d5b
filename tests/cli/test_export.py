"""`layercut export` and `layercut import`."""

from __future__ import annotations

import json

import pandas as pd
import pytest

from support.fake_ledger import write_ledger
from support.fake_results import fake_results

PARAMETERS = {"depth": 2, "freeze": True, "reinit": True}
TRIAL = {"lr": 0.1, "sampled_percentage": 1, "sampled_cut_point": 1, "repeat": 0, "train_acc": 1.0, "test_acc": 0.5}


@pytest.fixture
def run(tmp_path):
    """Return the output directory of a finished study."""
    return write_ledger(tmp_path / "run", fake_results(num_replicates=2, fractions=(0.1,)))


def test_every_format_is_written_into_the_run_and_every_path_printed(layercut, run):
    outcome = layercut("export", run)
    written = sorted(str(path) for path in (run / "exports").iterdir())
    assert outcome.code == 0
    assert sorted(outcome.stdout.splitlines()) == written
    names = {path.rsplit("/", 1)[-1] for path in written}
    assert {"results.csv", "results.parquet"} <= names
    assert any(name.startswith("cuts_") for name in names)


def test_one_format_goes_where_it_is_asked_for(layercut, run, tmp_path):
    outcome = layercut("export", run, "--format", "csv", "-o", tmp_path / "out")
    assert outcome.stdout == f"{tmp_path / 'out' / 'results.csv'}\n"
    assert "test_accuracy" in pd.read_csv(tmp_path / "out" / "results.csv").columns


def test_a_directory_without_a_ledger_is_refused(layercut, tmp_path):
    outcome = layercut("export", tmp_path)
    assert outcome.code == 2
    assert "no ledger at" in outcome.stderr


def test_an_import_prints_the_ledger_and_warns_on_stderr(layercut, tmp_path):
    path = tmp_path / "MNIST" / "cuts_x_FR.json"
    path.parent.mkdir()
    path.write_text(json.dumps([PARAMETERS, TRIAL]))
    outcome = layercut("import", path, "-o", tmp_path / "imported")
    assert outcome.stdout == f"{tmp_path / 'imported' / 'ledger.sqlite'}\n"
    assert "warning: No baselines" in outcome.stderr
    assert layercut("export", tmp_path / "imported", "--format", "mp-tl-study").code == 0
    copy = tmp_path / "imported" / "exports" / "cuts_x_FR.json"
    assert json.loads(copy.read_text()) == json.loads(path.read_text())


def test_a_malformed_file_is_refused_with_exit_code_2(layercut, tmp_path):
    path = tmp_path / "cuts_x.json"
    path.write_text("[1, 2]")
    outcome = layercut("import", path, "-o", tmp_path / "imported")
    assert outcome.code == 2
    assert "expected a list of mappings" in outcome.stderr
