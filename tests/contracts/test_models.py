"""What every registered model promises: each cut can be built, run and truncated, and its parts make the whole."""

from __future__ import annotations

import atexit
import tempfile
from pathlib import Path
from typing import NamedTuple

import pytest
import torch

from layercut.models import MODELS
from layercut.models.base import ModelFamily, seeded_build, seeded_head
from layercut.models.measured import plan_model, random_layers
from layercut.models.module import keep_module
from support import given_models


class Example(NamedTuple):
    """Options and images with which a registered model is tested."""

    options: dict[str, object]
    shape: tuple[int, int, int]
    name: str | None = None
    """Full name, where the registered one is only its beginning."""


FOLDER = tempfile.TemporaryDirectory(prefix="layercut-test-")
atexit.register(FOLDER.cleanup)
KEPT = keep_module(given_models.Net(), Path(FOLDER.name))

EXAMPLES = {
    "plain_cnn": [Example({}, (1, 28, 28)), Example({"depth": 3, "channels": 8, "hidden": 6}, (3, 12, 16))],
    "mlp": [Example({}, (1, 28, 28))],
    "block_cnn": [
        Example({"hidden_dims": [8, 16, 12, 10], "layers_per_block": [2, 1], "weight_init": "xavier"}, (3, 12, 16)),
        Example({"preset": "deep"}, (3, 32, 32)),
    ],
    "small_convnet": [Example({}, (1, 28, 28))],
    "foreign": [Example({"factory": "support.own_models:tiny_net", "options": {"width": 6}}, (3, 12, 12))],
    "module": [Example({"folder": KEPT.folder}, (3, 12, 12))],
    "torchvision": [
        Example({}, (3, 32, 32), "torchvision/resnet18"),
        Example({"cuts": ["features1", 7]}, (1, 32, 32), "torchvision/mobilenet_v3_small"),
        Example({}, (1, 32, 32), "torchvision/shufflenet_v2_x0_5"),
    ],
    "timm": [
        Example({}, (1, 32, 32), "timm/vit_tiny_patch16_224"),
        Example({"granularity": "stage"}, (3, 32, 32), "timm/convnext_atto"),
        Example({}, (3, 32, 32), "timm/mobilenetv3_small_050"),
    ],
}
"""One entry a registered name: a new family adds its own here."""

NAMES = [*MODELS.names(), *MODELS.collections()]
CASES = [(name, index) for name in NAMES for index in range(len(EXAMPLES.get(name, [None])))]


class Case(NamedTuple):
    """A family with checked options."""

    family: ModelFamily
    options: object
    shape: tuple[int, int, int]

    def build(self, seed):
        return seeded_build(self.family, self.options, self.shape, 5, seed)

    def plan(self):
        return plan_model(self.family, self.options, self.shape, 5)


@pytest.fixture(params=CASES, ids=lambda case: f"{case[0]}-{case[1]}")
def case(request):
    """Each registered family, with its example options."""
    name, index = request.param
    example = EXAMPLES[name][index]
    family = MODELS[example.name or name]
    return Case(family, family.options.model_validate(example.options), example.shape)


def test_trunk_then_tail_then_head_is_the_whole_model_to_the_last_bit(case):
    model = case.build(seed=0).eval()
    images = torch.randn(3, *case.shape)
    for cut in range(len(model.block_names) + 1):
        parts = model.head(model.blocks[cut:](model.trunk(cut)(images)))
        assert torch.equal(parts, model(images))


def test_the_same_seed_gives_the_same_values_and_leaves_the_global_generator_alone(case):
    before = torch.get_rng_state()
    first, second = (case.build(seed=1).state_dict() for _ in range(2))
    other = case.build(seed=2).state_dict()
    assert all(torch.equal(first[name], second[name]) for name in first)
    assert any(not torch.equal(first[name], other[name]) for name in first)
    assert torch.equal(torch.get_rng_state(), before)


def test_every_cut_takes_a_new_head_of_the_right_width(case):
    plan, model = case.plan(), case.build(seed=0)
    for cut, shape in enumerate(plan.feature_shapes):
        features = model.trunk(cut)(torch.randn(2, *case.shape))
        assert tuple(features.shape[1:]) == shape
        assert seeded_head(case.family, case.options, shape, 5, seed=0)(features).shape == (2, 5)


def test_the_head_of_the_last_cut_is_the_head_of_the_whole_model(case):
    model, shape = case.build(seed=0), case.plan().feature_shapes[-1]
    new = seeded_head(case.family, case.options, shape, 5, seed=0)
    assert {name: value.shape for name, value in new.state_dict().items()} == {
        name: value.shape for name, value in model.head.state_dict().items()
    }


def test_the_classifier_of_a_head_is_called_out(case):
    head = case.build(seed=0).head
    assert head.get_submodule("out").weight.shape[0] == 5


def test_planning_counts_operations_without_computing(case):
    plan = case.plan()
    assert len(plan.block_flops) == len(plan.block_names) == len(plan.feature_shapes) - 1
    assert all(flops > 0 for flops in plan.block_flops + plan.head_flops)


def test_what_draws_at_random_in_training_is_known_to_the_plan(case):
    plan, model = case.plan(), case.build(seed=0)
    assert plan.random_head == bool(random_layers(model.head))
    for name, block in model.blocks.named_children():
        assert (name in plan.random_blocks) == bool(random_layers(block))


def test_a_frozen_trunk_in_eval_mode_changes_neither_values_nor_statistics(case):
    trunk = case.build(seed=0).blocks.eval().requires_grad_(False)
    before = {name: value.clone() for name, value in trunk.state_dict().items()}
    trunk(torch.randn(2, *case.shape))
    assert all(torch.equal(before[name], value) for name, value in trunk.state_dict().items())


def test_what_is_before_an_activation_is_what_the_last_activation_of_its_block_sees(case):
    model = case.build(seed=0).eval()
    for block, path in model.before_activation.items():
        seen, given = [], []
        layers = [layer for name, layer in model.blocks.get_submodule(block).named_children() if "activation" in name]
        layers[-1].register_forward_pre_hook(lambda _, args, seen=seen: seen.append(args[0].clone()))
        model.get_submodule(path).register_forward_hook(lambda *args, given=given: given.append(args[2].clone()))
        model(torch.randn(2, *case.shape))
        assert torch.equal(seen[0], given[0])


def test_every_tap_names_a_module_and_the_last_one_is_the_whole_model(case):
    model = case.build(seed=0)
    modules = [model.get_submodule(path) for path in model.taps.values()]
    assert modules[-1] is model
    assert len(modules) > len(model.block_names)
