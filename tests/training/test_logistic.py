"""The solver of heads: scikit-learn's minimum, a case by hand, and the same solution on either kind of axes."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression

from layercut.training import axes
from layercut.training.axes import turn
from layercut.training.class_weights import image_weights
from layercut.training.logistic import Problem, UnsolvedError


def problem(num_images, num_features, num_classes, seed=0):
    """Features far from 0 with unequal spreads, and labels that some of them tell."""
    generator = torch.Generator().manual_seed(seed)
    labels = torch.arange(num_images) % num_classes
    centres = torch.randn(num_classes, num_features, generator=generator)
    features = torch.randn(num_images, num_features, generator=generator) + 0.5 * centres[labels]
    return features * (0.1 + torch.rand(num_features, generator=generator)) + 3, labels


def solved_logits(features, labels, strength, centred=True):
    everything = torch.arange(len(features))
    turned = turn(features, everything, centred)
    solution = Problem(turned, everything, labels, int(labels.max()) + 1, centred).solve(strength)
    weights, bias = turned.dense(*solution)
    return features.double() @ weights.T + bias


def one_scale(features, centred=True):
    """All features divided by the root mean squared distance of the images from their centre."""
    values = features.double().numpy()
    values = values - values.mean(0) if centred else values
    return values / np.sqrt(np.square(values).sum(1).mean())


def log_loss(logits, labels):
    return torch.nn.functional.cross_entropy(logits, labels).item()


@pytest.mark.parametrize("strength", [1.0, 1e-2, 1e-4, 1e-6])
@pytest.mark.parametrize("shape", [(90, 6, 3), (40, 300, 4), (60, 8, 2), (30, 500, 2)])
def test_the_minimum_is_that_of_scikit_learn(shape, strength):
    features, labels = problem(*shape)
    num_images, _, num_classes = shape
    scaled = one_scale(features)
    inverse = (2 if num_classes == 2 else 1) / (num_images * strength)
    theirs = LogisticRegression(C=inverse, tol=1e-8, max_iter=50_000).fit(scaled, labels.numpy())
    ours = solved_logits(features, labels, strength)
    expected = torch.as_tensor(theirs.predict_log_proba(scaled))
    assert log_loss(ours, labels) == pytest.approx(log_loss(expected, labels), abs=1e-4)
    assert torch.allclose(ours.log_softmax(1).exp(), expected.exp(), atol=1e-3)


@pytest.mark.parametrize("strength", [1.0, 1e-2, 1e-4])
@pytest.mark.parametrize("shape", [(90, 6, 3), (40, 300, 4), (60, 8, 2)])
@pytest.mark.parametrize("rule", ["balanced", (1.0, 6.0, 2.0, 0.5)])
def test_the_minimum_with_class_weights_is_that_of_scikit_learn(shape, strength, rule):
    features, labels = problem(*shape)
    kept = (labels != 1) | (torch.arange(len(labels)) < 15)  # unequal classes
    features, labels = features[kept], labels[kept]
    num_classes = shape[2]
    counts = image_weights(labels, rule if rule == "balanced" else rule[:num_classes])
    everything = torch.arange(len(labels))
    turned = turn(features, everything)
    ours = Problem(turned, everything, labels, num_classes, weights=counts).solve(strength).logits(turned.coordinates)
    scaled = one_scale(features)
    inverse = (2 if num_classes == 2 else 1) / (len(labels) * strength)
    by_class = {label: counts[labels == label][0].item() for label in range(num_classes)}
    theirs = LogisticRegression(
        C=inverse, tol=1e-8, max_iter=50_000, class_weight="balanced" if rule == "balanced" else by_class
    ).fit(scaled, labels.numpy())
    expected = torch.as_tensor(theirs.predict_log_proba(scaled))
    assert log_loss(ours, labels) == pytest.approx(log_loss(expected, labels), abs=1e-4)
    assert torch.allclose(ours.log_softmax(1).exp(), expected.exp(), atol=1e-3)
    plain = Problem(turned, everything, labels, num_classes).solve(strength).logits(turned.coordinates)
    assert not torch.allclose(plain.log_softmax(1).exp(), expected.exp(), atol=1e-3)


def test_two_images_of_one_feature_by_hand():
    """At x = -1 and 1 of classes 0 and 1 the weights are -u and u with u = sigmoid(-2 u) / strength."""
    turned = turn(torch.tensor([[10.0], [14.0]]), torch.arange(2))
    solution = Problem(turned, torch.arange(2), torch.tensor([0, 1]), 2).solve(0.1)
    weights, bias = turned.dense(*solution)
    u = 2 * weights[1, 0].item()  # a deviation is 2
    assert u == pytest.approx(1 / (1 + math.exp(2 * u)) / 0.1, abs=1e-6)
    assert weights[0, 0].item() == pytest.approx(-weights[1, 0].item(), abs=1e-7)
    assert (12 * weights[:, 0] + bias).abs().max() < 1e-6


def test_a_strong_penalty_leaves_the_frequencies_of_the_classes():
    features, _ = problem(40, 5, 2)
    labels = (torch.arange(40) < 10).long()
    chances = solved_logits(features, labels, 1e9).softmax(1)
    assert torch.allclose(chances, torch.tensor([0.75, 0.25]).double().expand(40, 2), atol=1e-6)


@pytest.mark.parametrize("shape", [(50, 20, 3), (20, 50, 3)])
def test_a_problem_too_large_for_axes_has_the_same_minimum_without_them(shape, monkeypatch):
    features, labels = problem(*shape)
    expected = solved_logits(features, labels, 1e-3)
    monkeypatch.setattr(axes, "MOST_AXES", 4)
    assert torch.allclose(solved_logits(features, labels, 1e-3), expected, atol=1e-4)


def test_columns_are_read_in_slabs_without_changing_the_solution(monkeypatch):
    features, labels = problem(20, 50, 3)
    expected = solved_logits(features, labels, 1e-3)
    monkeypatch.setattr(axes, "SLAB_NUMBERS", 20 * 7)
    assert torch.allclose(solved_logits(features, labels, 1e-3), expected, atol=1e-6)


def test_images_that_are_held_out_change_nothing():
    features, labels = problem(30, 40, 3)
    seen = torch.arange(20)
    other = features.clone()
    other[20:] = 1e3
    weights = []
    for values in (features, other):
        turned = turn(values, seen)
        weights.append(turned.dense(*Problem(turned, seen, labels[seen], 3).solve(1e-2))[0])
    assert torch.equal(*weights)


def test_a_constant_feature_has_no_weight_and_does_not_count():
    features, labels = problem(30, 4, 3)
    padded = torch.cat([features, torch.full((30, 2), 0.1), torch.zeros(30, 1)], 1)
    everything = torch.arange(30)
    turned = turn(padded, everything)
    weights, _ = turned.dense(*Problem(turned, everything, labels, 3).solve(1e-2))
    assert not weights[:, 4:].any()
    assert torch.allclose(solved_logits(padded, labels, 1e-2), solved_logits(features, labels, 1e-2), atol=1e-6)


def test_features_that_are_all_constant_leave_the_frequencies():
    labels = torch.tensor([0, 0, 0, 1])
    chances = solved_logits(torch.ones(4, 3), labels, 1e-2).softmax(1)
    assert torch.allclose(chances[0], torch.tensor([0.75, 0.25]).double(), atol=1e-6)


def test_a_layer_without_a_bias_is_solved_without_one():
    features, labels = problem(60, 5, 3)
    scaled = one_scale(features, centred=False)
    theirs = LogisticRegression(C=1 / (60 * 1e-2), fit_intercept=False, tol=1e-8, max_iter=50_000)
    expected = torch.as_tensor(theirs.fit(scaled, labels.numpy()).predict_log_proba(scaled))
    ours = solved_logits(features, labels, 1e-2, centred=False)
    assert np.isclose(log_loss(ours, labels), log_loss(expected, labels), atol=1e-4)


def test_a_minimum_that_is_not_reached_is_an_error(monkeypatch):
    monkeypatch.setattr("layercut.training.logistic._MOST_ITERATIONS", 1)
    features, labels = problem(30, 40, 3)
    with pytest.raises(UnsolvedError, match="within 1 iterations"):
        solved_logits(features, labels, 1e-6)
