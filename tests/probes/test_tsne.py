"""t-SNE as pictures of features use it."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.manifold import trustworthiness

from layercut.errors import ProbeUndefinedError
from layercut.probes.tsne import tsne_coordinates

RNG = np.random.default_rng(0)
LABELS = np.arange(60) % 3
POINTS = RNG.normal(size=(60, 7)) + 12 * np.eye(7)[LABELS]
POINTS -= POINTS.mean(axis=0)
AXES = POINTS @ np.linalg.svd(POINTS, full_matrices=False)[2].T


def test_images_that_are_near_stay_near():
    found = tsne_coordinates(AXES, seed=3)
    assert trustworthiness(AXES, found, n_neighbors=5) > 0.9
    distances = np.linalg.norm(found[:, None] - found[None], axis=-1)
    np.fill_diagonal(distances, np.inf)
    assert (LABELS[distances.argmin(axis=1)] == LABELS).all()


def test_places_are_centred_within_one_and_have_the_same_bits_again():
    found = tsne_coordinates(AXES, seed=3)
    assert (found.dtype, found.shape) == (np.float32, (60, 2))
    assert np.abs(found).max() == 1
    assert found.max(axis=0) == pytest.approx(-found.min(axis=0), abs=1e-6)
    assert (tsne_coordinates(AXES, seed=3) == found).all()


def test_the_scale_of_features_changes_nothing_but_last_bits():
    near = np.linalg.norm(tsne_coordinates(1024 * AXES, seed=3) - tsne_coordinates(AXES, seed=3), axis=1)
    assert near.max() < 1e-3


def test_features_of_one_axis_and_of_few_images_have_places():
    assert np.isfinite(tsne_coordinates(AXES[:, :1], seed=0)).all()
    assert np.isfinite(tsne_coordinates(AXES[:5], seed=0)).all()


@pytest.mark.parametrize("points", [AXES[:4], np.zeros((9, 3)), np.zeros((9, 0))])
def test_too_few_or_equal_images_have_no_places(points):
    with pytest.raises(ProbeUndefinedError, match=r"needs 5 images|same for every image"):
        tsne_coordinates(points, seed=0)
