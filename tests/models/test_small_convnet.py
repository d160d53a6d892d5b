"""The CNN of the transferability study."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from layercut.errors import SpecError
from layercut.models.base import seeded_build
from layercut.models.measured import plan_model
from layercut.models.small_convnet import SMALL_CONVNET, SmallConvnetOptions

SHAPE = (1, 28, 28)


def test_layers_and_sizes_are_the_published_ones():
    model = seeded_build(SMALL_CONVNET, SmallConvnetOptions(), SHAPE, 10, seed=0)
    assert model.block_names == ["conv1", "conv2", "dense1"]
    dense = [layer for layer in model.modules() if isinstance(layer, nn.Linear)]
    assert [(layer.in_features, layer.out_features) for layer in dense] == [(1600, 128), (128, 10)]
    assert sum(parameter.numel() for parameter in model.parameters()) == 320 + 18_496 + 204_928 + 1_290


def test_it_computes_what_the_same_layers_in_a_row_compute():
    model = seeded_build(SMALL_CONVNET, SmallConvnetOptions(), SHAPE, 10, seed=0)
    layers = [nn.Conv2d(1, 32, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(32, 64, 3), nn.ReLU(), nn.MaxPool2d(2)]
    layers += [nn.Dropout2d(0.25), nn.Flatten(), nn.Linear(1600, 128), nn.ReLU(), nn.Dropout(0.5), nn.Linear(128, 10)]
    whole = nn.Sequential(*layers)
    whole.load_state_dict(dict(zip(whole.state_dict(), model.state_dict().values(), strict=True)))
    images = torch.randn(4, *SHAPE)
    for training in (False, True):
        torch.manual_seed(0)
        expected = whole.train(training)(images)
        torch.manual_seed(0)
        assert torch.equal(model.train(training)(images), expected)


def test_dropout_between_blocks_belongs_to_the_block_after_it():
    plan = plan_model(SMALL_CONVNET, SmallConvnetOptions(), SHAPE, 10)
    assert plan.random_blocks == ["dense1"]
    assert plan.random_head


def test_taps_are_those_of_the_study():
    model = seeded_build(SMALL_CONVNET, SmallConvnetOptions(), SHAPE, 10, seed=0)
    assert list(model.taps) == ["conv1", "pool1", "conv2", "pool2", "fc1", "output"]


def test_images_used_up_by_pooling_are_refused_before_anything_runs():
    with pytest.raises(SpecError, match="no pixels left after conv2"):
        seeded_build(SMALL_CONVNET, SmallConvnetOptions(), (1, 8, 8), 10, seed=0)
