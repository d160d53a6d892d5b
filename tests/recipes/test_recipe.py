"""A recipe does in another framework what the study did: what is frozen stays, bit for bit, what is trained moves."""

from __future__ import annotations

import math
import os
import runpy
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest
import timm
import torch
import torchvision
import yaml

from layercut.errors import UserError
from layercut.inference import KeptModel, find_model
from layercut.ledger import Ledger
from layercut.models import MODELS
from layercut.models.base import seeded_build
from layercut.models.foreign import ForeignOptions
from layercut.recipes import FRAMEWORKS, recipe
from layercut.recipes.code import _source_of
from layercut.recipes.training import epoch_factor, scheduler_line
from layercut.recipes.treated import treated
from layercut.spec import TrainingSpec, WeightsSource, parse_study
from layercut.strategies import STRATEGIES
from layercut.strategies.base import PartialStrategy
from layercut.strategies.treatment import treatment
from support.photo_run import STUDY, run_photos, write_photos

STUDY_OF_TIMM = yaml.safe_dump(
    yaml.safe_load(STUDY)
    | {
        "model": {"name": "timm/test_efficientnet"},
        "target": {"dataset": "folder", "path": "PATH", "image_size": 32},
        "transfer": {
            "strategies": ["finetune"],
            "fractions": [1.0],
            "replicates": 1,
            "training": {"epochs": 1, "batch_size": 4, "kept_lr_scale": 0.1, "clip_norm": 1.0, "lr_schedule": "cosine"},
        },
    }
)
NAMES = ("test_efficientnet", "test_resnet", "test_vit", "test_convnext")
POINTS = [("freeze_reinit", 5), ("freeze", 4), ("reinit", 3), ("train_block", 4), ("norm_only", 15), ("bias_only", 15)]


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    """Return a folder of photographs."""
    root = tmp_path_factory.mktemp("here") / "photos"
    write_photos(root)
    return root


@pytest.fixture(scope="module")
def kept(tmp_path_factory, photos):
    """Return the kept model of a small study of a model of timm."""
    return find_model(run_photos(photos, tmp_path_factory.mktemp("run"), STUDY_OF_TIMM))


def _run(code: str, photos: Path, monkeypatch) -> tuple[dict, dict, dict]:
    """Run a recipe beside `photos/` and weights; return these, what the model has then, and the names of the code."""
    monkeypatch.chdir(photos.parent)
    torch.manual_seed(0)
    torch.save(timm.create_model("test_efficientnet", num_classes=7).state_dict(), "source.pth")
    Path("recipe.py").write_text(code, encoding="utf-8")
    names = runpy.run_path("recipe.py", run_name="__main__")
    return torch.load("source.pth"), torch.load("model.pth"), names


def _as(kept: KeptModel, strategy: str, cut: int) -> KeptModel:
    does = {"strategy": strategy, "cut": cut, "options": {}}
    return kept._replace(card=kept.card | {"strategy": strategy, "cut": cut, "does": does})


@pytest.mark.parametrize(("strategy", "cut"), POINTS)
def test_what_is_frozen_stays_bit_for_bit_and_all_else_moves(kept, photos, monkeypatch, strategy, cut):
    before, after, names = _run(recipe(_as(kept, strategy, cut)), photos, monkeypatch)
    model, moved = names["model"], {name for name in after if not torch.equal(before[name], after[name])}
    frozen = {name for name, value in model.named_parameters() if not value.requires_grad}
    frozen |= {
        f"{layer}.{name}" for layer in names["FROZEN_LAYERS"] for name in model.get_submodule(layer).state_dict()
    }
    assert bool(frozen) == (strategy != "reinit")
    assert not frozen & moved
    assert {name for name, value in model.named_parameters() if value.requires_grad} <= moved


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(("strategy", "cut"), [("freeze_reinit", 2), ("freeze", 2), ("reinit", 1), ("bias_only", 2)])
def test_as_many_values_are_trained_as_the_strategy_trains(kept, name, strategy, cut):
    family = MODELS[f"timm/{name}"]
    shape = (3, 160, 160) if name == "test_vit" else (3, 32, 32)
    build = kept.card["build"] | {"name": f"timm/{name}", "image_shape": shape, "options": {}}
    does = treated(_as(kept, strategy, cut).card | {"build": build})
    ours = seeded_build(family, family.options.model_validate({}), shape, 2, seed=0)
    treats, own = treatment(STRATEGIES[strategy], cut, len(ours.blocks)), STRATEGIES[strategy]
    expected = sum(value.numel() for value in ours.head.parameters())
    for index in treats.trained:
        for layer in ours.blocks[index].modules():
            for parameter, value in layer.named_parameters(recurse=False):
                if not isinstance(own, PartialStrategy) or own.trains(layer, parameter):
                    expected += value.numel()
    size = {"img_size": 160} if name == "test_vit" else {}
    model = timm.create_model(name, num_classes=2, **size)
    for layer in does.frozen_layers:
        model.get_submodule(layer).requires_grad_(False)
    for value in does.frozen_values:
        model.get_parameter(value).requires_grad_(False)
    assert sum(value.numel() for value in model.parameters() if value.requires_grad) == expected


def test_what_is_not_kept_of_the_source_begins_with_new_values(kept):
    does = treated(_as(kept, "freeze_reinit", 15).card)
    assert does.new_layers == ("classifier",)
    assert treated(_as(kept, "scratch", 0).card).new_layers == ()


def test_training_from_scratch_loads_nothing(kept):
    code = recipe(_as(kept, "scratch", 0))
    assert "pretrained=False" in code
    assert "load_state_dict(" not in code


def test_the_code_has_the_training_of_the_study_and_says_what_it_leaves_out(kept):
    code = recipe(kept)
    assert "torch.optim.Adam(groups, lr=0.001, weight_decay=0.0)" in code
    assert "CosineAnnealingLR(optimizer, 1)" in code
    assert "clip_grad_norm_(model.parameters(), 1.0)" in code
    assert '"lr": 0.0001' in code
    assert "# Not in this code: the best epoch on validation images" in code


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_the_code_says_that_it_leaves_class_weights_out(kept, framework):
    training = kept.card["training"] | {"class_weights": "balanced"}
    assert "# Not in this code: class_weights: balanced." in recipe(
        kept._replace(card=kept.card | {"training": training}), framework
    )
    assert "class_weights" not in recipe(kept, framework)


def test_published_weights_are_asked_for_by_name(kept, monkeypatch):
    monkeypatch.setattr("layercut.recipes.code._source_of", lambda kept: WeightsSource(weights="r160_in1k"))
    assert (
        "ARCHITECTURE = 'test_efficientnet.r160_in1k'\nmodel = timm.create_model(ARCHITECTURE, pretrained=True"
        in recipe(kept)
    )


@pytest.mark.slow
@pytest.mark.parametrize("framework", [name for name in FRAMEWORKS if name not in ("torch", "timm")])
def test_frameworks_train_what_the_recipe_says(kept, photos, monkeypatch, framework):
    for needed in (framework, *(["accelerate"] if framework == "transformers" else [])):
        if find_spec(needed) is None:
            pytest.skip(f"{needed} is not installed")
    wanted = _as(kept, "freeze_reinit", 5)
    monkeypatch.chdir(photos.parent)
    torch.save(timm.create_model("test_efficientnet", num_classes=7).state_dict(), "source.pth")
    Path("recipe.py").write_text(recipe(wanted, framework), encoding="utf-8")
    own = {"YOLO_CONFIG_DIR": str(photos.parent)}  # Ultralytics writes its settings there
    done = subprocess.run(
        [sys.executable, "recipe.py"], check=False, capture_output=True, text=True, env=os.environ | own
    )
    assert done.returncode == 0, done.stderr
    before, after = torch.load("source.pth"), torch.load("model.pth")
    layers = tuple(f"{layer}." for layer in treated(wanted.card).frozen_layers)
    assert any(name.startswith(layers) for name in after)
    assert all(torch.equal(before[name], after[name]) for name in after if name.startswith(layers))
    rest = [name for name in after if name.endswith("weight") and not name.startswith(layers)]
    assert not any(before[name].shape == after[name].shape and torch.equal(before[name], after[name]) for name in rest)


@pytest.mark.parametrize(
    ("strategy", "cut", "told"),
    [
        ("truncate", 2, "removes blocks, which timm cannot build"),
        ("linear_probe", 2, "no recipe for linear_probe, which fits its classifier by a solver"),
        ("layer_decay", 15, "no recipe for layer_decay, which gives each block a learning rate of its own"),
        ("l2_sp", 15, "no recipe for l2_sp, which pulls weights back"),
        ("gradual_unfreeze", 15, "no recipe for gradual_unfreeze, which trains blocks in turns"),
    ],
)
def test_what_has_no_recipe_is_refused(kept, strategy, cut, told):
    with pytest.raises(UserError, match=told):
        recipe(_as(kept, strategy, cut))


def test_a_model_of_others_has_no_recipe(kept):
    build = kept.card["build"] | {"name": "plain_cnn", "options": {}}
    with pytest.raises(UserError, match="for a recipe; got plain_cnn, whose code only layercut has"):
        recipe(kept._replace(card=kept.card | {"build": build}))


OWN_CODE = """
from torch import nn


class Block(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.conv, self.norm = nn.Conv2d(width, width, 3, padding=1), nn.BatchNorm2d(width)

    def forward(self, x):
        return x + self.norm(self.conv(x)).relu()


class Net(nn.Module):
    def __init__(self, channels, num_classes, width):
        super().__init__()
        self.stem = nn.Conv2d(channels, width, 3, stride=4)
        self.body = nn.Sequential(Block(width), Block(width))
        self.classifier = nn.Linear(width, num_classes)

    def forward(self, images):
        return self.classifier(self.body(self.stem(images)).mean((2, 3)))


def small(image_shape, num_classes, width):
    return Net(image_shape[0], num_classes, width)
"""


@pytest.fixture(scope="module")
def own(kept, photos):
    """Return the kept model as if a function of the user's own had made it, cut behind the stem and each block."""
    (photos.parent / "own_nets.py").write_text(OWN_CODE, encoding="utf-8")
    blocks = ["stem", "body.0", "body.1"]
    given = {"factory": "own_nets:small", "folder": str(photos.parent), "options": {"width": 4}, "blocks": blocks}
    options = ForeignOptions.model_validate(given).model_dump(mode="json")
    build = kept.card["build"] | {"name": "foreign", "options": options}
    return kept._replace(card=kept.card | {"build": build})


@pytest.mark.parametrize(
    ("strategy", "cut", "frozen_layers"),
    [("freeze_reinit", 2, ("stem", "body.0")), ("freeze", 1, ("stem",)), ("train_block", 2, ("stem", "body.1"))],
)
def test_a_model_of_ones_own_function_is_frozen_bit_for_bit_too(own, photos, monkeypatch, strategy, cut, frozen_layers):
    monkeypatch.chdir(photos.parent)
    torch.manual_seed(0)
    torch.save(runpy.run_path("own_nets.py")["small"]((3, 32, 32), 7, width=4).state_dict(), "source.pth")
    Path("recipe.py").write_text(recipe(_as(own, strategy, cut), trust_code=True), encoding="utf-8")
    names = runpy.run_path("recipe.py", run_name="__main__")
    before, after = torch.load("source.pth"), torch.load("model.pth")
    frozen = {name for name in after if name.startswith(tuple(f"{layer}." for layer in frozen_layers))}
    assert names["FROZEN_LAYERS"] == frozen_layers
    assert {name for name in after if before[name].shape == after[name].shape and not torch.equal(*(
        values[name] for values in (before, after)))} == {
        name for name in after if name not in frozen and not name.startswith("classifier")
    }  # fmt: skip
    assert after["classifier.weight"].shape == (2, 4)


def test_code_of_ones_own_is_not_run_without_asking(own):
    with pytest.raises(UserError, match=r"own_nets:small in .*; if you trust that code, add --trust-code"):
        recipe(own)


def test_a_model_of_ones_own_has_recipes_where_nothing_but_the_model_is_needed(own):
    wanted = _as(own, "freeze", 1)
    assert "class Transfer(lightning.LightningModule)" in recipe(wanted, "lightning", trust_code=True)
    with pytest.raises(UserError, match="own_nets:small has one for torch, lightning: --for torch"):
        recipe(wanted, "keras", trust_code=True)


def test_weights_under_other_names_are_refused_by_the_code(own, photos, monkeypatch):
    monkeypatch.chdir(photos.parent)
    torch.save({"encoder.stem.weight": torch.zeros(1)}, "source.pth")
    Path("recipe.py").write_text(recipe(_as(own, "freeze", 1), trust_code=True), encoding="utf-8")
    with pytest.raises(SystemExit, match=r"expected values named as stem\.weight; got encoder\.stem\.weight"):
        runpy.run_path("recipe.py", run_name="__main__")


@pytest.mark.parametrize("rests", [False, True])
def test_batch_norms_keep_the_sources_statistics_where_the_study_kept_them(kept, photos, monkeypatch, rests):
    training = kept.card["training"] | {"freeze_norm_statistics": rests}
    wanted = _as(kept._replace(card=kept.card | {"training": training}), "finetune", 15)
    code = recipe(wanted)
    assert "freeze_norm_statistics" not in code
    before, after, _ = _run(code, photos, monkeypatch)
    statistics = [name for name in after if name.endswith(("running_mean", "running_var"))]
    assert statistics
    assert all(torch.equal(before[name], after[name]) == rests for name in statistics)
    norms = [name.replace("running_mean", "weight") for name in statistics if name.endswith("running_mean")]
    assert not any(torch.equal(before[name], after[name]) for name in norms)


def test_a_rate_in_closed_form_is_that_of_the_scheduler():
    for schedule in ({"lr_schedule": "cosine"}, {"lr_schedule": "step", "lr_step_epochs": 2}, {}):
        training = TrainingSpec(epochs=5, lr=0.5, **schedule).model_dump()
        groups = [torch.nn.Parameter(torch.zeros(1))]
        optimizer = torch.optim.SGD(groups, lr=0.5)
        scheduler = eval(scheduler_line(training) or "None", {"torch": torch, "optimizer": optimizer})  # noqa: S307
        for epoch in range(5):
            factor = eval(epoch_factor(training), {"math": math, "epoch": epoch})  # noqa: S307 - our own code
            assert 0.5 * factor == pytest.approx(optimizer.param_groups[0]["lr"])
            optimizer.step()
            if scheduler is not None:
                scheduler.step()


def test_a_penalty_that_keras_does_not_have_is_refused(kept):
    training = kept.card["training"] | {"weight_decay": 0.1}
    with pytest.raises(UserError, match="Keras has no adam whose weight decay is a penalty"):
        recipe(kept._replace(card=kept.card | {"training": training}), "keras")


def test_what_one_framework_cannot_is_said_in_its_code_alone(kept):
    assert "# Not in this code: kept_lr_scale: 0.1." in recipe(kept, "keras")
    assert "kept_lr_scale" not in recipe(kept, "lightning")


def _of_torchvision(kept: KeptModel, name: str, strategy: str, cut: int, side: int = 32) -> KeptModel:
    build = kept.card["build"] | {"name": f"torchvision/{name}", "image_shape": [3, side, side], "options": {}}
    wanted = _as(kept, strategy, cut)
    return wanted._replace(card=wanted.card | {"build": build, "model": f"torchvision/{name}"})


@pytest.mark.parametrize(("strategy", "cut"), [("freeze_reinit", 3), ("freeze", 10), ("norm_only", 10)])
def test_a_model_of_torchvision_is_frozen_bit_for_bit_too(kept, photos, monkeypatch, strategy, cut):
    monkeypatch.chdir(photos.parent)
    torch.manual_seed(0)
    torch.save(torchvision.models.get_model("mobilenet_v3_small", num_classes=7).state_dict(), "source.pth")
    Path("recipe.py").write_text(recipe(_of_torchvision(kept, "mobilenet_v3_small", strategy, cut)), encoding="utf-8")
    names = runpy.run_path("recipe.py", run_name="__main__")
    before, after, model = torch.load("source.pth"), torch.load("model.pth"), names["model"]
    moved = {name for name in after if not torch.equal(before[name], after[name])}
    frozen = {name for name, value in model.named_parameters() if not value.requires_grad}
    frozen |= {
        f"{layer}.{name}" for layer in names["FROZEN_LAYERS"] for name in model.get_submodule(layer).state_dict()
    }
    assert frozen
    assert not frozen & moved
    assert {name for name, value in model.named_parameters() if value.requires_grad} <= moved


def test_published_weights_of_torchvision_are_asked_for_by_name(kept, monkeypatch):
    monkeypatch.setattr("layercut.recipes.code._source_of", lambda kept: WeightsSource(weights="IMAGENET1K_V1"))
    code = recipe(_of_torchvision(kept, "resnet18", "freeze", 3))
    assert "weights = torchvision.models.get_model(ARCHITECTURE, weights='IMAGENET1K_V1').state_dict()" in code
    assert "import timm" not in code


@pytest.mark.parametrize(
    ("name", "framework", "told"),
    [
        ("resnet18", "transformers", "takes models of timm; torchvision/resnet18 has one for torch, lightning"),
        ("resnet18", "timm", "--for torch"),
        ("vit_b_16", "torch", "its weights are for 224 x 224"),
    ],
)
def test_what_a_model_of_torchvision_has_no_recipe_for_is_refused(kept, name, framework, told):
    with pytest.raises(UserError, match=told):
        recipe(_of_torchvision(kept, name, "freeze", 2), framework)


def test_the_model_recommended_among_several_has_the_weights_of_its_own_study(kept, tmp_path):
    texts = {"resnet18": "A1_IN1K", "resnet34": "A2_IN1K"}
    for name, weights in texts.items():
        run = tmp_path / "models" / name
        study = f"name: recommend-{name}\nsource: {{weights: {weights.lower()}}}\nmodel: {{name: timm/{name}}}\n"
        study += "target: {dataset: digits, image_size: 224, channels: 3}\n"
        run.mkdir(parents=True)
        (run / "study.yaml").write_text(study, encoding="utf-8")
        with Ledger(run, create=True) as ledger:
            ledger.set_meta("study_text", study)
    card = kept.card | {"study": "recommend-resnet34", "source": parse_study(study).source[0].label}
    found = _source_of(kept._replace(folder=tmp_path / "model", card=card))
    assert isinstance(found, WeightsSource)
    assert found.weights == "a2_in1k"
