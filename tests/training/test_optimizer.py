"""Optimizers, groups of parameters and clipping, against torch's plain implementations."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from layercut.training.config import TrainingConfig
from layercut.training.handling import Handling
from layercut.training.optimizer import build_optimizer, clip_member_gradients

ORACLES = {
    "adam": lambda parameters: torch.optim.Adam(parameters, lr=0.1, weight_decay=0.01),
    "adamw": lambda parameters: torch.optim.AdamW(parameters, lr=0.1, weight_decay=0.01),
    "sgd": lambda parameters: torch.optim.SGD(parameters, lr=0.1, momentum=0.9, weight_decay=0.01, nesterov=True),
}


def schedule(name="sgd", **changes):
    momentum = {"momentum": 0.9, "nesterov": True} if name == "sgd" else {}
    return TrainingConfig(name, 0.1, 0.01, 5, None, 4, **momentum, **changes)


def model(seed=0):
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 2))


def step(net, optimizer, number):
    inputs = torch.randn(5, 3, generator=torch.Generator().manual_seed(number))
    optimizer.zero_grad()
    net(inputs).square().sum().backward()
    optimizer.step()


@pytest.mark.parametrize("name", ORACLES)
def test_each_optimizer_is_torchs(name):
    ours, theirs = model(), model()
    optimizer, oracle = build_optimizer(ours.named_parameters(), schedule(name)), ORACLES[name](theirs.parameters())
    for number in range(4):
        step(ours, optimizer, number)
        step(theirs, oracle, number)
    for one, other in zip(ours.parameters(), theirs.parameters(), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-5, atol=1e-7)


def test_an_unknown_optimizer_is_refused():
    with pytest.raises(ValueError, match="got 'lion'"):
        build_optimizer(model().named_parameters(), schedule("lion"))


def test_what_was_kept_learns_at_the_scaled_rate_and_the_rest_at_the_plain_one():
    net, plain = model(), model()
    kept = Handling({"0.weight": 0.25, "0.bias": 0.25})
    optimizer = build_optimizer(net.named_parameters(), TrainingConfig("sgd", 0.1, 0.0, 5, None, 4), kept)
    assert [group["lr"] for group in optimizer.param_groups] == [0.1, 0.025]
    before = [value.detach().clone() for value in net.parameters()]
    step(net, optimizer, 0)
    step(plain, build_optimizer(plain.named_parameters(), TrainingConfig("sgd", 0.1, 0.0, 5, None, 4)), 0)
    moved = [
        (ours - start) / (theirs - start)
        for ours, theirs, start in zip(net.parameters(), plain.parameters(), before, strict=True)
    ]
    for share, expected in zip(moved, (0.25, 0.25, 1.0, 1.0), strict=True):
        torch.testing.assert_close(share, torch.full_like(share, expected), rtol=1e-3, atol=1e-4)


def test_a_scale_of_one_is_one_group_in_the_models_order():
    net = model()
    (group,) = build_optimizer(net.named_parameters(), schedule(), Handling({"0.weight": 1.0})).param_groups
    assert all(one is other for one, other in zip(group["params"], net.parameters(), strict=True))


@pytest.mark.parametrize("members", [None, 3])
def test_what_is_pulled_has_the_gradient_of_the_penalty_added_after_the_first_step_too(members):
    """By hand: w1 = w0 - lr g; w2 = w1 - lr (g + pull (w1 - w0)); and a stack is pulled member by member."""
    start = torch.tensor([1.0, -2.0]) if members is None else torch.randn(members, 2)
    weight = start.clone().requires_grad_()
    free = start.clone().requires_grad_()
    gradient = torch.tensor([0.5, 1.0]).expand_as(start)
    handling = Handling(pulled={"weight"}, pull=0.3)
    optimizer = build_optimizer(
        [("weight", weight), ("free", free)], TrainingConfig("sgd", 0.1, 0.0, 5, None, 4), handling
    )
    for _ in range(2):
        weight.grad, free.grad = gradient.clone(), gradient.clone()
        optimizer.step()
    first = start - 0.1 * gradient
    torch.testing.assert_close(weight.detach(), first - 0.1 * (gradient + 0.3 * (first - start)))
    torch.testing.assert_close(free.detach(), start - 0.2 * gradient)


def test_a_stack_is_clipped_member_by_member_as_each_would_be_alone():
    shapes = [(4, 3), (4,), (2, 4, 3, 3)]
    generator = torch.Generator().manual_seed(0)
    members = 3
    scale = torch.tensor([0.01, 1.0, 100.0])
    stacked = [torch.zeros(members, *shape, requires_grad=True) for shape in shapes]
    for parameter in stacked:
        noise = torch.randn(parameter.shape, generator=generator)
        parameter.grad = noise * scale.view(-1, *[1] * (noise.dim() - 1))
    alone = [[nn.Parameter(parameter[member].detach()) for parameter in stacked] for member in range(members)]
    for member, parameters in enumerate(alone):
        for parameter, together in zip(parameters, stacked, strict=True):
            parameter.grad = together.grad[member].clone()
        torch.nn.utils.clip_grad_norm_(parameters, 1.0)
    clip_member_gradients(stacked, 1.0)
    for member, parameters in enumerate(alone):
        for parameter, together in zip(parameters, stacked, strict=True):
            torch.testing.assert_close(together.grad[member], parameter.grad, rtol=1e-5, atol=1e-7)


def test_a_member_with_infinite_gradients_leaves_the_others_alone():
    parameter = torch.zeros(2, 3, requires_grad=True)
    parameter.grad = torch.tensor([[float("inf"), 1.0, 1.0], [0.1, 0.1, 0.1]])
    clip_member_gradients([parameter], 1.0)
    assert torch.equal(parameter.grad[1], torch.full((3,), 0.1))
