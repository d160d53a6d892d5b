"""Exported files: opened by the library that they are for, they say what the model says."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml
from huggingface_hub import ModelCard

from layercut import export_model, load_model, predict
from layercut.artifacts.checking import check_artifacts
from layercut.cli import export_model as export_command
from layercut.errors import CheckpointError, DataError, UserError
from layercut.inference import find_model
from layercut.model_export import FORMATS
from layercut.model_export.checking import CheckImages, compare
from support.photo_run import STUDY, run_photos, test_files

TIMM = yaml.safe_dump(
    yaml.safe_load(STUDY)
    | {
        "model": {"name": "timm/test_efficientnet"},
        "target": {"dataset": "folder", "path": "PATH", "image_size": 32},
        "transfer": {
            "strategies": ["finetune", "truncate"],
            "cuts": [1],
            "fractions": [1.0],
            "replicates": 1,
            "training": {"epochs": 2, "batch_size": 16},
        },
    }
)


@pytest.fixture(scope="module")
def run(tmp_path_factory, photos):
    """Return the output directory of a study of a plain CNN."""
    return run_photos(photos, tmp_path_factory.mktemp("run"))


@pytest.fixture(scope="module")
def timm_run(tmp_path_factory, photos):
    """Return the output directory of a study of a model of timm."""
    return run_photos(photos, tmp_path_factory.mktemp("timm"), TIMM)


def _bytes_of(photos: Path, model) -> np.ndarray:
    from layercut.data.pictures import read_pictures

    return read_pictures(test_files(photos), model.image_shape, model.picture_rule)


def test_layercuts_own_files_predict_as_the_run_does(run, photos, tmp_path):
    export_model(run, tmp_path / "out")
    wanted, got = (predict(path, test_files(photos)) for path in (run, tmp_path / "out"))
    assert all(np.array_equal(a.probabilities, b.probabilities) for a, b in zip(wanted, got, strict=True))


def test_a_program_of_torch_runs_without_layercut(run, photos, tmp_path):
    export_model(run, tmp_path / "out", "torch")
    model = load_model(run)
    images = _bytes_of(photos, model)
    np.save(tmp_path / "images.npy", images)
    code = (
        "import sys, numpy, torch\n"
        f"run = torch.export.load(r'{tmp_path / 'out' / 'model.pt2'}').module()\n"
        f"logits = run(torch.from_numpy(numpy.load(r'{tmp_path / 'images.npy'}')))\n"
        f"numpy.save(r'{tmp_path / 'logits.npy'}', logits.detach().numpy())\n"
        "assert not any(name.startswith('layercut') for name in sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
    with torch.inference_mode():
        assert np.abs(np.load(tmp_path / "logits.npy") - model(images).numpy()).max() < 1e-5


def test_onnx_gives_the_logits_of_the_model_and_holds_labels_and_preprocessing(run, photos, tmp_path):
    pytest.importorskip("onnxscript", reason="the extra onnx is not installed")
    onnxruntime = pytest.importorskip("onnxruntime", reason="the extra onnx is not installed")
    export_model(run, tmp_path / "out", "onnx")
    model = load_model(run)
    session = onnxruntime.InferenceSession(tmp_path / "out" / "model.onnx")
    (logits,) = session.run(None, {"images": _bytes_of(photos, model)})
    with torch.inference_mode():
        assert np.abs(logits - model(_bytes_of(photos, model)).numpy()).max() < 1e-5
    told = session.get_modelmeta().custom_metadata_map
    assert json.loads(told["class_names"]) == model.class_names
    assert json.loads(told["pictures"]) == model.card["pictures"]


def test_without_the_extra_onnx_says_what_to_install(run, tmp_path, monkeypatch):
    monkeypatch.setattr("layercut.model_export.as_onnx.find_spec", lambda name: None)
    with pytest.raises(UserError, match=r"pip install 'layercut\[onnx\]'"):
        export_model(run, tmp_path / "out", "onnx")
    assert not (tmp_path / "out").exists()


def test_timm_opens_the_folder_and_gives_the_same_logits(timm_run, photos, tmp_path):
    import timm

    kept = find_model(timm_run, {"strategy": "finetune"})
    export_model(kept, tmp_path / "out", "timm")
    model, theirs = load_model(kept.folder), timm.create_model(f"local-dir:{tmp_path / 'out'}", pretrained=True).eval()
    images = _bytes_of(photos, model)
    mean, std = (torch.tensor(theirs.pretrained_cfg[name])[:, None, None] for name in ("mean", "std"))
    with torch.inference_mode():
        logits = theirs((torch.from_numpy(images) / 255 - mean) / std)
        assert (logits - model(images)).abs().max() < 1e-5
    assert theirs.pretrained_cfg["label_names"] == ["dark", "light"]
    assert (theirs.pretrained_cfg["tag"], theirs.pretrained_cfg.get("license")) == ("layercut", None)
    config = timm.data.resolve_data_config({}, model=theirs)
    assert (config["input_size"], config["crop_pct"], config["interpolation"]) == ((3, 32, 32), 1.0, "bilinear")


def test_timm_takes_no_truncated_model(timm_run, tmp_path):
    with pytest.raises(UserError, match="truncated to 1 of 15 blocks, which timm cannot build"):
        export_model(find_model(timm_run, {"strategy": "truncate"}), tmp_path / "out", "timm")


def test_timm_takes_no_model_of_others(run, tmp_path):
    with pytest.raises(UserError, match="expected a model of timm for the format timm; got plain_cnn"):
        export_model(run, tmp_path / "out", "timm")


def test_layercut_says_that_files_for_others_are_not_its_own(run, photos, tmp_path):
    export_model(run, tmp_path / "out", "torch")
    with pytest.raises(CheckpointError, match="a model for pytorch, which layercut cannot open"):
        predict(tmp_path / "out", test_files(photos))


def test_the_card_says_what_was_seen_of_the_files(run, tmp_path):
    done = export_model(run, tmp_path / "out")
    card = json.loads((tmp_path / "out" / "card.json").read_text(encoding="utf-8"))
    assert card["class_names"] == ["dark", "light"]
    assert card["pictures"]["resize"] == "pad"
    assert card["export"]["largest_difference"] == done.comparison.largest_difference
    assert card["export"]["checked_on"] == "2 images: images of the study"
    assert card["export"]["latency"]["milliseconds"] > 0
    assert card["export"]["num_bytes"] == (tmp_path / "out" / "model.safetensors").stat().st_size
    (tmp_path / "artifacts").mkdir()
    (tmp_path / "out").rename(tmp_path / "artifacts" / "out")
    assert [found.problems for found in check_artifacts(tmp_path)] == [()]


def test_the_readme_is_a_model_card_of_the_hub(timm_run, tmp_path):
    kept = find_model(timm_run, {"strategy": "finetune"})
    export_model(kept, tmp_path / "out", "timm")
    card = ModelCard.load(tmp_path / "out" / "README.md")
    assert (card.data.library_name, card.data.pipeline_tag) == ("timm", "image-classification")
    found = {result.metric_type: result.metric_value for result in card.data.eval_results}
    assert found["accuracy"] == kept.card["metrics"]["test_accuracy"]
    assert "0: dark, 1: light" in card.text


@pytest.mark.parametrize("name", ["safetensors", "torch"])
def test_the_code_of_the_readme_runs_in_the_folder(run, photos, tmp_path, name):
    export_model(run, tmp_path / "out", name)
    text = (tmp_path / "out" / "README.md").read_text(encoding="utf-8")
    code = text.partition("```python\n")[2].partition("```")[0].replace("photo.jpg", str(test_files(photos)[0]))
    np.save(tmp_path / "images.npy", _bytes_of(photos, load_model(run)))
    given = f"import numpy, torch\nimages = torch.from_numpy(numpy.load(r'{tmp_path / 'images.npy'}'))\n"
    subprocess.run([sys.executable, "-c", given + code], check=True, cwd=tmp_path / "out")


def test_without_kept_images_noise_is_looked_at_and_said(run, photos, tmp_path):
    export_model(run, tmp_path / "first")
    done = export_model(tmp_path / "first", tmp_path / "second")
    assert done.comparison.images.startswith("noise")
    done = export_model(tmp_path / "first", tmp_path / "second", images=test_files(photos))
    assert (done.comparison.images, done.comparison.num_images) == ("given pictures", 6)


def test_files_that_say_something_else_are_refused(run):
    model = load_model(run)
    images = CheckImages(np.zeros((2, *model.image_shape), dtype=np.uint8), "black")
    with pytest.raises(UserError, match=r"its logits differ from the model's by 1\.0e-03, more than 1e-05, on black"):
        compare(lambda pixels: model(pixels).detach().numpy() + 1e-3, model, images, "it")


def test_a_folder_with_other_files_is_left_alone(run, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "thesis.tex").write_text("mine", encoding="utf-8")
    with pytest.raises(UserError, match="holds other files than an exported model"):
        export_model(run, tmp_path / "out")
    (tmp_path / "out" / "thesis.tex").rename(tmp_path / "thesis.tex")
    export_model(run, tmp_path / "out")
    (tmp_path / "thesis.tex").rename(tmp_path / "out" / "thesis.tex")
    with pytest.raises(UserError, match="holds other files than an exported model"):
        export_model(run, tmp_path / "out")


def test_an_earlier_export_is_replaced(run, tmp_path):
    export_model(run, tmp_path / "out", "torch")
    export_model(run, tmp_path / "out")
    names = {path.name for path in (tmp_path / "out").iterdir()}
    assert names == {"README.md", "card.json", "model.safetensors"}


def test_a_picture_to_check_on_that_is_none_is_refused_before_anything_is_written(run, tmp_path):
    (tmp_path / "a.png").write_bytes(b"")
    with pytest.raises(DataError, match=r"a\.png: expected an image"):
        export_model(run, tmp_path / "out", images=[tmp_path / "a.png"])
    assert not (tmp_path / "out").exists()


def test_the_command_offers_every_format():
    assert set(export_command.FORMATS) == set(FORMATS)
