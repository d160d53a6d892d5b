"""Files as people have them: wrapped, nested, averaged, without a classifier, in names of their own."""

from __future__ import annotations

import dataclasses

import pytest
import torch
from safetensors.torch import save_file
from torch import nn
from torch.optim.swa_utils import AveragedModel

from layercut.checkpoints import load_foreign_weights, tensors_hash
from layercut.errors import CheckpointError, SpecError
from layercut.models.foreign import ForeignOptions
from layercut.models.zoo.family import open_library
from layercut.plan.source_models import build_for, read_weights, whole_model
from support import odd_models
from support.tiny import tiny_plan

SHAPE = (3, 16, 16)


@pytest.fixture
def path(tmp_path):
    """Where a test writes its file."""
    return tmp_path / "weights.pth"


def ref_of(name, options, shape=SHAPE):
    (job,) = tiny_plan("source={random: true}").plan.sources
    return dataclasses.replace(job.model, name=name, options=options, image_shape=shape)


def own(function="plain"):
    return ref_of("foreign", ForeignOptions(factory=f"support.odd_models:{function}").model_dump(mode="json"))


def theirs(function="plain", num_classes=7):
    torch.manual_seed(5)
    return getattr(odd_models, function)(SHAPE, num_classes)


def expected(model, path):
    torch.save(model.state_dict(), path)
    return tensors_hash(read_weights(own(), path))


def prefixed(values, prefix):
    return {f"{prefix}{name}": value for name, value in values.items()}


@pytest.mark.parametrize(
    "prefix", ["module.", "_orig_mod.", "model.", "module._orig_mod.", "model.net.", "module.encoder_q.", "backbone."]
)
def test_a_prefix_of_all_names_is_taken_off_and_said(path, prefix):
    wanted = expected(theirs(), path)
    torch.save(prefixed(theirs().state_dict(), prefix), path)
    values = read_weights(own(), path)
    assert tensors_hash(values) == wanted
    assert values.notes == [f"the prefix {prefix} is removed from its names"]


def test_the_plan_says_what_was_taken_off(path):
    model = odd_models.plain((1, 8, 8), 5)
    torch.save({"n_averaged": torch.tensor(3), **prefixed(model.state_dict(), "module.")}, path)
    planned = tiny_plan("model={factory: 'support.odd_models:plain'}", f"source={{checkpoint: {path}}}").plan
    said = f"{path}: the prefix module. is removed from its names; left out: n_averaged"
    assert said in planned.warnings


def test_an_averaged_model_is_read_without_its_counter(path):
    wanted = expected(theirs(), path)
    torch.save(AveragedModel(theirs()).state_dict(), path)
    assert tensors_hash(read_weights(own(), path)) == wanted


def test_of_two_encoders_the_trained_one_is_read(path):
    wanted = expected(theirs(), path)
    query, key = theirs().state_dict(), odd_models.plain(SHAPE, 7).state_dict()
    torch.save({**prefixed(key, "module.encoder_k."), **prefixed(query, "module.encoder_q.")}, path)
    assert tensors_hash(read_weights(own(), path)) == wanted


def test_several_copies_of_a_model_are_refused(path):
    values = theirs().state_dict()
    torch.save({**prefixed(values, "first."), **prefixed(values, "second.")}, path)
    with pytest.raises(CheckpointError, match=r"holds 2 copies of the model, under first\., second\."):
        read_weights(own(), path)


@pytest.mark.parametrize("key", ["net", "weights", "ema"])
def test_a_nested_dictionary_that_holds_one_state_dict_is_opened_and_said(path, key):
    wanted = expected(theirs(), path)
    model = theirs()
    optimizer = torch.optim.Adam(model.parameters())
    model(torch.randn(2, *SHAPE)).sum().backward()
    values = {name: value.clone() for name, value in model.state_dict().items()}
    optimizer.step()
    torch.save({"epoch": 3, key: values, "optimizer": optimizer.state_dict()}, path)
    read = read_weights(own(), path)
    assert tensors_hash(read) == wanted
    assert read.notes == [f"the weights are those under {key}"]


def test_two_nested_state_dicts_are_refused(path):
    torch.save({"student": theirs().state_dict(), "teacher": theirs().state_dict()}, path)
    with pytest.raises(CheckpointError, match="weights of several models, under student, teacher"):
        load_foreign_weights(path)


def test_a_model_of_the_user_whose_own_classifier_is_called_head_out_reads_its_own_file(path):
    torch.save(theirs("HeadOut").state_dict(), path)
    values = read_weights(own("HeadOut"), path)
    assert torch.equal(values["blocks.conv1.conv1.weight"], theirs("HeadOut").conv1.weight)
    assert len(values["head.out.weight"]) == 7


@pytest.mark.parametrize(
    "change",
    [lambda v: v.pop("fc.bias") is None or v.pop("fc.weight"), lambda v: v.update({"fc.weight": torch.ones(3)})],
)
def test_weights_without_a_classifier_that_fits_are_read_and_have_no_head(path, change):
    values = theirs().state_dict()
    change(values)
    torch.save(values, path)
    read = read_weights(own(), path)
    assert not [name for name in read if name.startswith("head.out")]
    assert torch.equal(read["blocks.conv2.conv2.weight"], values["conv2.weight"])
    assert not whole_model(own(), read).has_head


def test_the_projection_of_a_self_supervised_model_is_left_out_and_said(path):
    model = theirs()
    model.fc = nn.Sequential(nn.Linear(4, 4), nn.ReLU(), nn.Linear(4, 9))
    torch.save(model.state_dict(), path)
    (note,) = read_weights(own(), path).notes
    assert note.startswith("its head is left out, as a classifier is new on every target: fc.0.weight, fc.0.bias")


@pytest.mark.parametrize("name", ["torchvision/resnet18", "timm/resnet18"])
@pytest.mark.parametrize("prefix", ["", "module.encoder_q."])
def test_a_file_of_a_library_without_its_classifier_is_read(path, name, prefix):
    library, _, model = name.partition("/")
    values = open_library(library).create(model, (3, 32, 32), 5).state_dict()
    kept = {key: value for key, value in values.items() if not key.startswith("fc.")}
    torch.save(prefixed(kept, prefix), path)
    read = read_weights(ref_of(name, {}, (3, 32, 32)), path)
    assert torch.equal(read["blocks.layer4_1.conv2.weight"], values["layer4.1.conv2.weight"])
    assert "head.out.weight" not in read


@pytest.mark.parametrize("suffix", ["pth", "safetensors"])
def test_layers_with_versions_are_read_from_either_format(path, suffix):
    values = open_library("torchvision").create("mnasnet0_5", (3, 32, 32), 5).state_dict()
    path = path.with_suffix(f".{suffix}")
    torch.save(values, path) if suffix == "pth" else save_file(values, path)
    read = read_weights(ref_of("torchvision/mnasnet0_5", {}, (3, 32, 32)), path)
    assert torch.equal(read["head.out.weight"], values["classifier.1.weight"])


def test_a_wrapped_file_of_a_model_of_layercut_is_read(path):
    (job,) = tiny_plan("source={random: true}").plan.sources
    values = build_for(job.model, num_classes=5, seed=0).state_dict()
    torch.save(prefixed(values, "_orig_mod.module."), path)
    assert tensors_hash(read_weights(job.model, path)) == tensors_hash(values)


@pytest.mark.parametrize("name", ["googlenet", "inception_v3"])
def test_a_switch_that_no_file_holds_is_asked_for(path, name):
    torch.save({"x": torch.ones(1)}, path)
    changes = [f"source={{checkpoint: {path}}}", "target={dataset: digits, image_size: 96, channels: 3}"]
    with pytest.raises(
        SpecError, match=r"`source\[0\]\.checkpoint`.*write `transform_input: true` or `transform_input: false`"
    ):
        tiny_plan(f"model={{name: torchvision/{name}}}", *changes)
