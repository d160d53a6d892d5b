"""Using a model: the right one of a run, and picture files as its training had them."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from layercut import load_model, load_results
from layercut.artifacts import kept_trials
from layercut.data.pictures import PictureRule, picture_rule, read_pictures
from layercut.errors import CheckpointError, DataError, UserError
from layercut.inference import find_model, predict
from layercut.inference.classifier import open_kept
from layercut.stats import best_cuts
from support.fake_datasets import write_image
from support.photo_run import run_photos, test_files


@pytest.fixture(scope="module")
def run(tmp_path_factory, photos):
    """Return the output directory of a study that kept weights."""
    return run_photos(photos, tmp_path_factory.mktemp("run"))


def test_picture_files_are_predicted_as_the_test_images_of_the_trial_were(run, photos):
    for kept in kept_trials(run):
        said = predict(open_kept(kept.folder), test_files(photos))
        recorded = [kept.card["class_names"][place] for place in kept.predictions()["predicted"]]
        assert [one.class_name for one in said] == recorded


def test_a_picture_file_gets_the_pixels_that_training_had(run, photos):
    for kept in kept_trials(run):
        examples, model = kept.examples(), open_kept(kept.folder)
        files = [photos / "test" / name / "0.png" for name in ("dark", "light")]
        assert np.array_equal(read_pictures(files, model.image_shape, model.picture_rule), examples.images)


def test_probabilities_are_of_all_classes_and_add_up_to_one(run, photos):
    (one,) = predict(load_model(run), [photos / "test" / "dark" / "0.png"])
    assert one.ranked()[0] == (one.class_name, one.probability)
    assert {name for name, _ in one.ranked()} == {"dark", "light"}
    assert sum(share for _, share in one.ranked()) == pytest.approx(1)


def test_a_run_answers_with_the_best_on_validation_images_at_the_largest_fraction(run):
    best = max(best_cuts(load_results(run)), key=lambda found: found.fraction)
    found = find_model(run)
    assert (found.card["strategy"], found.card["cut"], found.card["fraction"]) == (best.strategy, best.cut, 1.0)
    assert found.card["replicate"] == 0


def test_a_condition_chooses_among_the_trials_that_it_leaves(run):
    found = find_model(run, {"strategy": "freeze", "cut": "1", "fraction": "0.5"})
    assert (found.card["strategy"], found.card["cut"], found.card["fraction"]) == ("freeze", 1, 0.5)


@pytest.mark.parametrize(
    ("condition", "told"),
    [
        ({"strategey": "freeze"}, "did you mean 'strategy'"),
        ({"strategy": "frezze"}, "did you mean 'freeze'"),
        ({"cut": "one"}, "no finished trial has cut=one"),
    ],
)
def test_a_condition_that_names_no_trial_is_refused_with_what_there_is(run, condition, told):
    with pytest.raises(UserError, match=told):
        find_model(run, condition)


def test_where_no_weights_were_kept_the_error_says_which_command_gives_them(run):
    with pytest.raises(CheckpointError, match=r"keep: \[weights\].*layercut run .*--set 'keep=\[weights\]'"):
        find_model(run, {"replicate": "1"})


def test_the_final_model_of_a_run_comes_first(run, tmp_path):
    copy = shutil.copytree(run, tmp_path / "run")
    other = find_model(copy, {"strategy": "freeze", "fraction": "0.5"}).folder
    shutil.copytree(other, copy / "model")
    assert find_model(copy).folder == copy / "model"
    assert find_model(copy, {"strategy": "scratch"}).folder != copy / "model"


def test_an_unfinished_study_says_so_beside_its_best(run, monkeypatch):
    table = load_results(run)
    table.attrs["plan"] = table.attrs["plan"] | {"trials_distinct": table["key"].nunique() + 3}
    monkeypatch.setattr("layercut.inference.chosen.load_results", lambda path: table)
    assert "the study is not finished: 8 of 11 trials have run" in find_model(run).why


def test_a_folder_with_a_model_cannot_choose_by_condition(run):
    with pytest.raises(UserError, match="holds a single model"):
        find_model(find_model(run).folder, {"cut": "1"})


def test_a_folder_without_run_and_model_is_refused(tmp_path):
    with pytest.raises(DataError, match="or the output directory of a study; got neither"):
        find_model(tmp_path)


def test_pictures_of_another_size_are_refused_where_the_study_resized_none(tmp_path):
    path = write_image(tmp_path / "a.png", size=(6, 8))
    rule = picture_rule("digits", {})
    with pytest.raises(DataError, match=r"expected 8 x 8 pixels.*got 6 x 8"):
        read_pictures([path], (1, 8, 8), rule)
    assert read_pictures([path], (1, 8, 8), rule._replace(resize="crop")).shape == (1, 1, 8, 8)


def test_a_model_of_noise_takes_no_pictures(tmp_path):
    rule = picture_rule("digits", {"variant": "noise"})
    with pytest.raises(DataError, match="variant: noise"):
        read_pictures([write_image(tmp_path / "a.png", size=(8, 8))], (1, 8, 8), rule)


def test_a_default_size_of_a_dataset_counts_as_resizing():
    assert picture_rule("pets", {}) == PictureRule("crop", "bilinear", (255, 255, 255))


def test_a_card_that_does_not_say_how_pictures_become_images_is_refused(run, photos, tmp_path):
    folder = shutil.copytree(find_model(run).folder, tmp_path / "kept")
    card = json.loads((folder / "card.json").read_text(encoding="utf-8"))
    del card["pictures"]
    (folder / "card.json").write_text(json.dumps(card), encoding="utf-8")
    with pytest.raises(DataError, match="does not say how to prepare pictures"):
        predict(load_model(folder), test_files(photos))


def test_photographs_are_turned_as_their_tag_says(run, photos, tmp_path):
    upright = Image.open(photos / "test" / "dark" / "1.png").convert("RGB")
    turned, exif = upright.rotate(90, expand=True), Image.Exif()
    exif[0x0112] = 6
    turned.save(tmp_path / "turned.png", exif=exif)
    upright.save(tmp_path / "upright.png")
    first, second = predict(load_model(run), [tmp_path / "turned.png", tmp_path / "upright.png"])
    assert np.array_equal(first.probabilities, second.probabilities)


def test_the_page_on_using_a_model_predicts_as_it_says(run, photos, capsys):
    page = (Path(__file__).parents[2] / "docs" / "use-the-model.md").read_text(encoding="utf-8")
    (code,) = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    picture = photos / "test" / "dark" / "0.png"
    exec(code.replace("runs/mine", str(run)).replace("photo.jpg", str(picture)))  # noqa: S102 - our own page
    assert str(picture) in capsys.readouterr().out
