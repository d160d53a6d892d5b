"""Features have the same bits however they come about."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from layercut.features.extract import ComputedInputs, FrozenBlocks, ResidentInputs, frozen_features
from layercut.features.store import StoredFeatures
from layercut.models import MODELS
from layercut.models.base import seeded_build
from layercut.training.batches import Normalization, PixelInputs
from layercut.training.device import place_model, prepare_device

CPU = torch.device("cpu")
NUM_IMAGES = 150
CHUNK = 16


@pytest.fixture(params=["plain_cnn", "mlp"])
def frozen(request):
    """All blocks of a model as a frozen trunk."""
    prepare_device(CPU, 1)
    family = MODELS[request.param]
    blocks = place_model(seeded_build(family, family.options(), (1, 28, 28), 5, seed=0), CPU).eval().blocks
    return FrozenBlocks(blocks, CHUNK, "float32")


@pytest.fixture
def pixels():
    """Inputs of random images."""
    images = np.random.default_rng(0).integers(0, 256, (NUM_IMAGES, 1, 28, 28), dtype=np.uint8)
    return PixelInputs(images, np.arange(NUM_IMAGES), Normalization((0.5,), (0.5,)), CPU)


def test_an_image_has_the_same_features_in_any_batch_at_any_place(frozen, pixels):
    whole = frozen_features(frozen, pixels, torch.arange(NUM_IMAGES))
    generator = np.random.default_rng(1)
    for size in (1, 7, CHUNK, CHUNK + 3):
        positions = torch.from_numpy(generator.permutation(NUM_IMAGES)[:size])
        assert torch.equal(frozen_features(frozen, pixels, positions), whole[positions])


def test_stored_features_are_the_computed_ones_at_every_cut(frozen, pixels, tmp_path):
    rows = np.arange(NUM_IMAGES)
    positions = torch.from_numpy(np.random.default_rng(2).permutation(NUM_IMAGES)[:70])
    for cut in range(1, len(frozen.blocks) + 1):
        features = frozen_features(frozen.part(0, cut), pixels, torch.from_numpy(rows))
        stored = StoredFeatures(tmp_path, NUM_IMAGES, {cut: tuple(features.shape[1:])})
        for start in range(0, NUM_IMAGES, 64):
            stored.write(cut, start, features[start : start + 64])
        stored.finish(cut, 0, 1)
        inputs = stored.inputs(cut, rows, CPU)
        computed = ComputedInputs(pixels, frozen.part(0, cut))
        assert torch.equal(inputs.gather(positions), computed.gather(positions))
        rest = ComputedInputs(inputs, frozen.part(cut, len(frozen.blocks)))
        assert torch.equal(rest.gather(positions), frozen_features(frozen, pixels, positions))


def test_features_in_memory_are_given_by_their_place_in_the_feature_set(frozen, pixels):
    features = frozen_features(frozen.part(0, 1), pixels, torch.arange(64, 128))
    resident = ResidentInputs(features, start=64)
    assert torch.equal(resident.gather(torch.tensor([70, 64])), features[[6, 0]])


def test_a_feature_set_is_stored_only_when_every_shard_is(tmp_path):
    stored = StoredFeatures(tmp_path, 4, {2: (3,)})
    stored.write(2, 0, torch.zeros(2, 3))
    stored.finish(2, 0, 2)
    assert stored.stored_cuts(2) == []
    stored.write(2, 2, torch.ones(2, 3))
    stored.finish(2, 1, 2)
    assert stored.stored_cuts(2) == [2]
    stored.finish(2, 2, 3)
    assert stored.has_shard(2, 2, 3), "a shard may have no rows"
    assert stored.inputs(2, np.array([3, 0]), CPU).gather(torch.tensor([0, 1])).tolist() == [[1, 1, 1], [0, 0, 0]]


def test_markers_do_not_vouch_for_a_file_that_was_deleted_or_truncated(tmp_path):
    stored = StoredFeatures(tmp_path, 4, {2: (3,)})
    for shard in range(2):
        stored.write(2, 2 * shard, torch.ones(2, 3))
        stored.finish(2, shard, 2)
    (tmp_path / "cut-2.float32").write_bytes(b"short")
    assert stored.stored_cuts(2) == []
    stored.discard_damaged(2)
    stored.write(2, 0, torch.zeros(2, 3))
    stored.finish(2, 0, 2)
    assert stored.stored_cuts(2) == []
