"""Every shipped study, at a reduced size on images that the tests draw, runs to its end and report."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
import torchvision
import yaml

from layercut import load_results, load_study, run_study
from layercut.interop.epoch_csv import FILE_NAME
from layercut.report import write_report
from layercut.spec import shipped_studies
from support.fake_datasets import write_image

pytestmark = pytest.mark.slow

SHORT = (
    "pretraining={epochs: 1, batch_size: 64, threads: 1}",
    "transfer.fractions=[1.0]",
    "transfer.replicates=1",
    "transfer.training.epochs=1",
    "transfer.training.batch_size=16",
)
TINY_CNN = ("model.channels=4", "transfer.cuts=[1, 3]")
TINY_BLOCKS = "hidden_dims: [4, 4, 4, 4, {}8, 8]"


@pytest.fixture(scope="session")
def images(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of ten classes, 12 training images and 3 test images each, that differ in their colour."""
    root, random = tmp_path_factory.mktemp("images"), np.random.default_rng(0)
    for split, count in (("train", 12), ("test", 3)):
        for label in range(10):
            for index in range(count):
                pixels = random.integers(0, 120, (8, 8, 3)) + 13 * label
                write_image(root / split / f"class{label}" / f"{index}.png", pixels.astype(np.uint8))
    return root


@pytest.fixture(scope="session")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file of weights as torchvision's users save them."""
    path = tmp_path_factory.mktemp("weights") / "resnet18.pth"
    torch.save(torchvision.models.resnet18(weights=None).state_dict(), path)
    return path


def on_images(name: str, images: Path, size: int, channels: int) -> list[str]:
    """Return the overrides that put the images in place of each dataset that a study names."""
    study = yaml.safe_load(shipped_studies()[name].read_text(encoding="utf-8"))
    overrides = []
    for key in ("source", "target"):
        entries = study[key] if isinstance(study[key], list) else [study[key]]
        for index, entry in enumerate(entries):
            place = f"{key}[{index}]" if isinstance(study[key], list) else key
            if "dataset" in entry:
                values = {"dataset": "folder", "path": images, "image_size": size, "channels": channels}
                overrides += [f"{place}.{field}={value}" for field, value in values.items()]
    return overrides


def run(name: str, output_dir: Path, *overrides: str) -> Path:
    """Run a study and write its report; every trial must finish."""
    summary = run_study(load_study(name, [*SHORT, *overrides]), output_dir, executor="serial", device="cpu")
    assert summary.num_finished == summary.num_trials > 0
    assert not summary.failed_jobs
    assert name in write_report(output_dir).read_text(encoding="utf-8")
    return output_dir


@pytest.mark.parametrize(
    ("name", "channels"),
    [
        ("mnist-halves", 1),
        ("fashion-regular", 1),
        ("fashion-random", 1),
        ("fashion-to-mnist", 1),
        ("mnist-to-fashion", 1),
        ("cifar10-vehicles-animals", 3),
        ("cifar10-reverse", 3),
        ("cifar10-random", 3),
    ],
)
def test_studies_of_layer_freezing(name, channels, images, tmp_path):
    run(name, tmp_path, *on_images(name, images, 8, channels), *TINY_CNN, "transfer.fractions=[0.5]")
    results = load_results(tmp_path)
    # scratch, and five strategies at cuts 1 and 3
    assert len(results) == 1 + 5 * 2
    assert results["condition"].nunique() == 1 + 4 * 2 + 1


def test_the_study_of_halves_has_both_controls(images, tmp_path):
    name = "yosinski-halves"
    results = load_results(run(name, tmp_path, *on_images(name, images, 8, 3), *TINY_CNN))
    assert results["source"].nunique() == 2
    assert len(results) == 2 * (1 + 2 * 2)
    scratch = results[results["strategy"] == "scratch"]
    assert scratch["key"].nunique() == 1
    assert results[results["strategy"] != "scratch"]["key"].nunique() == 2 * 2 * 2


@pytest.mark.parametrize("target", ["cifar100", "svhn"])
@pytest.mark.parametrize(("preset", "more", "blocks"), [("shallow", "", 4), ("deep", "4, 4, ", 6)])
def test_studies_of_block_cnns_write_their_logs(target, preset, more, blocks, images, tmp_path):
    name = f"cifar10-to-{target}-{preset}"
    model = f"model={{name: block_cnn, preset: {preset}, {TINY_BLOCKS.format(more)}}}"
    results = load_results(run(name, tmp_path, *on_images(name, images, 32, 3), model))
    assert set(results["num_blocks"]) == {blocks}
    assert {(row.strategy, row.cut) for row in results.itertuples() if not row.merged} == {
        ("scratch", 0), ("freeze", 2), ("freeze", blocks), ("finetune", 2)
    }  # fmt: skip
    assert (tmp_path / FILE_NAME).is_file()
    assert list((tmp_path / "tensorboard").rglob("events.out.tfevents.*"))


def test_the_study_of_transferability_scores_checkpoints_of_eight_sources(images, tmp_path):
    name = "convnet-transferability"
    pretraining = "pretraining={epochs: 1, patience: null, threads: 1, checkpoints: [0, batch 1]}"
    samples = [f"probes[{index}].sample=20" for index in range(4)]
    results = load_results(run(name, tmp_path, *on_images(name, images, 10, 1), pretraining, *samples))
    assert len(results) == results["source"].nunique() == 7 * 2 + 1
    assert results["log_area"].between(0, 1).all()


def test_the_study_of_folders_cuts_vgg16(images, tmp_path):
    name = "vgg16-folders"
    results = load_results(
        run(
            name,
            tmp_path,
            *on_images(name, images, 32, 3),
            "source={random: true}",
            "target.classes=[class0, class9]",
            "transfer.cuts=[7]",
            "transfer.strategies=[freeze]",
            "probes=[{name: knn, sample: 10}]",
        )
    )
    assert set(results["num_blocks"]) == {7}


def test_the_study_of_pretrained_models_takes_weights_from_a_file(images, weights, tmp_path):
    name = "resnet50-fashion"
    results = load_results(
        run(
            name,
            tmp_path,
            *on_images(name, images, 32, 3),
            "target.classes=[class0, class9]",
            "model.name=torchvision/resnet18",
            f"source=[{{checkpoint: {weights}}}, {{random: true}}]",
        )
    )
    assert len(results) == results["key"].nunique() == 8
    assert set(results["factor_optimizer"]) == {"adam", "sgd"}
    assert set(results["cut"]) == {4, 5}
    assert len(list(tmp_path.rglob("predictions.*"))) == 8


def test_the_default_study(tmp_path):
    small = ("model.channels=4", "transfer.cuts=[2]", "transfer.fractions=[0.2]", "transfer.training.min_steps=null")
    run("digits", tmp_path, *small)
