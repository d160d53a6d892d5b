"""Matrices between images."""

import gc
import weakref

import pytest
import torch

from layercut.errors import ProbeUndefinedError
from layercut.probes import products
from layercut.probes.products import centred_gram, coordinates, correlations, gram, squared_distances
from layercut.probes.vectors import SLAB, vectors


def draw(*shape):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(0))


def test_slabs_of_units_add_up_to_the_whole():
    features = draw(5, 2 * SLAB + 17)
    wide = features.double()
    assert torch.allclose(gram(features, "flattened"), wide @ wide.T, rtol=1e-12)
    wide = wide - wide.mean(0)
    assert torch.allclose(centred_gram(features, "flattened"), wide @ wide.T, rtol=1e-10)
    assert torch.allclose(correlations(features, "flattened"), torch.corrcoef(features.double()), atol=1e-12)


def test_distances_far_off_the_origin_are_right_where_float32_is_not():
    features = draw(30, 50) + 1000
    right = torch.cdist(features.double(), features.double(), compute_mode="donot_use_mm_for_euclid_dist")
    found = squared_distances(centred_gram(features, "flattened")).sqrt()
    assert torch.allclose(found, right, rtol=1e-9)
    in_float32 = torch.cdist(features, features, compute_mode="use_mm_for_euclid_dist")
    assert (in_float32.double() - right).abs().max() > 0.1


def test_equal_images_lie_exactly_at_distance_zero():
    features = torch.cat([draw(10, 300)] * 2) + 100
    distances = squared_distances(centred_gram(features, "flattened"))
    assert ((distances == 0) == (torch.arange(20)[:, None] % 10 == torch.arange(20) % 10)).all()


def test_coordinates_keep_products_on_as_few_axes_as_there_are():
    features = draw(12, 3) @ draw(3, 40)
    products_of = centred_gram(features, "flattened")
    columns = coordinates(products_of)
    assert columns.shape == (12, 3)
    assert torch.allclose(columns @ columns.T, products_of, atol=1e-9)


def test_an_image_whose_units_are_all_equal_has_no_correlation():
    features = draw(4, 20)
    features[2] = 0.1
    found = correlations(features, "flattened")
    assert found[2].isnan().all()
    assert found[[0, 1, 3]][:, [0, 1, 3]].isfinite().all()


def test_what_is_remembered_is_computed_once_and_goes_with_the_features(monkeypatch):
    calls = []
    monkeypatch.setattr(products, "vectors", lambda *arguments: calls.append(1) or vectors(*arguments))
    features = draw(6, 9)
    first = centred_gram(features, "flattened")
    assert centred_gram(features, "flattened") is first
    assert len(calls) == 1
    features[0] += 1
    assert not torch.equal(centred_gram(features, "flattened"), first)
    kept = weakref.ref(centred_gram(features, "flattened"))
    del features
    gc.collect()
    assert kept() is None


@pytest.mark.parametrize(
    ("shape", "view", "expected"),
    [
        ((5, 8, 2, 2), "auto", (5, 8)),
        ((5, 3, 2, 2), "auto", (5, 12)),
        ((5, 8, 2, 2), "flattened", (5, 32)),
        ((5, 3, 2, 2), "spatial_mean", (5, 3)),
        ((5, 8), "spatial_mean", (5, 8)),
        ((5, 2), "auto", (5, 2)),
    ],
)
def test_views(shape, view, expected):
    assert vectors(draw(*shape), view).shape == expected


def test_one_image_is_too_few():
    with pytest.raises(ProbeUndefinedError, match="at least two images; got 1"):
        vectors(draw(1, 3))
