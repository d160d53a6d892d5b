"""Models given as instances: kept in words, built anew, known by what they are."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import timm
import torch
import torchvision
from torch import nn

from layercut.errors import CheckpointError, SpecError
from layercut.inference import load_model
from layercut.models import module as module_of
from layercut.models.base import seeded_build
from layercut.models.described import NotDescribable, describe
from layercut.models.module import MODULE, ModuleOptions, keep_module
from layercut.models.rebuilt import rebuild
from support import given_models

SHAPE = (3, 12, 12)


def options(kept):
    return ModuleOptions(folder=kept.folder)


def local_class():
    """Return a class that cannot be imported."""

    class Local(given_models.Net):
        pass

    return Local


@pytest.mark.parametrize(
    "make",
    [
        given_models.Net,
        given_models.Tied,
        lambda: nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 2)),
        torchvision.models.mobilenet_v3_small,
        lambda: timm.create_model("test_efficientnet"),
    ],
    ids=["attributes of every kind", "shared layers", "sequential", "torchvision", "timm"],
)
def test_a_described_model_computes_what_the_model_computes(make):
    model, images = make().eval(), torch.randn(2, 3, 32, 32)
    again = rebuild(describe(model))
    again.load_state_dict(model.state_dict())
    with torch.no_grad():
        assert torch.equal(again.eval()(images), model(images))
    assert [name for name, _ in again.named_parameters()] == [name for name, _ in model.named_parameters()]


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda model: setattr(model, "hidden", lambda x: x), "cannot be imported by name"),
        (lambda model: model.register_forward_hook(lambda *_: None), "Net has hooks"),
        (lambda model: setattr(model, "elsewhere", [nn.ReLU()]), "a layer that is not registered"),
        (lambda model: setattr(model, "open", (one for one in ())), "Net.open holds a generator"),
    ],
    ids=["lambda", "hook", "layer", "generator"],
)
def test_what_has_no_words_is_named(change, told):
    model = given_models.Net()
    change(model)
    with pytest.raises(NotDescribable, match=told):
        describe(model)


def test_another_process_gets_a_model_by_its_folder_alone(tmp_path):
    kept = keep_module(given_models.Net(), tmp_path)
    assert kept.only_here is None
    module_of._template.cache_clear()
    model = seeded_build(MODULE, options(kept), SHAPE, 3, seed=0)
    assert model.block_names == ["conv1", "conv2"]
    assert model(torch.zeros(2, *SHAPE)).shape == (2, 3)


def test_another_session_finds_the_code_where_it_was(tmp_path):
    (tmp_path / "theirs").mkdir()
    (tmp_path / "theirs" / "net_of_theirs.py").write_text(
        "from torch import nn\nclass Net(nn.Sequential):\n    pass\n", encoding="utf-8"
    )
    make = (
        f"import sys; sys.path.insert(0, {str(tmp_path / 'theirs')!r})\n"
        "from pathlib import Path\nfrom torch import nn\nfrom net_of_theirs import Net\n"
        "from layercut.models.module import keep_module\n"
        f"print(keep_module(Net(nn.Flatten(), nn.Linear(12, 3), nn.Linear(3, 2)), Path({str(tmp_path)!r})).folder)"
    )
    done = subprocess.run([sys.executable, "-c", make], capture_output=True, text=True, check=True)
    kept = ModuleOptions(folder=Path(done.stdout.strip()))
    assert seeded_build(MODULE, kept, (3, 2, 2), 4, seed=0)(torch.zeros(1, 3, 2, 2)).shape == (1, 4)


def test_initial_values_are_drawn_by_the_layers_and_not_those_of_the_instance(tmp_path):
    model = given_models.Net()
    build = [seeded_build(MODULE, options(keep_module(model, tmp_path)), SHAPE, 3, seed) for seed in (0, 0, 1)]
    weights = [one.get_parameter("blocks.conv1.conv1.weight") for one in build]
    assert torch.equal(weights[0], weights[1])
    assert not torch.equal(weights[0], weights[2])
    assert not torch.equal(weights[0], model.conv1.weight)


def test_two_instances_of_one_class_are_one_model_with_two_sources(tmp_path):
    first, second = (keep_module(given_models.Net(), tmp_path) for _ in range(2))
    assert options(first).code == options(second).code
    assert first.weights.read_bytes() != second.weights.read_bytes()


@pytest.mark.parametrize("change", [lambda net: setattr(net, "scale", torch.tensor(2.0)), lambda net: net.fc.half()])
def test_a_changed_attribute_is_another_model_and_another_precision_is_not(tmp_path, change):
    plain, changed = given_models.Net(), given_models.Net()
    change(changed)
    codes = {options(keep_module(model, tmp_path)).code for model in (plain, changed)}
    assert len(codes) == (1 if changed.fc.weight.dtype == torch.half else 2)


def test_the_instance_is_left_as_it_is(tmp_path):
    model = given_models.Net().train()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    keep_module(model, tmp_path)
    assert model.training
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())


def test_a_model_of_a_class_without_a_name_lives_on_in_its_process_only(tmp_path):
    kept = keep_module(local_class()(), tmp_path)
    assert "cannot be imported by name" in kept.only_here
    assert seeded_build(MODULE, options(kept), SHAPE, 3, seed=0).block_names == ["conv1", "conv2"]
    module_of._template.cache_clear()
    module_of._here.clear()
    with pytest.raises(
        SpecError, match=r"exists only in the Python session that made it .* put its classes into a file"
    ):
        seeded_build(MODULE, options(kept), SHAPE, 3, seed=0)


def test_the_same_class_typed_again_is_the_same_model(tmp_path):
    first, second = (options(keep_module(local_class()(), tmp_path)) for _ in range(2))
    assert first.code == second.code


def test_a_parameter_that_no_layer_draws_is_refused_with_the_ways_that_work(tmp_path):
    with pytest.raises(
        SpecError, match=r"it is not defined how gain begins .* `reset_parameters`, .*model='timm/NAME'"
    ):
        keep_module(given_models.Undrawn(), tmp_path)


def test_a_model_that_ends_in_no_dense_layer_is_refused(tmp_path):
    with pytest.raises(SpecError, match=r"expected Conv2d to end in a dense layer|to end in a dense layer"):
        keep_module(nn.Sequential(nn.Conv2d(3, 4, 3), nn.Flatten()), tmp_path)


def test_a_folder_that_changed_after_the_plan_is_refused(tmp_path):
    kept = keep_module(given_models.Net(), tmp_path)
    planned = options(kept)
    module_of._template.cache_clear()
    (kept.folder / "layers.json").write_text((kept.folder / "layers.json").read_text().replace("0.2", "0.3"))
    with pytest.raises(SpecError, match=r"changed after the study was planned"):
        seeded_build(MODULE, planned, SHAPE, 3, seed=0)


def test_a_folder_without_a_model_is_refused_in_a_line(tmp_path):
    with pytest.raises(ValueError, match=r"expected the folder of a model with a layers.json"):
        ModuleOptions(folder=tmp_path)


def test_a_strangers_kept_trial_of_such_a_model_is_not_loaded_without_trust(tmp_path):
    from layercut.artifacts.writing import write_artifact

    kept = keep_module(given_models.Net(), tmp_path)
    build = {
        "name": "module", "options": {"folder": str(kept.folder)}, "image_shape": SHAPE, "num_blocks": 2,
        "mean": [0.5], "std": [0.5],
    }  # fmt: skip
    card = dict.fromkeys(("source", "target", "model", "strategy", "cut", "fraction", "replicate"), 0)
    folder = write_artifact(tmp_path, "k", card | {"class_names": ["a", "b"], "build": build, "kept": ["weights"]}, {})
    (folder / "model.safetensors").write_bytes(kept.weights.read_bytes())
    with pytest.raises(CheckpointError, match=r"classes of the layers in .* trust_code=True"):
        load_model(folder)
