"""What a study keeps of its trials: whole, readable without torch, and a model that predicts what was recorded."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from layercut import load_model, load_results, load_study, run_study
from layercut.artifacts import kept_images, kept_trials
from layercut.data.cache import default_cache_dir, default_data_dir
from layercut.errors import CheckpointError, DataError, SpecError
from layercut.figures.study_tables import StudyTables
from layercut.plan.preflight import plan_with_data
from layercut.report import build_page, read_facts
from layercut.spec import parse_study
from layercut.stages.context import open_task
from support.tiny_study import TINY

KEEPING = TINY + "keep: [predictions, weights, curves]\n"
OVERRIDES = ["transfer.strategies=[scratch, freeze, truncate]", "transfer.fractions=[0.3]"]


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A small study that keeps everything of each condition's first replicate."""
    folder = tmp_path_factory.mktemp("run")
    spec = parse_study(KEEPING, overrides=OVERRIDES)
    return folder, run_study(spec, folder, executor="serial")


@pytest.fixture(scope="module")
def test_images():
    """The target's test images, UInt8 "n c h w"."""
    checked = plan_with_data(parse_study(TINY), default_data_dir(), default_cache_dir(), "float32")
    task_ref = checked.plan.conditions[0].task
    task = open_task(checked.datasets[task_ref.fingerprint], task_ref.classes)
    return torch.from_numpy(np.array(task.dataset.test.images[task.test_index]))


def test_training_images_of_source_and_target_are_kept(run):
    source, target = kept_images(run[0])
    assert (source.label, target.label) == ("digits[0,1,2]", "digits[3,4,5]")
    assert source.used_as == {load_results(run[0])["source"].iloc[0]}
    assert target.class_names == ("3", "4", "5")
    assert target.labels.tolist() == [0, 0, 1, 1, 2, 2]
    assert target.images.shape == (6, 1, 8, 8)


def test_damaged_images_are_an_error_that_says_what_to_do(run, tmp_path):
    shutil.copytree(run[0] / "artifacts" / "tasks", tmp_path / "artifacts" / "tasks")
    next(tmp_path.glob("artifacts/tasks/*/images.safetensors")).write_bytes(b"half")
    with pytest.raises(DataError, match="delete the folder and run the study again"):
        kept_images(tmp_path)


def test_the_report_shows_what_is_kept(run):
    page = build_page(StudyTables.read(run[0]), read_facts(run[0] / "ledger.sqlite"))
    charts = {chart.name: chart for chart in page.parts[0].charts}
    kept = {trial.card["key"]: trial for trial in kept_trials(run[0])}
    assert {"confusion_matrix", "predicted_examples", "feature_maps", "sample_images"} <= charts.keys()
    accuracies = {f"(here\u00a0{100 * trial.card['metrics']['test_accuracy']:.1f}\u00a0%)" for trial in kept.values()}
    for panel in charts["confusion_matrix"].panels:
        assert panel.title[panel.title.index("(") :] in accuracies
        assert panel.cells.columns == ("3", "4", "5")


def test_the_first_replicate_of_each_condition_is_kept(run):
    table = load_results(run[0])
    wanted = set(table.loc[table["replicate"] == 0, "key"])
    assert {trial.card["key"] for trial in kept_trials(run[0])} == wanted


def test_a_loaded_model_predicts_what_was_kept_and_recorded(run, test_images):
    table = load_results(run[0]).drop_duplicates("key").set_index("key")
    for kept in kept_trials(run[0]):
        model = load_model(kept.folder)
        predictions = kept.predictions()
        with torch.inference_mode():
            predicted = model(test_images).argmax(dim=1).numpy()
            from_shares = model(test_images.float() / 255).argmax(dim=1).numpy()
        assert (predicted == predictions["predicted"].to_numpy()).all()
        assert (from_shares == predicted).mean() > 0.98
        accuracy = (predictions["label"] == predictions["predicted"]).mean()
        assert accuracy == pytest.approx(table.loc[kept.card["key"], "test_accuracy"])
        assert model.class_names == ["3", "4", "5"]
        assert not model.training


def test_the_card_says_how_the_model_was_trained(run):
    training = kept_trials(run[0])[0].card["training"]
    assert (training["optimizer"], training["lr"], training["epochs"]) == ("adam", 3e-3, 2)


def test_the_page_on_kept_trials_loads_a_model_as_it_says(run, test_images):
    page = (Path(__file__).parents[2] / "docs" / "kept-trials.md").read_text(encoding="utf-8")
    (code,) = (code for code in re.findall(r"```python\n(.*?)```", page, re.DOTALL) if "load_model" in code)
    names = {"images": test_images}
    exec(code.replace("runs/mine", str(run[0])), names)  # noqa: S102 - our own page
    assert len(names["classes"]) == len(test_images)
    assert set(names["classes"]) <= {"3", "4", "5"}


def test_truncated_models_come_back_truncated(run):
    depths = {
        (kept.card["strategy"], kept.card["cut"]): len(load_model(kept.folder).model.blocks)
        for kept in kept_trials(run[0])
    }
    assert depths["truncate", 1] == 1
    assert depths["truncate", 0] == 0
    assert depths["scratch", 0] == 2


def test_examples_are_one_test_image_of_each_class_as_predicted(run, test_images):
    kept = kept_trials(run[0])[0]
    examples, predictions = kept.examples(), kept.predictions()
    assert examples.labels.tolist() == [0, 1, 2]
    for image, label, predicted in zip(*examples, strict=True):
        position = int((predictions["label"] == label).to_numpy().argmax())
        assert (image == test_images[position].numpy()).all()
        assert predicted == predictions["predicted"][position]


def test_feature_maps_are_the_first_blocks_output(run, test_images):
    kept = next(trial for trial in kept_trials(run[0]) if trial.card["strategy"] == "scratch")
    model, maps = load_model(kept.folder), kept.feature_maps()
    with torch.inference_mode():
        pixels = torch.from_numpy(maps.image)[None].float() * model._scale + model._shift
        expected = model.model.blocks[0](pixels)[0].numpy()
    np.testing.assert_allclose(maps.maps, expected, atol=1e-6)


def test_the_curve_is_a_table_of_the_epochs(run):
    curve = kept_trials(run[0])[0].curve()
    assert curve["epoch"].tolist() == [1, 2]
    assert curve["train_loss"].notna().all()


def test_reading_what_was_kept_needs_no_torch(run):
    code = f"""
import sys
from layercut.artifacts import kept_trials
trial = kept_trials({str(run[0])!r})[0]
trial.examples(), trial.feature_maps(), trial.predictions()
assert "torch" not in sys.modules
"""
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_finished_study_that_keeps_more_runs_those_trials_again_with_the_same_records(run, tmp_path):
    bare = run_study(parse_study(TINY, overrides=OVERRIDES), tmp_path, executor="serial")
    assert kept_trials(tmp_path) == []
    again = run_study(parse_study(KEEPING, overrides=OVERRIDES), tmp_path, executor="serial")
    assert again.records_hash == bare.records_hash == run[1].records_hash
    assert len(kept_trials(tmp_path)) == len(kept_trials(run[0]))
    shutil.rmtree(kept_trials(tmp_path)[0].folder)
    run_study(parse_study(KEEPING, overrides=OVERRIDES), tmp_path, executor="serial")
    assert len(kept_trials(tmp_path)) == len(kept_trials(run[0]))


def test_stacked_members_are_kept_too(tmp_path):
    spec = parse_study(
        KEEPING, overrides=[*OVERRIDES, "keep={what: [predictions], replicates: all}", "transfer.strategies=[freeze]"]
    )
    run_study(spec, tmp_path, executor="serial", stack=True)
    table = load_results(tmp_path)
    kept = {trial.card["key"]: trial for trial in kept_trials(tmp_path)}
    assert set(kept) == set(table["key"])
    for key, trial in kept.items():
        predictions = trial.predictions()
        accuracy = (predictions["label"] == predictions["predicted"]).mean()
        assert accuracy == pytest.approx(table.set_index("key").loc[key, "test_accuracy"].max())


def test_without_weights_there_is_no_model_to_load(run, tmp_path):
    folder = tmp_path / "trial"
    shutil.copytree(kept_trials(run[0])[0].folder, folder)
    card = json.loads((folder / "card.json").read_text())
    (folder / "card.json").write_text(json.dumps(card | {"kept": ["predictions"]}))
    with pytest.raises(CheckpointError, match=r"predictions of its trial but no weights; write `keep: \[weights\]`"):
        load_model(folder)
    with pytest.raises(DataError, match=r"expected the folder of a kept trial with a card\.json"):
        load_model(tmp_path)


def test_damaged_weights_are_refused(run, tmp_path):
    folder = tmp_path / "trial"
    shutil.copytree(kept_trials(run[0])[0].folder, folder)
    weights = folder / "model.safetensors"
    content = bytearray(weights.read_bytes())
    content[-1] ^= 1
    weights.write_bytes(content)
    with pytest.raises(CheckpointError, match="changed after it was written"):
        load_model(weights)


def test_no_code_that_a_card_names_is_run_without_being_asked(run, tmp_path):
    folder = tmp_path / "trial"
    shutil.copytree(kept_trials(run[0])[0].folder, folder)
    (tmp_path / "strangers_code.py").write_text(f"open({str(tmp_path / 'was_run')!r}, 'w').close()")
    card = json.loads((folder / "card.json").read_text())
    card["build"] |= {
        "name": "foreign", "options": {"factory": "strangers_code:make", "folder": str(tmp_path)}
    }  # fmt: skip
    (folder / "card.json").write_text(json.dumps(card))
    with pytest.raises(CheckpointError, match=r"strangers_code:make in .*load_model\(\.\.\., trust_code=True\)"):
        load_model(folder)
    assert not (tmp_path / "was_run").exists()


def test_a_model_of_own_code_comes_back_where_its_code_is_trusted(tmp_path):
    model = "model={factory: 'support.own_models:tiny_net'}"
    overrides = [model, "transfer.strategies=[scratch]", "transfer.replicates=1"]
    run_study(parse_study(TINY, overrides=[*overrides, "keep=[weights]"]), tmp_path, executor="serial")
    kept = kept_trials(tmp_path)[0]
    assert load_model(kept.folder, trust_code=True)(torch.zeros(2, 1, 8, 8)).shape == (2, 3)


def test_what_cannot_be_kept_is_named():
    with pytest.raises(
        SpecError, match=r"`keep.what\[0\]`.*'predictions', 'weights', 'curves' or 'representations'; got 'everything'"
    ):
        parse_study(TINY + "keep: [everything]\n")
    assert load_study("digits", ["keep=[weights]"]).keep.what == ["weights"]
