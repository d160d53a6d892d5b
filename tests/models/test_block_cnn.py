"""The CNN of blocks with several convolutions each."""

from __future__ import annotations

import pytest
import torch
from pydantic import ValidationError
from torch import nn

from layercut.errors import SpecError
from layercut.models.base import seeded_build
from layercut.models.block_cnn import BLOCK_CNN, NORMAL_STD, BlockCnnOptions
from layercut.models.measured import plan_model

SHAPE = (3, 32, 32)


def kinds(block):
    return [type(layer) for layer in block]


@pytest.mark.parametrize(
    ("preset", "shapes"),
    [
        ("shallow", [(32, 16, 16), (128, 8, 8), (256, 4, 4), (512, 4, 4)]),
        ("deep", [(32, 16, 16), (128, 8, 8), (256, 4, 4), (512, 2, 2), (512, 1, 1), (512, 1, 1)]),
    ],
)
def test_presets_have_the_published_widths_and_no_pooling_nor_norm_in_the_last_block(preset, shapes):
    options = BlockCnnOptions(preset=preset)
    model = seeded_build(BLOCK_CNN, options, SHAPE, 10, seed=0)
    assert plan_model(BLOCK_CNN, options, SHAPE, 10).feature_shapes == [SHAPE, *shapes]
    assert kinds(model.blocks[0]) == [nn.Conv2d, nn.BatchNorm2d, nn.ReLU, nn.MaxPool2d]
    assert kinds(model.blocks[-1]) == [nn.Conv2d, nn.ReLU]
    dense = [layer for layer in model.head.modules() if isinstance(layer, nn.Linear)]
    assert [layer.out_features for layer in dense] == [512, 128, 10]
    assert sum(isinstance(layer, nn.Dropout) for layer in model.head.modules()) == 2


def test_a_block_may_have_several_convolutions_each_with_its_own_norm():
    options = BlockCnnOptions(
        hidden_dims=[8, 16, 12, 10], layers_per_block=[2, 1], apply_bn=[True, False], activation="gelu"
    )
    model = seeded_build(BLOCK_CNN, options, SHAPE, 10, seed=0)
    assert kinds(model.blocks[0]) == [nn.Conv2d, nn.BatchNorm2d, nn.GELU] * 2 + [nn.MaxPool2d]
    assert kinds(model.blocks[1]) == [nn.Conv2d, nn.GELU]


def test_a_list_of_another_length_than_there_are_blocks_is_refused():
    with pytest.raises(ValidationError, match="apply_pooling: hidden_dims names 4 blocks and 2 dense layers; got 3"):
        BlockCnnOptions(apply_pooling=[True, True, False])


def test_images_used_up_by_pooling_are_refused_before_anything_runs():
    with pytest.raises(SpecError, match=r"8 x 8 pixels have no pixels left after block 3 of 6"):
        seeded_build(BLOCK_CNN, BlockCnnOptions(preset="deep"), (3, 8, 8), 10, seed=0)


@pytest.mark.parametrize(
    ("weight_init", "expected"),
    [
        ("xavier", (2 / (9 * (128 + 256))) ** 0.5),
        ("kaiming", (2 / (9 * 128)) ** 0.5),
        ("normal", NORMAL_STD),
        ("default", (1 / (3 * 9 * 128)) ** 0.5),
    ],
)
def test_initial_weights_have_the_spread_of_their_name(weight_init, expected):
    model = seeded_build(BLOCK_CNN, BlockCnnOptions(weight_init=weight_init), SHAPE, 10, seed=0)
    assert model.blocks[2].conv0.weight.std().item() == pytest.approx(expected, rel=0.02)
    assert bool(model.blocks[3].conv0.bias.any()) == (weight_init == "default")


def test_a_convolution_has_a_bias_only_where_no_norm_takes_it_away():
    model = seeded_build(BLOCK_CNN, BlockCnnOptions(), SHAPE, 10, seed=0)
    assert [block.conv0.bias is not None for block in model.blocks] == [False, False, False, True]


def test_running_statistics_move_in_training_mode_only():
    model = seeded_build(BLOCK_CNN, BlockCnnOptions(), SHAPE, 10, seed=0)
    norm = model.blocks[0].norm0
    before = norm.running_mean.clone()
    model.eval()(torch.randn(4, *SHAPE))
    assert torch.equal(norm.running_mean, before)
    model.train()(torch.randn(4, *SHAPE))
    assert not torch.equal(norm.running_mean, before)
