"""Heads solved in place: the strength that held-out images choose, and an ordinary model afterwards."""

from __future__ import annotations

import math

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from layercut.models.base import CuttableModel, DenseHead
from layercut.training.axes import turn
from layercut.training.batches import Examples
from layercut.training.class_weights import image_weights
from layercut.training.logistic import Problem, UnsolvedError
from layercut.training.solved import (
    DEFAULT_STRENGTH,
    PATIENCE,
    STRENGTHS,
    HeadProblem,
    HeldOut,
    choose_strength,
    head_inputs,
    solve_head,
)
from support.training_cases import Vectors


def noisy(num=60, num_features=8, seed=1):
    generator = torch.Generator().manual_seed(seed)
    labels = torch.arange(num) % 3
    return torch.randn(num, num_features, generator=generator) + 0.7 * F.one_hot(labels, num_features), labels


def folds(num, number=3):
    rows = torch.arange(num)
    return tuple(HeldOut(rows[rows // 3 % number != fold], rows[rows // 3 % number == fold]) for fold in range(number))


def pooled(features, labels, splits, strength):
    """Log loss and right answers of all held-out images, each solved from nothing."""
    loss = right = 0
    for split in splits:
        turned = turn(features, split.seen)
        logits = Problem(turned, split.seen, labels[split.seen], 3).solve(strength).logits(turned.coordinates)
        loss += F.cross_entropy(logits[split.unseen], labels[split.unseen], reduction="sum").item()
        right += (logits[split.unseen].argmax(1) == labels[split.unseen]).sum().item()
    num = sum(len(split.unseen) for split in splits)
    return loss / num, right / num


def model(bias=True, num_features=8, seed=0):
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        whole = CuttableModel(
            {"block": nn.Linear(num_features, num_features)}, DenseHead(num_features, 3, None, nn.ReLU)
        )
        if not bias:
            whole.head.out = nn.Linear(num_features, 3, bias=False)
    return whole


def test_the_strength_has_the_lowest_log_loss_over_all_folds():
    features, labels = noisy()
    splits = folds(60)
    losses = {strength: pooled(features, labels, splits, strength) for strength in STRENGTHS}
    expected = min(losses, key=lambda strength: losses[strength][0])
    chosen = choose_strength(features, labels, splits, 3)
    assert chosen.value == expected
    assert STRENGTHS[0] > expected > STRENGTHS[-1]
    assert chosen.loss == pytest.approx(losses[expected][0], abs=1e-5)  # `ROUGH`
    assert chosen.held_out is not None
    assert chosen.held_out.scores().accuracy == pytest.approx(losses[expected][1])
    assert chosen.num_looks == 60 * (STRENGTHS.index(expected) + 1 + PATIENCE)


def test_without_images_to_choose_by_the_default_is_taken_and_nothing_is_claimed():
    features, labels = noisy()
    chosen = choose_strength(features, labels, (), 3)
    assert (chosen.value, chosen.loss, chosen.held_out, chosen.num_looks) == (DEFAULT_STRENGTH, None, None, 0)


@pytest.mark.parametrize("bias", [True, False])
def test_the_head_of_an_ordinary_model_does_what_was_solved(bias):
    images, labels = noisy()
    whole = model(bias)
    examples = Examples(Vectors(10 * images + 100), labels, chunk=16)
    features = head_inputs(whole, examples)
    solve_head(whole, features, labels, 1e-2)
    everything = torch.arange(60)
    turned = turn(features, everything, centred=bias)
    expected = Problem(turned, everything, labels, 3, bias).solve(1e-2).logits(turned.coordinates)
    assert torch.allclose(whole(10 * images + 100).double(), expected, atol=1e-3)


def test_what_a_head_sees_is_what_lies_before_its_last_layer_in_evaluation():
    whole = model()
    whole.head = nn.Sequential()
    whole.head.drop, whole.head.out = nn.Dropout(0.5), nn.Linear(8, 3)
    images, labels = noisy()
    features = head_inputs(whole, Examples(Vectors(images), labels, chunk=7))
    assert torch.allclose(features, whole.blocks(images), atol=1e-6)
    assert not whole.head.out._forward_pre_hooks


def test_a_head_of_one_fold_has_seen_that_folds_images_only():
    features, labels = noisy()
    splits = folds(60)
    problem = HeadProblem(features, labels, 60, splits, choose_strength(features, labels, splits, 3))
    whole, other = model(), model()
    problem.solve(whole, 1)
    alone = features[splits[1].seen]
    solve_head(other, alone, labels[splits[1].seen], problem.strength.value)
    assert torch.allclose(whole.head.out.weight, other.head.out.weight, atol=1e-6)


def test_class_weights_are_of_the_images_that_a_head_is_solved_on_and_held_out_ones_count_alike():
    features, labels = noisy()
    labels[labels == 1] *= torch.arange(20) % 4 == 0  # unequal classes
    splits = folds(60)
    chosen = choose_strength(features, labels, splits, 3, class_weights="balanced")
    loss = 0.0
    for split in splits:
        turned, seen = turn(features, split.seen), labels[split.seen]
        weighted = Problem(turned, split.seen, seen, 3, weights=image_weights(seen, "balanced"))
        logits = weighted.solve(chosen.value).logits(turned.coordinates)[split.unseen]
        loss += F.cross_entropy(logits, labels[split.unseen], reduction="sum").item()
    assert chosen.loss == pytest.approx(loss / 60, abs=1e-6)
    assert chosen.loss != pytest.approx(pooled(features, labels, splits, chosen.value)[0], abs=1e-3)


def test_a_head_of_one_fold_has_class_weights_of_that_folds_images():
    features, labels = noisy()
    labels[labels == 1] *= torch.arange(20) % 4 == 0
    splits = folds(60)
    problem = HeadProblem(features, labels, 60, splits, choose_strength(features, labels, splits, 3), "balanced")
    whole, other = model(), model()
    problem.solve(whole, 1)
    seen = splits[1].seen
    solve_head(other, features[seen], labels[seen], problem.strength.value, class_weights="balanced")
    assert torch.allclose(whole.head.out.weight, other.head.out.weight, atol=1e-6)
    solve_head(other, features[seen], labels[seen], problem.strength.value)
    assert not torch.allclose(whole.head.out.weight, other.head.out.weight, atol=1e-2)


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_features_that_are_no_numbers_are_refused_in_words(value):
    features, labels = noisy()
    features[3, 2] = value
    with pytest.raises(UnsolvedError, match="infinite or NaN"):
        choose_strength(features, labels, folds(60), 3)
    with pytest.raises(UnsolvedError, match="infinite or NaN"):
        solve_head(model(), features, labels, 1.0)


def test_a_head_that_does_not_end_in_a_dense_layer_is_refused_in_words():
    whole = model()
    whole.head = nn.Conv2d(1, 1, 1)
    with pytest.raises(TypeError, match="dense layer `out`"):
        head_inputs(whole, Examples(Vectors(noisy()[0]), noisy()[1]))
