"""The CNN of the layer-freezing study."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from layercut.checkpoints import load_foreign_weights
from layercut.errors import SpecError
from layercut.models.base import seeded_build
from layercut.models.measured import plan_model
from layercut.models.plain_cnn import PLAIN_CNN, PlainCnnOptions

SEED_WEIGHTS = "mp-tl-study/MNIST/pretrained_models/regular_classes.pth"


def test_a_pooling_belongs_to_the_block_of_the_convolution_before_it():
    model = seeded_build(PLAIN_CNN, PlainCnnOptions(depth=4, channels=8), (1, 28, 28), 5, seed=0)
    kinds = [[type(layer) for layer in block] for block in model.blocks]
    assert kinds == [[nn.Conv2d, nn.ReLU], [nn.Conv2d, nn.ReLU, nn.AvgPool2d]] * 2


def test_sizes_and_operations_are_those_worked_out_by_hand():
    plan = plan_model(PLAIN_CNN, PlainCnnOptions(), (1, 28, 28), 5)
    assert plan.feature_shapes == [
        (1, 28, 28), (64, 28, 28), (64, 14, 14), (64, 14, 14), (64, 7, 7), (64, 7, 7), (64, 3, 3)
    ]  # fmt: skip
    assert plan.block_flops[0] == 2 * 28 * 28 * 64 * 9
    assert plan.block_flops[1] == 2 * 28 * 28 * 64 * 64 * 9
    assert plan.head_flops[-1] == 2 * 576 * 5


def test_the_published_weights_give_the_outputs_of_the_published_architecture(samples):
    values = load_foreign_weights(samples / SEED_WEIGHTS)
    names = PLAIN_CNN.import_names(PlainCnnOptions(), list(values))
    model = seeded_build(PLAIN_CNN, PlainCnnOptions(), (1, 28, 28), 5, seed=0).eval()
    model.load_state_dict({names[name]: value for name, value in values.items()})
    by_hand: list[nn.Module] = []
    for index in range(6):
        conv = nn.Conv2d(1 if index == 0 else 64, 64, 3, padding=1)
        conv.load_state_dict({part: values[f"conv{index}.{part}"] for part in ("weight", "bias")})
        by_hand += [conv, nn.ReLU()] + ([nn.AvgPool2d(2, 2)] if index % 2 else [])
    head = nn.Linear(576, 5)
    head.load_state_dict({part: values[f"fc.{part}"] for part in ("weight", "bias")})
    images = torch.randn(4, 1, 28, 28)
    expected = nn.Sequential(*by_hand, nn.Flatten(), head)(images)
    torch.testing.assert_close(model(images), expected)


def test_two_dense_layers_are_read_as_hidden_and_out():
    names = PLAIN_CNN.import_names(PlainCnnOptions(hidden=128), ["conv0.bias", "fc.weight", "fc_2.weight"])
    assert names == {
        "conv0.bias": "blocks.conv0.conv.bias",
        "fc.weight": "head.hidden.weight",
        "fc_2.weight": "head.out.weight",
    }


def test_names_of_another_format_are_left_alone():
    assert PLAIN_CNN.import_names(PlainCnnOptions(), ["blocks.conv0.conv.weight"]) is None


def test_images_used_up_by_pooling_are_refused_before_anything_runs():
    with pytest.raises(SpecError, match=r"8 x 8 pixels have no pixels left after block 7 of 8"):
        seeded_build(PLAIN_CNN, PlainCnnOptions(depth=8), (1, 8, 8), 5, seed=0)
