"""`layercut predict`, `layercut export-model` and `layercut recipe`."""

from __future__ import annotations

import csv

import pytest
import yaml

from layercut import load_model
from layercut.errors import CheckpointError
from support.photo_run import STUDY, run_photos, test_files


@pytest.fixture(scope="module")
def run(tmp_path_factory, photos):
    """Return the output directory of a study that kept weights."""
    return run_photos(photos, tmp_path_factory.mktemp("run"))


def test_the_command_prints_a_row_for_each_picture_and_class(layercut, run, photos):
    code, stdout, stderr = layercut("predict", run, photos / "test", "--csv", "--top", "2")
    rows = list(csv.DictReader(stdout.splitlines()))
    assert code == 0
    assert [row["image"] for row in rows[::2]] == [str(path) for path in test_files(photos)]
    assert {row["class"] for row in rows} == {"dark", "light"}
    assert "best on validation images" in " ".join(stderr.split())


def test_a_broken_picture_does_not_hide_what_is_said_of_the_others(layercut, run, photos, tmp_path):
    broken = tmp_path / "broken.jpg"
    broken.write_bytes(b"no picture")
    code, stdout, stderr = layercut("predict", run, broken, *test_files(photos)[:2])
    assert code == 2
    assert len(stdout.splitlines()) == 2
    assert "broken.jpg: expected an image" in stderr
    assert "1 of 3 pictures could not be read" in stderr


def test_the_command_that_an_error_names_gives_the_weights(layercut, photos, tmp_path, monkeypatch):
    study = yaml.safe_load(STUDY) | {"keep": ["predictions"], "source": {"random": True}}
    study["target"]["path"] = photos.name
    study["transfer"] |= {"fractions": [1.0], "replicates": 1, "strategies": ["scratch"]}
    (photos.parent / "study.yaml").write_text(yaml.safe_dump(study), encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    layercut("run", photos.parent / "study.yaml", "-o", "mine", "--no-report", "--executor", "serial")
    with pytest.raises(CheckpointError) as refused:
        load_model("mine")
    named = str(refused.value).partition("`layercut ")[2].partition("`")[0]
    layercut(*named.replace("'", "").split(), "--no-report", "--executor", "serial")
    assert load_model("mine").class_names == ["dark", "light"]


def test_an_exported_model_predicts_what_the_run_predicts(layercut, run, photos, tmp_path):
    exported = layercut("export-model", run, "-o", tmp_path / "out", "--check-on", test_files(photos)[0])
    assert (exported.code, exported.stdout) == (0, f"{tmp_path / 'out'}\n")
    assert "parameters" in exported.stderr
    assert "ms" in exported.stderr
    assert "on given pictures" in " ".join(exported.stderr.split())
    answers = [layercut("predict", model, *test_files(photos)).stdout for model in (run, tmp_path / "out")]
    assert answers[0] == answers[1]


def test_a_recipe_for_a_model_without_one_is_refused_in_a_line(layercut, run):
    outcome = layercut("recipe", run)
    assert (outcome.code, outcome.stdout) == (2, "")
    assert outcome.stderr == (
        "layercut: expected a model of timm or torchvision, or one that a function of yours makes, for a recipe; got "
        "plain_cnn, whose code only layercut has: export the model instead (`layercut export-model`)\n"
    )
