"""Activations at taps are what the model makes of the images, wherever they come from."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from layercut import extract_features, read_model
from layercut.checkpoints import save_checkpoint
from layercut.errors import UserError
from layercut.features.taps import PIXELS, all_taps, averaged, tap_features
from layercut.inference import Classifier
from layercut.models import MODELS
from layercut.models.base import CuttableModel, seeded_build
from layercut.training.batches import Normalization, PixelInputs
from layercut.training.device import place_model, prepare_device

CPU = torch.device("cpu")
NUM_IMAGES = 41


@pytest.fixture
def model():
    """A small CNN with a hidden dense layer."""
    prepare_device(CPU, 1)
    family = MODELS["plain_cnn"]
    options = family.options(depth=3, channels=4, hidden=6)
    return place_model(seeded_build(family, options, (1, 8, 8), 5, seed=0), CPU).eval()


@pytest.fixture
def images():
    """Random images."""
    return np.random.default_rng(0).integers(0, 256, (NUM_IMAGES, 1, 8, 8), dtype=np.uint8)


def test_every_tap_is_the_output_of_its_place(model, images):
    features = extract_features(model, images)
    assert list(features) == ["input", "conv0", "conv1", "conv2", "hidden", "output"]
    pixels = torch.as_tensor(images).float() / 255 * 2 - 1
    torch.testing.assert_close(features["input"], pixels)
    with torch.no_grad():
        torch.testing.assert_close(features["conv1"], model.blocks[:2](pixels))
        torch.testing.assert_close(features["output"], model(pixels))
    assert features["hidden"].shape == (NUM_IMAGES, 6)
    assert features.to_numpy()["conv0"].shape == (NUM_IMAGES, 4, 8, 8)


@pytest.mark.parametrize(
    ("name", "shape"),
    [("plain_cnn", (1, 28, 28)), ("mlp", (1, 8, 8)), ("block_cnn", (3, 32, 32)), ("small_convnet", (1, 28, 28))],
)
def test_every_block_of_our_models_has_a_tap_before_its_activation(name, shape):
    family = MODELS[name]
    built = seeded_build(family, family.options(), shape, 5, seed=0)
    assert list(built.before_activation) == built.block_names


def test_a_tap_before_the_activation_is_what_the_convolution_gives(model, images):
    """Negative values are still there, and nothing is pooled yet."""
    features = extract_features(model, images, ["conv1.pre"])
    pixels = torch.as_tensor(images).float() / 255 * 2 - 1
    with torch.no_grad():
        torch.testing.assert_close(features["conv1.pre"], model.blocks[1].conv(model.blocks[:1](pixels)))
    assert features["conv1.pre"].shape == (NUM_IMAGES, 4, 8, 8)
    assert (features["conv1.pre"] < 0).any()


@pytest.mark.parametrize("pass_bytes", [1, 60_000, 2**29])
def test_the_number_of_passes_changes_no_bit(model, images, pass_bytes):
    inputs = PixelInputs(images, np.arange(NUM_IMAGES), Normalization((0.5,), (0.5,)), CPU)
    taps = all_taps(model)
    found = dict(tap_features(model, inputs, taps, CPU, 16, pass_bytes=pass_bytes))
    whole = dict(tap_features(model, inputs, taps, CPU, 16))
    assert list(found) == list(whole)
    assert all(torch.equal(found[name], whole[name]) for name in taps)


def test_an_image_has_the_same_features_among_others_and_alone(model, images):
    whole, alone = extract_features(model, images), extract_features(model, images[17:18])
    assert all(torch.equal(whole[name][17:18], alone[name]) for name in whole)


def test_an_in_place_activation_behind_a_tap_changes_nothing():
    blocks = {"linear": nn.Flatten(), "relu": nn.Sequential(nn.Unflatten(1, (1, 8, 8)), nn.ReLU(inplace=True))}
    model = CuttableModel(blocks, nn.Flatten())
    dark = np.zeros((3, 1, 8, 8), dtype=np.uint8)
    features = extract_features(model, dark)
    assert (features["linear"] == -1).all()
    assert (features["relu"] == 0).all()


def test_an_unknown_tap_is_named_with_the_nearest(model, images):
    with pytest.raises(UserError, match="no tap 'conv9'; did you mean 'conv"):
        extract_features(model, images, ["conv9"])
    with pytest.raises(UserError, match="expected images as uint8"):
        extract_features(model, images.astype(np.float32))


def test_no_images_give_no_rows(model):
    assert extract_features(model, np.zeros((0, 1, 8, 8), dtype=np.uint8), [PIXELS])[PIXELS].shape[0] == 0


def test_a_model_comes_back_from_its_file_with_its_head(model, images, tmp_path):
    save_checkpoint(tmp_path / "whole.safetensors", model.state_dict())
    again = read_model(tmp_path / "whole.safetensors", image_shape=(1, 8, 8), depth=3, channels=4, hidden=6)
    assert torch.equal(extract_features(again, images)["output"], extract_features(model, images)["output"])
    with pytest.raises(UserError, match="did you mean 'depth'"):
        read_model(tmp_path / "whole.safetensors", image_shape=(1, 8, 8), dephth=3)


@pytest.mark.parametrize(
    ("shape", "most", "expected"),
    [
        ((2, 4, 8, 8), 256, (2, 4, 8, 8)),  # fits
        ((2, 4, 8, 8), 255, (2, 4, 7, 7)),
        ((2, 4, 8, 8), 3, (2, 4, 1, 1)),  # channels are all kept
        ((2, 10, 6), 30, (2, 5, 6)),  # tokens
        ((2, 500), 30, (2, 500)),  # nothing to average over
    ],
)
def test_large_features_are_averaged_over_neighbouring_places(shape, most, expected):
    features = torch.randn(shape)
    assert averaged(features, most).shape == expected


def test_averages_are_of_neighbours_and_keep_the_mean():
    features = torch.arange(16.0).reshape(1, 1, 4, 4)
    assert averaged(features, 4).flatten().tolist() == [2.5, 4.5, 10.5, 12.5]
    tokens = torch.arange(8.0).reshape(1, 4, 2)
    assert averaged(tokens, 4).tolist() == [[[1.0, 2.0], [5.0, 6.0]]]


def test_averaged_taps_are_averages_of_the_taps(model, images):
    inputs = PixelInputs(images, np.arange(len(images)), Normalization((0.5,), (0.5,)), torch.device("cpu"))
    taps = {"conv0": model.taps["conv0"]}
    (_, whole), (_, less) = (
        next(tap_features(model, inputs, taps, torch.device("cpu"), 4, most_units=most)) for most in (None, 16)
    )
    assert torch.equal(less, averaged(whole, 16))


def test_tensors_give_the_features_of_the_same_array(model, images):
    for name, features in extract_features(model, torch.from_numpy(images)).items():
        assert torch.equal(features, extract_features(model, images, [name])[name])


def test_a_trained_model_brings_its_own_normalisation(model, images):
    trained = Classifier(model, Normalization((0.2,), (0.4,)), {"class_names": [], "build": {"image_shape": (1, 8, 8)}})
    for own, given in (({}, {"mean": 0.2, "std": 0.4}), ({"mean": 0.5, "std": 0.5}, {})):
        pixels = [extract_features(one, images, **how)["input"] for one, how in ((trained, own), (model, given))]
        assert torch.equal(*pixels)


def test_what_is_no_model_is_refused_in_words(images):
    for given in ("weights.pth", torch.nn.Linear(2, 2)):
        with pytest.raises(UserError, match=f"expected a model from `load_model` .* got a {type(given).__name__}"):
            extract_features(given, images)
