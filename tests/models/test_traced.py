"""Cuts of models as people write them: names, axes, shared weights, memory, sizes."""

from __future__ import annotations

import dataclasses

import pytest
import torch

from layercut.errors import SpecError
from layercut.models import MODELS
from layercut.models.base import seeded_build, seeded_head
from layercut.models.foreign import FOREIGN, ForeignOptions
from layercut.models.layout import memory_format
from layercut.models.measured import plan_model
from layercut.models.names import block_names
from layercut.plan.canonical import CUTTING_VERSION, model_identity
from layercut.plan.jobs import ModelRef
from layercut.training.device import place_model
from layercut.training.stack import Stack
from support import odd_models

SHAPE = (3, 16, 16)
CPU = torch.device("cpu")


def options(function, **more):
    return ForeignOptions(factory=f"support.odd_models:{function}", **more)


def build(function, shape=SHAPE, **more):
    return seeded_build(FOREIGN, options(function, **more), shape, 5, seed=0)


def theirs(function, shape=SHAPE):
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = getattr(odd_models, function)(shape, 5)
        model.eval()(torch.zeros(2, *shape))  # lazy layers
        return model.train()


@pytest.mark.parametrize(
    ("function", "shape"),
    [
        ("Rows", (3, 32, 64)),
        ("ChannelsLast", (3, 12, 8)),
        ("ChannelsLast", (3, 16, 16)),
        ("Sequence", (3, 16, 20)),
        ("tokens", (3, 16, 24)),
        ("Tied", SHAPE),
        ("LeNet", SHAPE),
        ("SizesAtTheStart", (3, 16, 24)),
        ("lazy", SHAPE),
        ("names_that_meet", SHAPE),
        ("NamesThatMeet", SHAPE),
    ],
)
def test_parts_placed_as_in_training_compute_what_the_users_model_computes(function, shape):
    whole, model, images = theirs(function, shape).eval(), build(function, shape).eval(), torch.randn(3, *shape)
    placed = place_model(model, CPU)
    features = images.to(memory_format=torch.channels_last)
    with torch.no_grad():
        for block in placed.blocks:
            features = block(features)
        torch.testing.assert_close(placed.head(features), whole(images))
    assert sum(p.numel() for p in model.parameters()) == sum(p.numel() for p in whole.parameters())


@pytest.mark.parametrize(
    ("function", "shape", "features"),
    [
        ("Rows", (3, 32, 64), (16, 16, 32)),
        ("ChannelsLast", (3, 12, 8), (6, 6, 4)),
        ("ChannelsLast", (3, 12, 12), (6, 6, 6)),
        ("Sequence", (3, 16, 20), (20, 5)),
        ("tokens", (3, 16, 24), (24, 8)),
    ],
)
def test_maps_have_their_channels_first_and_tokens_last_whatever_the_shapes_look_like(function, shape, features):
    plan = plan_model(FOREIGN, options(function), shape, 5)
    assert plan.feature_shapes[1] == features
    assert len(plan.block_names) > 1


@pytest.mark.parametrize(
    ("function", "shape", "width"),
    [("Rows", (3, 32, 64), 16), ("ChannelsLast", (3, 12, 12), 6), ("Sequence", (3, 16, 20), 5)],
)
def test_a_truncated_head_averages_over_places_and_not_over_channels(function, shape, width):
    model = build(function, shape).eval()
    features = model.trunk(1)(torch.randn(2, *shape))
    head = seeded_head(FOREIGN, options(function), tuple(features.shape[1:]), 5, seed=0)
    assert head.out.in_features == width
    places = (2, 3) if features.dim() == 4 else (1,)
    torch.testing.assert_close(head(features), head.out(features.mean(places)))


def test_the_axis_of_the_channels_is_measured_behind_a_layer_that_is_not_looked_into():
    whole, model, images = theirs("cubes").eval(), build("cubes").eval(), torch.randn(2, *SHAPE)
    torch.testing.assert_close(model.trunk(1)(images), whole[0](images))
    torch.testing.assert_close(model(images), whole(images))


@pytest.mark.parametrize(
    ("paths", "names"),
    [
        (["a.b", "a_b"], ["a_b", "a_b_2"]),
        (["a_b", "a.b", "a_b_2"], ["a_b", "a_b_3", "a_b_2"]),
        (["input", "output", "hidden"], ["input_2", "output_2", "hidden_2"]),
        (["forward", "pop", "training", ""], ["forward_2", "pop_2", "training_2", "block"]),
    ],
)
def test_every_path_of_a_layer_gets_a_name_of_its_own_that_means_nothing_else(paths, names):
    assert block_names(paths) == names


def test_layers_with_a_number_at_the_end_of_their_name_are_called_by_it():
    model = build("Numbered", blocks=["conv_1", "conv_2"])
    assert [name for name, _ in model.blocks.conv_1.named_parameters()] == ["conv_1.weight", "conv_1.bias"]


@pytest.mark.parametrize("function", ["names_that_meet", "NamesThatMeet"])
def test_no_block_is_lost_where_paths_meet(function):
    model = build(function)
    assert len(model.blocks) == len(set(model.block_names)) > 1
    assert "input" not in model.block_names


def test_nothing_is_cut_between_layers_that_share_a_weight_under_two_names():
    model = build("Tied")
    assert model.block_names == ["stem", "first", "last"]
    with pytest.raises(SpecError, match="after 'middle' weights are used that layers before it use too"):
        build("Tied", blocks=["stem", "middle", "last"])


def test_a_classifier_that_shares_its_weights_is_refused():
    with pytest.raises(SpecError, match="the classifier fc shares its weights"):
        build("TiedHead")


def test_a_model_whose_view_takes_no_channels_last_is_trained_in_the_other_order():
    model = build("LeNet")
    assert memory_format(model) is torch.contiguous_format
    assert memory_format(build("Rows")) is torch.channels_last
    placed = place_model(model, CPU)
    placed(torch.randn(2, *SHAPE).to(memory_format=torch.channels_last)).sum().backward()
    assert all(parameter.grad is not None for parameter in placed.parameters())


def test_values_of_five_dimensions_do_not_keep_a_model_from_channels_last():
    model = place_model(build("Windows"), CPU)
    assert memory_format(model) is torch.channels_last
    assert model.get_parameter("blocks.conv2.conv2.weight").is_contiguous(memory_format=torch.channels_last)


def test_a_pooling_that_is_used_twice_is_no_shared_weight():
    assert build("plain").block_names == ["conv1", "conv2"]


def test_sizes_read_at_the_start_and_used_at_the_end_are_no_features():
    assert build("SizesAtTheStart").block_names == ["conv1", "conv2"]


def test_lazy_layers_have_sizes_and_values_from_the_seed():
    first, second = build("lazy"), build("lazy")
    assert first.head.out.in_features == 4 * 14 * 14
    assert all(
        torch.equal(a, b) for a, b in zip(first.state_dict().values(), second.state_dict().values(), strict=True)
    )


def test_a_second_argument_of_the_forward_pass_is_refused_in_a_sentence():
    with pytest.raises(SpecError, match=r"expected NeedsMore\.forward to take only images; it needs mask too"):
        build("NeedsMore")


def test_a_layer_that_the_forward_pass_does_not_use_is_said():
    assert "does not use extra.weight, extra.bias" in build("HasMore").notes[0]


def test_another_way_of_finding_cuts_gives_other_keys_to_models_that_are_cut_on_their_graph_alone():
    plain = ModelRef("", "foreign", {}, SHAPE, (), (), (), ())
    assert model_identity(dataclasses.replace(plain, traced=True))["cutting"] == CUTTING_VERSION
    assert "cutting" not in model_identity(plain)
    assert plan_model(FOREIGN, options("plain"), SHAPE, 5).traced
    assert not plan_model(MODELS["plain_cnn"], MODELS["plain_cnn"].options(), SHAPE, 5).traced


@pytest.mark.parametrize("function", ["LeNet", "ChannelsLast", "SizesAtTheStart", "Tied", "Sequence"])
def test_several_models_as_one_compute_what_each_computes(function):
    models = [place_model(seeded_build(FOREIGN, options(function), SHAPE, 5, seed), CPU) for seed in range(2)]
    images = torch.randn(3, *SHAPE).contiguous(memory_format=torch.channels_last)
    stack = Stack(models)
    stack.train(False)
    with torch.no_grad():
        for answers, model in zip(stack(images, shared=True), models, strict=True):
            torch.testing.assert_close(answers, model.eval()(images))
