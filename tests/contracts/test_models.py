"""What every registered model promises: each cut can be built, run and truncated, and its parts make the whole."""

from __future__ import annotations

import pytest
import torch

from layercut.models import MODELS
from layercut.models.base import plan_model, seeded_build, seeded_head

SHAPE = (1, 28, 28)


@pytest.fixture(params=MODELS.names())
def family(request):
    """Each registered family, with its default options."""
    return MODELS[request.param]


def test_trunk_then_tail_then_head_is_the_whole_model_to_the_last_bit(family):
    model = seeded_build(family, family.options(), SHAPE, 5, seed=0).eval()
    images = torch.randn(3, *SHAPE)
    for cut in range(len(model.block_names) + 1):
        parts = model.head(model.blocks[cut:](model.trunk(cut)(images)))
        assert torch.equal(parts, model(images))


def test_the_same_seed_gives_the_same_values_and_leaves_the_global_generator_alone(family):
    before = torch.get_rng_state()
    first, second = (seeded_build(family, family.options(), SHAPE, 5, seed=1).state_dict() for _ in range(2))
    other = seeded_build(family, family.options(), SHAPE, 5, seed=2).state_dict()
    assert all(torch.equal(first[name], second[name]) for name in first)
    assert any(not torch.equal(first[name], other[name]) for name in first)
    assert torch.equal(torch.get_rng_state(), before)


def test_every_cut_takes_a_new_head_of_the_right_width(family):
    plan = plan_model(family, family.options(), SHAPE, 5)
    model = seeded_build(family, family.options(), SHAPE, 5, seed=0)
    for cut, shape in enumerate(plan.feature_shapes):
        features = model.trunk(cut)(torch.randn(2, *SHAPE))
        assert tuple(features.shape[1:]) == shape
        assert seeded_head(family, family.options(), shape, 5, seed=0)(features).shape == (2, 5)


def test_the_head_of_the_last_cut_is_the_head_of_the_whole_model(family):
    model = seeded_build(family, family.options(), SHAPE, 5, seed=0)
    shape = plan_model(family, family.options(), SHAPE, 5).feature_shapes[-1]
    new = seeded_head(family, family.options(), shape, 5, seed=0)
    assert {name: value.shape for name, value in new.state_dict().items()} == {
        name: value.shape for name, value in model.head.state_dict().items()
    }


def test_planning_counts_operations_without_computing(family):
    plan = plan_model(family, family.options(), SHAPE, 5)
    assert len(plan.block_flops) == len(plan.block_names) == len(plan.feature_shapes) - 1
    assert all(flops > 0 for flops in plan.block_flops + plan.head_flops)


def test_every_tap_names_a_module_and_the_last_one_is_the_whole_model(family):
    model = seeded_build(family, family.options(), SHAPE, 5, seed=0)
    modules = [model.get_submodule(path) for path in model.taps.values()]
    assert modules[-1] is model
    assert len(modules) > len(model.block_names)
