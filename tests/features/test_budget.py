"""Which features are stored."""

from __future__ import annotations

from layercut.features.budget import StorableCut, choose

MEGABYTE = 2**20
CHEAP = StorableCut("bank", 1, 100 * MEGABYTE, 10 * 100 * MEGABYTE, num_uses=100)
DEAR = StorableCut("bank", 5, 10 * MEGABYTE, 1000 * 10 * MEGABYTE, num_uses=100)
MIDDLE = StorableCut("bank", 3, 50 * MEGABYTE, 500 * 50 * MEGABYTE, num_uses=100)


def test_features_that_are_faster_to_compute_than_to_read_are_not_stored():
    assert choose([CHEAP, DEAR], 10**12) == {"bank": [5]}


def test_the_budget_goes_to_the_cuts_that_save_most_for_each_byte():
    assert choose([MIDDLE, DEAR], 55 * MEGABYTE) == {"bank": [5]}
    assert choose([MIDDLE, DEAR], 60 * MEGABYTE) == {"bank": [3, 5]}


def test_features_used_once_are_not_stored():
    assert choose([DEAR._replace(num_uses=1)], 10**12) == {"bank": []}


def test_without_a_budget_nothing_is_stored():
    assert choose([MIDDLE, DEAR], 0) == {"bank": []}
