"""The user's own module: cut where it can be, or where they say."""

from __future__ import annotations

import dataclasses
import sys

import pytest
import torch
from pydantic import ValidationError
from torch import nn

from layercut.checkpoints import WeightFile
from layercut.errors import CheckpointError, SpecError
from layercut.models.base import seeded_build
from layercut.models.foreign import FOREIGN, ForeignOptions
from layercut.models.measured import plan_model, random_layers
from layercut.plan.canonical import model_identity
from layercut.plan.jobs import ModelRef
from layercut.plan.source_models import read_weights
from layercut.spec import ModelSpec
from support import own_models
from support.tiny import tiny_plan

SHAPE = (3, 12, 12)


def options(function="tiny_net", **more):
    return ForeignOptions(factory=f"support.own_models:{function}", **more)


def build(function="tiny_net", **more):
    return seeded_build(FOREIGN, options(function, **more), SHAPE, 5, seed=0)


def theirs(function="tiny_net"):
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return getattr(own_models, function)(SHAPE, 5)


def read(path, function="tiny_net"):
    """Read a file as a source of the user's model."""
    (job,) = tiny_plan("source={random: true}").plan.sources
    chosen = options(function).model_dump(mode="json")
    ref = dataclasses.replace(job.model, name="foreign", options=chosen, image_shape=SHAPE)
    return read_weights(ref, path)


@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize("function", ["tiny_net", "in_a_row", "shares_a_layer"])
def test_blocks_and_head_compute_what_the_users_model_computes_in_either_mode(function, training):
    images, answers = torch.randn(4, *SHAPE), []
    for model in (theirs(function).train(training), build(function).train(training)):
        torch.manual_seed(1)
        answers.append(model(images))
    assert torch.equal(*answers)


@pytest.mark.parametrize(
    ("function", "names"),
    [("makes_its_activation", ["blocks_0", "blocks_1", "fc1"]), ("named_children", ["conv0", "conv1"])],
)
def test_published_programs_work_as_factories(function, names):
    """They take submodules by index, make activations in `forward` and return logarithms of softmax."""
    images = torch.randn(4, *SHAPE)
    whole, ours = theirs(function).eval(), build(function).eval()
    assert ours.block_names == names
    torch.testing.assert_close(ours(images).log_softmax(1), whole(images))


def test_blocks_begin_at_layers_with_weights_and_residual_blocks_are_whole():
    model = build()
    assert model.block_names == ["stem", "body_0", "body_1"]
    assert [name for name, _ in model.named_parameters() if "blocks.stem" in name] == [
        "blocks.stem.offset",
        "blocks.stem.stem.weight",
        "blocks.stem.stem.bias",
    ]


def test_the_children_of_a_sequential_are_its_blocks_and_not_looked_into():
    assert build("in_a_row").block_names == ["1", "2"]


def test_nothing_is_cut_between_two_uses_of_one_layer():
    assert build("shares_a_layer").block_names == ["stem", "twice"]


def test_a_function_that_draws_in_training_is_known_to_the_plan():
    plan = plan_model(FOREIGN, options(), SHAPE, 5)
    assert plan.random_blocks == ["body_1"]
    assert not plan_model(FOREIGN, options(options={"dropout": 0.0}), SHAPE, 5).random_blocks
    assert random_layers(build())


def test_named_layers_end_blocks_and_what_is_behind_the_last_belongs_to_it():
    model = build(blocks=["stem", "body"])
    assert model.block_names == ["stem", "body"]
    images = torch.randn(2, *SHAPE)
    assert torch.equal(model.eval()(images), theirs().eval()(images))
    assert model.trunk(1)(images).shape == (2, 4, 12, 12)


@pytest.mark.parametrize(
    ("blocks", "message"),
    [
        (["stem", "bodi"], r"no layer 'bodi'; did you mean 'body'\?"),
        (["body", "stem"], "in the order in which they run"),
        (["body.0.conv", "body"], r"after 'body.0.conv' more than one tensor is needed"),
    ],
)
def test_names_behind_which_nothing_can_be_cut_are_refused(blocks, message):
    with pytest.raises(SpecError, match=message):
        build(blocks=blocks)


@pytest.mark.parametrize(
    ("function", "message"),
    [
        ("untraceable", r"cannot follow the forward pass of Wrapped .*make it a torch\.nn\.Sequential"),
        ("fails", r"support\.own_models:fails failed: KeyError: 'no such thing'"),
        ("wrong_channels", r":wrong_channels fails on images of 3 x 12 x 12: RuntimeError: Given groups=1"),
        ("no_model", r"return a torch\.nn\.Module; got str"),
        ("absent", "own_models has no function 'absent'"),
    ],
)
def test_what_cannot_be_used_says_why(function, message):
    with pytest.raises(SpecError, match=message) as error:
        build(function)
    assert len(str(error.value).splitlines()) == 1


@pytest.mark.parametrize(
    "factory", ["own_models", "own_models:", "os.system('ls'):x", "own_models:tiny_net()", "../x:y"]
)
def test_only_a_module_and_a_name_in_it_are_a_factory(factory):
    with pytest.raises(ValidationError):
        ForeignOptions(factory=factory)


def test_a_folder_that_was_looked_in_is_named_once(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ValidationError, match=f"looked in {tmp_path} and among installed packages"):
        ForeignOptions(factory="not_there:f", folder=tmp_path / ".")


def test_an_absent_module_is_refused_with_where_it_was_looked_for(tmp_path):
    with pytest.raises(ValidationError, match=f"no module not_there; looked in {tmp_path}"):
        ForeignOptions(factory="not_there:f", folder=tmp_path)


def test_the_code_is_part_of_what_is_measured_and_its_folder_is_not(tmp_path):
    identities = []
    for index, text in enumerate(["a = 1", "a = 1", "a = 2"]):
        folder = tmp_path / str(index)
        folder.mkdir()
        (folder / "my_code.py").write_text(text)
        chosen = ForeignOptions(factory="my_code:f", folder=folder).model_dump(mode="json")
        identities.append(model_identity(ModelRef("", "foreign", chosen, SHAPE, (), (), (), ())))
    assert identities[0] == identities[1] != identities[2]


def test_code_that_changed_after_planning_is_refused(tmp_path):
    file = tmp_path / "changing_code.py"
    file.write_text("f = print")
    planned = ForeignOptions(factory="changing_code:f", folder=tmp_path)
    file.write_text("f = max")
    with pytest.raises(SpecError, match="changed after the study was planned"):
        seeded_build(FOREIGN, planned, SHAPE, 5, seed=0)
    assert "changing_code" not in sys.modules


def test_code_that_is_moved_once_it_was_imported_is_still_the_same(tmp_path):
    for name in ("here", "there"):
        (tmp_path / name).mkdir()
        file = tmp_path / name / "moving_code.py"
        file.write_text("from support.own_models import tiny_net as f")
        options = ForeignOptions(factory="moving_code:f", folder=file.parent)
        assert seeded_build(FOREIGN, options, (3, 12, 12), 5, seed=0).blocks
        file.unlink()


def test_weights_in_the_users_own_names_are_read(tmp_path):
    torch.save(theirs().state_dict(), tmp_path / "weights.pth")
    values = read(tmp_path / "weights.pth")
    expected = build().state_dict()
    assert values.keys() == expected.keys()
    assert all(torch.equal(values[name], expected[name]) for name in values)


@pytest.mark.parametrize("function", ["tiny_net", "named_like_a_wrapper"])
@pytest.mark.parametrize("saved_by", [lambda model: model, nn.DataParallel])
def test_weights_of_a_wrapped_model_are_read_though_its_own_names_look_wrapped(tmp_path, function, saved_by):
    torch.save(saved_by(theirs(function)).state_dict(), tmp_path / "weights.pth")
    values = read(tmp_path / "weights.pth", function)
    expected = build(function).state_dict()
    assert all(torch.equal(values[name], expected[name]) for name in expected)


def test_weights_that_do_not_fit_are_refused_with_names():
    with pytest.raises(CheckpointError, match=r"expected .*stem\.bias.*got nothing; the model has no other\.weight"):
        FOREIGN.adapt(options(), SHAPE, WeightFile({"other.weight": torch.zeros(1)}.items()))


def test_a_factory_is_enough_to_name_the_model_and_its_label_is_short():
    spec = ModelSpec.model_validate({"factory": "package.module:tiny_net", "options": {"width": 6}, "folder": "/x"})
    assert (spec.name, spec.label) == ("foreign", "tiny_net(width=6)")
    assert len(ModelSpec.model_validate({"name": "block_cnn", "hidden_dims": list(range(100))}).label) < 70
