"""Stages of library models, and blocks that are not cut inside because their siblings are not."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from layercut.models import MODELS
from layercut.models.base import seeded_build
from layercut.models.measured import plan_model
from layercut.models.siblings import without_siblings
from layercut.models.stages import group_ends, parts_of, stage_ends, stages_by_size

RGB = (3, 64, 64)


def planned(name, shape=RGB, **options):
    family = MODELS[name]
    return plan_model(family, family.options(**options), shape, 5)


@pytest.mark.parametrize(
    ("name", "stages"),
    [
        ("torchvision/resnet18", {"stem": 1, "layer1": 3, "layer2": 5, "layer3": 7, "layer4": 9}),
        ("timm/resnet18", {"stem": 1, "layer1": 3, "layer2": 5, "layer3": 7, "layer4": 9}),
        ("timm/convnext_atto", {"stem": 1, "stage0": 3, "stage1": 5, "stage2": 11, "stage3": 13}),
        ("timm/efficientnet_lite0", {"blocks_0": 2, "blocks_1": 4, "blocks_2": 6, "blocks_4": 12, "blocks_6": 17}),
        ("timm/mobilenetv3_small_050", {"bn1": 1, "blocks_0": 2, "blocks_1": 4, "blocks_3": 9, "blocks_5": 13}),
    ],
)
def test_stages_are_those_of_the_library(name, stages):
    assert planned(name).stages == stages


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "cuts"),
    [
        ("torchvision/vgg11", [1, 2, 3, 4, 5, 6, 7]),
        ("torchvision/efficientnet_b0", [1, 2, 4, 6, 9, 12, 16, 17, 18]),
        ("torchvision/mobilenet_v2", [2, 4, 7, 14, 19]),
        ("torchvision/swin_t", [1, 3, 5, 11, 13]),
        ("torchvision/regnet_x_400mf", [1, 2, 4, 11, 23]),
        ("torchvision/densenet121", [1, 3, 5, 7, 8]),
        ("timm/regnety_002", [1, 2, 3, 7, 14]),
    ],
)
def test_stages_of_other_architectures(name, cuts):
    assert list(planned(name).stages.values()) == cuts


def test_blocks_of_a_transformer_are_in_at_most_eight_groups():
    assert list(planned("timm/vit_tiny_patch16_224").stages.values()) == [3, 5, 7, 9, 11, 13]
    assert [len(list(group_ends(number))) for number in (1, 6, 8, 9, 12, 13, 24, 32, 40)] == [1, 6, 8, 8, 6, 8, 8, 8, 8]


@pytest.mark.parametrize("options", [{"granularity": "stage"}, {"cuts": ["layer1_1", "layer3_1"]}])
def test_where_the_model_options_say_where_to_cut_every_block_is_a_stage(options):
    assert planned("torchvision/resnet18", **options).stages == {}


def test_models_of_ours_have_no_stages_beside_their_blocks():
    assert planned("plain_cnn", (1, 28, 28)).stages == {}


def test_by_size_a_stage_ends_before_the_next_size():
    shapes = [(8, 16, 16), (8, 16, 16), (16, 8, 8), (16, 8, 8), (32,)]
    assert stages_by_size(list("abcde"), shapes) == {"b": "b", "d": "d", "e": "e"}


def test_a_stage_whose_last_block_has_weights_of_the_next_one_ends_at_no_cut():
    one, two, three = nn.Linear(2, 2), nn.Linear(2, 2), nn.Linear(2, 2)
    blocks = {"a": nn.Sequential(one, two), "b": three}
    stages = {"first": parts_of(one), "second": parts_of(two), "third": parts_of(three)}
    assert stage_ends(blocks, stages) == {"second": "a", "third": "b"}


def test_a_norm_of_the_next_stage_may_be_part_of_the_last_block():
    one, norm, two = nn.Linear(2, 2), nn.BatchNorm1d(2), nn.Linear(2, 2)
    stages = {"first": parts_of(one), "second": parts_of(nn.Sequential(norm, two))}
    assert stage_ends({"a": nn.Sequential(one, norm), "b": two}, stages) == {"first": "a", "second": "b"}


def test_a_block_is_not_cut_inside_where_its_residual_siblings_cannot_be():
    names = planned("timm/efficientnet_lite0").block_names
    assert names[:5] == ["conv_stem", "blocks_0_0", "blocks_1_0", "blocks_1_1", "blocks_2_0"]
    assert len(names) == 18


class Plain(nn.Module):
    """Two convolutions in a row; with a residual connection where asked."""

    def __init__(self, residual):
        super().__init__()
        self.first, self.second, self.residual = nn.Conv2d(4, 4, 1), nn.Conv2d(4, 4, 1), residual

    def forward(self, features):
        after = self.second(self.first(features))
        return features + after if self.residual else after


def names_of_layers(model):
    weights = [name for name, layer in model.named_modules() if isinstance(layer, nn.Conv2d)]
    return dict(enumerate(weights))


def test_siblings_that_can_all_be_cut_inside_are_cut_inside():
    model = nn.Sequential(Plain(False), Plain(False))
    assert without_siblings(model, names_of_layers(model), [0, 1, 2]) == [0, 1, 2]


def test_one_residual_sibling_keeps_the_others_whole():
    model = nn.Sequential(Plain(False), Plain(True))
    assert without_siblings(model, names_of_layers(model), [0, 1]) == [1]


def test_a_stage_of_one_residual_block_does_not_keep_longer_stages_whole():
    class Stage(nn.Module):
        def __init__(self, number):
            super().__init__()
            for index in range(number):
                self.add_module(f"b{index}", Plain(True))

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.s1, self.s2 = Stage(1), Stage(3)

    model = Net()
    assert without_siblings(model, names_of_layers(model), [1, 3, 5]) == [1, 3, 5]


def test_blocks_made_whole_compute_what_the_library_computes():
    family = MODELS["timm/efficientnet_lite0"]
    model = seeded_build(family, family.options(), (3, 32, 32), 5, seed=0).eval()
    from layercut.models.zoo.family import open_library

    with torch.random.fork_rng():
        torch.manual_seed(0)
        whole = open_library("timm").create("efficientnet_lite0", (3, 32, 32), 5).eval()
    images = torch.randn(2, 3, 32, 32, generator=torch.Generator().manual_seed(1))
    assert torch.equal(model(images), whole(images))
