"""Clusters and effective rank of the layer-freezing study, on its published weights, against our probes."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.cluster import AgglomerativeClustering
from sklearn.metrics import adjusted_rand_score
from torch.nn.functional import avg_pool2d, conv2d
from torchvision.datasets import MNIST

from layercut import extract_features
from layercut.models import MODELS
from layercut.probes import PROBES
from layercut.probes.base import Activations

IMAGES_A_CLASS = 58
"""One per cent of MNIST 5-9, which has 290 images."""


@pytest.fixture(scope="module")
def published(samples):
    """Weights of six convolutions, trained on the digits 0-4."""
    path = samples / "mp-tl-study" / "MNIST" / "pretrained_models" / "regular_classes.pth"
    return torch.load(path, map_location="cpu", weights_only=True)


@pytest.fixture(scope="module")
def looked_at(shared_data):
    """The first images of the digits 5-9, and their labels."""
    dataset = MNIST(shared_data, train=True)
    rows = np.concatenate([np.flatnonzero(dataset.targets == digit)[:IMAGES_A_CLASS] for digit in range(5, 10)])
    return dataset.data[rows][:, None].numpy(), dataset.targets[rows] - 5


def agreement_as_written(values, pixels, labels):
    """Return by convolution the adjusted Rand index of clusters of its spatial means, before ReLU and pooling."""
    features, found = torch.from_numpy(pixels).float() / 255 * 2 - 1, []
    for index in range(6):
        features = conv2d(features, values[f"conv{index}.weight"], values[f"conv{index}.bias"], padding=1)
        means = features.mean((2, 3)).numpy()
        clusters = AgglomerativeClustering(5, metric="cosine", linkage="average").fit_predict(means)
        found.append(adjusted_rand_score(labels, clusters))
        features = features.relu()
        features = avg_pool2d(features, 2) if index % 2 else features
    return found


def test_agreement_before_activation_is_what_the_published_functions_give(published, looked_at):
    pixels, labels = looked_at
    family = MODELS["plain_cnn"]
    model = family.build(family.options(), (1, 28, 28), 5)
    names = family.import_names(family.options(), list(published))
    model.load_state_dict({names[name]: value for name, value in published.items()})
    layers = [f"conv{index}.pre" for index in range(6)]
    features = extract_features(model, pixels, layers, device="cpu")
    probe = PROBES["clustering"]
    ours = [probe(Activations(features[n], labels, 5, 0), probe.options())["ari"] for n in layers]
    with torch.no_grad():
        expected = agreement_as_written(published, pixels, labels.numpy())
    assert ours == pytest.approx(expected, abs=0.02)
    behind = extract_features(model, pixels, ["conv0"], device="cpu")["conv0"]
    assert probe(Activations(behind, labels, 5, 0), probe.options())["ari"] != pytest.approx(expected[0], abs=0.02)


def test_the_effective_rank_of_kernels_is_the_published_one(published):
    """The study plots 9,226 for conv1: more than a matrix of 64 rows can have."""
    probe, weights = PROBES["weight_effective_rank"], {"conv.weight": published["conv1.weight"]}
    activations = Activations(torch.empty(0), torch.empty(0).long(), 0, 0, weights=weights)
    assert probe(activations, probe.options(matrices="kernels"))["rank"] == pytest.approx(9226.4, abs=0.1)
    assert probe(activations, probe.options())["rank"] == pytest.approx(58.8, abs=0.01)
