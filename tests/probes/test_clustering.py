"""Clusters of features."""

import pytest
import torch

from layercut.errors import ProbeUndefinedError
from layercut.probes.base import Activations
from layercut.probes.channel_clustering import CHANNEL_CLUSTERING
from layercut.probes.clustering import CLUSTERING
from layercut.probes.kmeans import kmeans
from layercut.probes.kmeans_clustering import KMEANS_CLUSTERING
from support.fake_activations import made_up


def clustered(features, labels, probe=CLUSTERING, **options):
    activations = Activations(torch.tensor(features), torch.tensor(labels), max(labels) + 1, seed=0)
    return probe(activations, probe.options(**options))


def test_images_whose_vector_is_zero_are_dropped_with_their_labels():
    features = [[1.0, 0.0], [2.0, 0.1], [0.0, 1.0], [0.1, 3.0]]
    assert clustered(features, [0, 0, 1, 1])["accuracy"] == 1.0
    assert clustered([*features, [0.0, 0.0], [0.0, 0.0]], [0, 0, 1, 1, 0, 2])["accuracy"] == 1.0


def test_too_few_images_with_a_direction_are_refused():
    with pytest.raises(ProbeUndefinedError, match="1 images have nonzero features"):
        clustered([[0.0, 0.0], [0.0, 0.0], [1.0, 0.0]], [0, 0, 1])


def test_there_are_as_many_clusters_as_classes():
    # three directions and two classes: average linkage joins the two nearer ones
    features = [[1.0, 0.0], [1.0, 0.01], [1.0, 0.3], [1.0, 0.31], [0.0, 1.0], [0.01, 1.0]]
    assert clustered(features, [0, 0, 0, 0, 1, 1])["ari"] == 1.0
    assert clustered(features, [0, 0, 1, 1, 2, 2])["ari"] == 1.0


def test_agglomerative_sees_angles_and_kmeans_distances():
    features = [[1.0, 0.0], [9.0, 0.0], [0.0, 1.0], [0.0, 9.0]]
    assert clustered(features, [0, 0, 1, 1])["accuracy"] == 1.0
    near_or_far = clustered([[1.0, 1.0], [1.1, 1.0], [9.0, 9.0], [9.1, 9.0]], [0, 0, 1, 1], KMEANS_CLUSTERING)
    assert near_or_far["accuracy"] == 1.0


def test_self_pairs_change_precision_and_recall_alone():
    activations = made_up(separation=0.7)
    plain, self_pairs = (CLUSTERING(activations, CLUSTERING.options(self_pairs=choice)) for choice in (False, True))
    assert {key for key in plain if plain[key] != self_pairs[key]} == {"precision", "recall"}


def test_one_telling_channel_shows_in_the_greatest_alone():
    activations = made_up(separation=0.0, shape=(7, 3, 3))
    activations.features[:, 2] += 20 * activations.labels[:, None, None]
    found = CHANNEL_CLUSTERING(activations, CHANNEL_CLUSTERING.options(restarts=5))
    assert found["ari_max"] == 1.0
    assert found["ari_median"] < 0.2
    assert 1 / 7 - 0.05 < found["ari_mean"] < 1 / 7 + 0.15


def test_sets_are_clustered_independently_of_those_beside_them():
    points = torch.randn(6, 40, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    points[::2, :20] += 30
    found = kmeans(points, 2, 8, torch.Generator().manual_seed(1))
    for member in (0, 2, 4):
        assert (found.clusters[member, :20] == found.clusters[member, 0]).all()
        assert (found.clusters[member, 20:] != found.clusters[member, 0]).all()


def test_more_clusters_than_different_points_leave_some_empty():
    points = torch.tensor([[[0.0], [0.0], [1.0], [1.0]]])
    found = kmeans(points, 4, 1, torch.Generator().manual_seed(0))
    assert found.clusters[0, 0] == found.clusters[0, 1] != found.clusters[0, 2] == found.clusters[0, 3]
    assert float(found.inertia) == 0.0
