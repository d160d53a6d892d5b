"""What Python functions take: paths, names, mappings, tables and runs alike, or a refusal in words."""

import numpy as np
import pandas as pd
import pytest
import torch

import layercut
from layercut.errors import LayercutError, SpecError, UserError
from layercut.features.given_images import given_bytes, given_pixels
from layercut.figures import charts_of
from layercut.runner import RunSummary
from support.fake_ledger import write_ledger
from support.fake_results import fake_results

READERS = {
    "answers": layercut.answers,
    "best_cuts": layercut.best_cuts,
    "contrasts": layercut.contrasts,
    "estimates": layercut.estimates,
    "good_enough": layercut.good_enough,
    "plot": layercut.plot,
    "probability_best": layercut.probability_best,
    "rank_groups": layercut.rank_groups,
    "compare_strategies": lambda results: layercut.compare_strategies(results, "freeze", "scratch"),
    "compare": lambda results: layercut.compare(results, results).rows,
    "charts_of": lambda results: charts_of("cut_boxes", results),
}
LOADERS = tuple(
    getattr(layercut, name)
    for name in layercut.__all__
    if name.startswith("load_") and name not in ("load_model", "load_study")
)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    table = fake_results(strategies=("scratch", "freeze"), fractions=(0.1,), num_replicates=3, num_blocks=2)
    return write_ledger(tmp_path_factory.mktemp("run"), table)


def shown(value):
    """Return what can be compared of whatever a reader gives."""
    return value.to_csv() if isinstance(value, pd.DataFrame) else repr(value)


@pytest.mark.parametrize("name", READERS)
def test_results_are_taken_as_a_table_a_path_a_text_or_a_run(run, name):
    summary = RunSummary(run, 1, 1, {}, {}, 0, {}, "")
    expected = shown(READERS[name](layercut.load_results(run)))
    for given in (run, str(run), run / "ledger.sqlite", summary):
        assert shown(READERS[name](given)) == expected


@pytest.mark.parametrize("name", READERS)
@pytest.mark.parametrize("given", [None, 7, [1], {"cut": [1]}], ids=lambda given: type(given).__name__)
def test_what_cannot_be_results_is_refused_in_words(name, given):
    with pytest.raises(UserError, match=f"expected results as `load_results` .* got a {type(given).__name__}"):
        READERS[name](given)


@pytest.mark.parametrize("load", LOADERS)
def test_what_is_no_path_is_refused_in_words(load):
    with pytest.raises(LayercutError, match="expected the path of an output directory or of a ledger; got a DataFrame"):
        load(pd.DataFrame())


def test_a_study_is_taken_as_a_name_a_path_a_mapping_a_study_or_an_output_directory(tmp_path):
    by_name = layercut.load_study("digits")
    content = by_name.model_dump(mode="json", exclude_unset=True)
    (tmp_path / "study.yaml").write_text(by_name.text, encoding="utf-8")
    for given in (content, by_name, tmp_path, str(tmp_path / "study.yaml")):
        assert layercut.load_study(given).model_dump() == by_name.model_dump()
    assert layercut.load_study(by_name, ["transfer.replicates=2"]).transfer.replicates == 2
    assert layercut.load_study(content, ["transfer.replicates=2"]).transfer.replicates == 2


def test_a_mapping_may_hold_paths_tuples_and_numbers_of_numpy(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    study = {
        "name": "mine",
        "source": {"checkpoint": tmp_path / "weights.pth"},
        "target": {"dataset": "folder", "path": "photos", "image_size": np.int64(8)},
        "model": {"name": "mlp"},
        "transfer": {"fractions": (np.float64(0.5), 1.0), "replicates": {"up_to": {0.5: 3, 1.0: 2}}},
    }
    found = layercut.load_study(study)
    assert found.transfer.fractions == [0.5, 1.0]
    assert str(tmp_path / "photos") in found.text


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (None, "expected a study: a path, the name of a shipped one, or a mapping; got a NoneType"),
        (pd.DataFrame(), "expected a study: .* got a DataFrame"),
        ({"name": "x", "model": {"options": object()}}, "`model.options`: expected a mapping.* got a object"),
        ({"name": {1, 2}}, "`name`: expected a mapping.* got a set"),
    ],
)
def test_what_cannot_be_a_study_is_refused_in_words(given, words):
    for take in (layercut.load_study, layercut.run_study):
        with pytest.raises(SpecError, match=words):
            take(given)


def test_images_are_taken_as_arrays_and_tensors_alike():
    images = np.arange(2 * 3 * 4 * 4, dtype=np.uint8).reshape(2, 3, 4, 4)
    assert np.array_equal(given_bytes(torch.from_numpy(images)), images)
    cpu = torch.device("cpu")
    expected = torch.from_numpy(images).float()
    for given in (images, torch.from_numpy(images), images / np.float32(255), expected / 255):
        assert torch.allclose(given_pixels(given, cpu), expected, atol=1e-4)


@pytest.mark.parametrize(
    ("images", "words"),
    [
        (np.zeros((2, 1, 8, 8)), r"as uint8 .* got float64 .*; pixels are bytes in 0..255, such as"),
        (torch.zeros(1, 8, 8, dtype=torch.uint8), r"got uint8 \(1, 8, 8\); one image is `images\[None\]`"),
        ([[1]], "as a NumPy array or a torch tensor; got a list"),
    ],
)
def test_images_of_another_type_or_shape_are_refused_in_words(images, words):
    with pytest.raises(UserError, match=words):
        given_bytes(images)


@pytest.mark.parametrize(
    ("images", "words"),
    [
        (torch.full((1, 1, 2, 2), 200.0), "expected floats in 0..1; got values up to 200: divide by 255"),
        (torch.zeros(1, 1, 2, 2, dtype=torch.int64), "as uint8, or as floats in 0..1; got torch.int64"),
        ("image.png", "got a str"),
    ],
)
def test_a_trained_model_refuses_pixels_on_another_scale(images, words):
    with pytest.raises(UserError, match=words):
        given_pixels(images, torch.device("cpu"))
