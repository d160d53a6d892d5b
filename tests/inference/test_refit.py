"""The model of a run that kept none: trained again, with the same result."""

import pytest
import yaml
from click.testing import CliRunner

from layercut import load_results, load_study
from layercut.artifacts import kept_trials
from layercut.cli.main import layercut
from layercut.data.cache import default_cache_dir, default_data_dir
from layercut.errors import CheckpointError, UserError
from layercut.inference import find_model, predict
from layercut.inference.classifier import open_kept
from layercut.ledger import Ledger, study_status
from layercut.plan.preflight import plan_with_data
from layercut.runner import latency
from layercut.runner.latency import milliseconds
from layercut.runner.refit import refit
from support.photo_run import STUDY, run_photos, test_files


@pytest.fixture
def run(tmp_path, photos):
    """Return the output directory of a study that kept nothing."""
    return run_photos(photos, tmp_path / "run", STUDY.replace("keep: [weights, predictions]\n", ""))


def test_a_model_that_was_not_kept_is_trained_again_and_the_run_stays_as_it_is(run, photos, tmp_path):
    before = study_status(run, with_hash=True).records_hash, (run / "study.yaml").read_bytes()
    with pytest.raises(CheckpointError):
        find_model(run)
    done = CliRunner().invoke(layercut, ["export-model", str(run), "-o", str(tmp_path / "model")])
    assert done.exit_code == 0, done.output
    assert "training it again" in done.output
    assert (study_status(run, with_hash=True).records_hash, (run / "study.yaml").read_bytes()) == before
    (kept,) = kept_trials(run)
    table = load_results(run)
    measured = float(table.loc[table["key"] == kept.card["key"], "test_accuracy"].iloc[0])
    said = [one.class_name for one in predict(open_kept(kept.folder), test_files(photos))]
    assert sum(a == b for a, b in zip(said, ["dark"] * 3 + ["light"] * 3, strict=True)) / 6 == measured


def test_what_the_study_keeps_is_still_kept_beside_the_weights(tmp_path, photos):
    run = run_photos(photos, tmp_path / "run", STUDY.replace("[weights, predictions]", "[predictions]"))
    chosen = find_model(run, {"strategy": "freeze"}, lambda key: refit(run, key))
    assert {"weights", "predictions"} <= set(chosen.card["kept"])


def test_a_condition_that_the_plan_does_not_have_is_refused_by_its_reason(run):
    with pytest.raises(UserError, match="not in the plan of its study file"):
        refit(run, "0" * 32)


def test_a_finished_run_says_how_long_an_image_takes_each_cut_model(run):
    with Ledger(run, read_only=True) as ledger:
        found = ledger.meta("latency")
    (row,) = found["models"]
    assert found["processor"]
    assert len(row["milliseconds"]) == 3  # after 0, 1 and 2 blocks
    assert all(value > 0 for value in row["milliseconds"])
    assert load_results(run).attrs["latency"] == found


def test_all_blocks_take_longer_than_none():
    plan = plan_with_data(load_study("digits"), default_data_dir(), default_cache_dir(), "float32").plan
    found = milliseconds(plan.conditions[0])
    assert len(found) == 5
    assert found[-1] > found[0]


def test_targets_of_one_size_and_number_of_classes_share_a_measurement(tmp_path, photos, monkeypatch):
    measured = []
    monkeypatch.setattr(latency, "milliseconds", lambda one: measured.append(one) or [1.0, 2.0, 3.0])
    study = yaml.safe_load(STUDY)
    del study["keep"]
    study["target"] = [study["target"], study["target"] | {"variant": "noise"}]
    run = run_photos(photos, tmp_path / "run", yaml.safe_dump(study))
    assert len(measured) == 1
    assert len(load_results(run).attrs["latency"]["models"]) == 2
