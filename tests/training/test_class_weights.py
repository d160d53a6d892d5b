"""Class weights: those of scikit-learn, each training's own, in the loss as worked out by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from sklearn.utils.class_weight import compute_class_weight
from torch import nn

from layercut.training.batches import Examples
from layercut.training.class_weights import image_weights, training_loss
from layercut.training.folds import Fold, train_folds
from layercut.training.loop import train
from layercut.training.rounds import Rounds
from support.training_cases import Vectors, linear, schedule

UNEQUAL = torch.tensor([0, 0, 0, 1, 2, 0, 2, 0, 0, 0])


def unequal(num: int, every: int) -> Examples:
    """Return noisy examples of which one in `every` is of the second class."""
    labels = (torch.arange(num) % every == 0).long()
    noise = torch.randn(num, 3, generator=torch.Generator().manual_seed(7))
    return Examples(Vectors(noise + 0.8 * labels[:, None]), labels)


def test_balanced_weights_are_those_of_scikit_learn():
    expected = compute_class_weight("balanced", classes=np.arange(3), y=UNEQUAL.numpy())
    assert image_weights(UNEQUAL, "balanced").numpy() == pytest.approx(expected[UNEQUAL.numpy()], rel=1e-12)


def test_a_class_without_images_takes_no_share():
    without = UNEQUAL[UNEQUAL != 1]
    expected = dict(
        zip((0, 2), compute_class_weight("balanced", classes=np.array([0, 2]), y=without.numpy()), strict=True)
    )
    assert image_weights(without, "balanced").tolist() == pytest.approx([expected[label] for label in without.tolist()])


@pytest.mark.parametrize("rule", ["balanced", (1.0, 5.0, 0.5), (100.0, 500.0, 50.0)])
def test_weights_of_the_images_of_one_training_have_mean_1(rule):
    assert image_weights(UNEQUAL, rule).mean().item() == pytest.approx(1, abs=1e-12)


def test_only_the_ratios_of_given_weights_count():
    ours, scaled = image_weights(UNEQUAL, (1.0, 5.0, 0.5)), image_weights(UNEQUAL, (100.0, 500.0, 50.0))
    assert torch.allclose(ours, scaled)
    assert ours[3] / ours[0] == pytest.approx(5)


def test_each_member_has_the_weights_of_its_own_images():
    other = UNEQUAL.flip(0) % 2
    both = image_weights(torch.stack([UNEQUAL, other]), "balanced")
    assert torch.equal(both[0], image_weights(UNEQUAL, "balanced"))
    assert torch.equal(both[1], image_weights(other, "balanced"))


def test_the_loss_of_two_images_by_hand():
    """Logits 0 and log 3 give chances 1/4 and 3/4; weights 1.5 and 0.5 of an image of each class."""
    logits = torch.tensor([[0.0, math.log(3)], [0.0, math.log(3)]])
    loss = training_loss(logits, torch.tensor([0, 1]), 0.0, torch.tensor([1.5, 0.5]))
    assert loss.item() == pytest.approx((1.5 * math.log(4) + 0.5 * math.log(4 / 3)) / 2)


def test_a_smoothed_label_counts_by_its_own_class():
    logits, labels, weights = torch.randn(4, 3), torch.tensor([0, 1, 2, 2]), torch.tensor([1.0, 2.0, 0.5, 0.5])
    each = nn.functional.cross_entropy(logits, labels, reduction="none", label_smoothing=0.2)
    assert torch.allclose(training_loss(logits, labels, 0.2, weights), (each * weights).mean())


@pytest.mark.parametrize("rule", ["balanced", (1.0, 9.0)])
def test_a_training_reports_the_weighted_loss_and_validation_counts_all_images_alike(rule):
    examples, model = unequal(41, 8), linear()
    logits = model(examples.inputs.values)
    losses = nn.functional.cross_entropy(logits, examples.labels, reduction="none")
    rules = schedule(epochs=1, lr=1e-12, class_weights=rule)
    (point,) = train(linear(), examples, examples, rules, order_seed=0).curve
    weights = image_weights(examples.labels, rule)
    assert point.train_loss == pytest.approx((losses * weights).mean().item(), rel=1e-5)
    assert point.validation_loss == pytest.approx(losses.mean().item(), rel=1e-5)
    assert point.train_loss != pytest.approx(point.validation_loss, rel=1e-2)


def test_one_step_on_the_whole_sample_is_one_of_torchs_weighted_cross_entropy():
    examples, model = unequal(40, 8), linear()
    rules = schedule(optimizer="sgd", lr=0.1, epochs=1, batch_size=40, class_weights="balanced")
    train(model, examples, None, rules, order_seed=0)
    other = linear()
    by_class = torch.tensor(compute_class_weight("balanced", classes=np.arange(2), y=examples.labels.numpy()))
    nn.functional.cross_entropy(other(examples.inputs.values), examples.labels, weight=by_class.float()).backward()
    assert torch.allclose(model.weight, other.weight - 0.1 * other.weight.grad, atol=1e-6)


def test_each_fold_has_the_weights_of_its_own_training_images():
    examples = unequal(42, 7)
    cuts = [(list(range(14, 42)), list(range(14))), (list(range(28)), list(range(28, 42)))]
    rules = schedule(epochs=2, lr=0.1, class_weights="balanced")

    def some(positions: list[int]) -> Examples:
        return Examples(Vectors(examples.inputs.values[positions]), examples.labels[positions])

    examples.labels[28:] = 0  # the folds' samples differ in their classes
    result = train_folds([Fold(linear(), some(on), some(out)) for on, out in cuts], rules, Rounds(2), order_seed=3)
    alone = [train(linear(), some(on), None, rules, order_seed=3).curve for on, _ in cuts]
    for number, point in enumerate(result.curve):
        assert point.train_loss == pytest.approx(sum(curve[number].train_loss for curve in alone) / 2, rel=1e-6)
    assert (
        image_weights(some(cuts[0][0]).labels, "balanced")[0] != image_weights(some(cuts[1][0]).labels, "balanced")[0]
    )
