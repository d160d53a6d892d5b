"""Validation as needed: the decisions of validating every epoch in full, with less work."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from layercut.models import MODELS
from layercut.models.base import seeded_build
from layercut.records import EpochPoint
from layercut.training import lazy_validation
from layercut.training.batches import Examples
from layercut.training.config import TrainingConfig
from layercut.training.device import place_model, prepare_device
from layercut.training.evaluate import evaluate
from layercut.training.history import DivergedError, TrainingHistory
from layercut.training.lazy_validation import LazyValidation
from layercut.training.loop import train
from layercut.training.precision import evaluation_precision
from support.tiny_stack import Images

CPU = torch.device("cpu")


@pytest.fixture(autouse=True)
def prepared():
    """One thread, as in trials."""
    prepare_device(CPU, 1)


class Scripted(nn.Module):
    """A model whose weights are which images it has wrong; every image is of class 0."""

    def __init__(self, num_images):
        super().__init__()
        self.register_buffer("wrong", torch.zeros(num_images))

    def forward(self, positions):
        wrong = self.wrong[positions]
        return torch.stack([1 - wrong, wrong], dim=1)


@st.composite
def histories(draw):
    """Which of some images are wrong in each of some epochs; alike from epoch to epoch, as in a training."""
    num_images, num_epochs = draw(st.integers(1, 30)), draw(st.integers(1, 14))
    shares = draw(st.lists(st.sampled_from([0.0, 0.1, 0.3, 0.5, 0.9, 1.0]), min_size=num_epochs, max_size=num_epochs))
    generator = torch.Generator().manual_seed(draw(st.integers(0, 2**31)))
    hardness = torch.rand(num_images, generator=generator)
    noise = draw(st.sampled_from([0.0, 0.2, 1.0])) * torch.rand(num_epochs, num_images, generator=generator)
    return (hardness + noise < torch.tensor(shares)[:, None]).float()


def follow(history, patience, chunk):
    """Return what comes of a training with this history, its best weights, and how many images were looked at."""
    model, followed = Scripted(history.shape[1]), TrainingHistory(patience)
    inputs = Images(torch.arange(history.shape[1]))
    examples = Examples(inputs, torch.zeros(len(inputs), dtype=torch.int64), chunk)
    validation = LazyValidation(examples, "float32", followed, patience, len(history))
    best = None
    for epoch, wrong in enumerate(history, start=1):
        model.wrong.copy_(wrong)
        best = validation.add(model, EpochPoint(epoch, 1.0, 0.5)).best or best
        assert torch.equal(model.wrong, wrong), "training goes on from other weights"
        if followed.stopped:
            break
    return followed.result(), best["wrong"], inputs.num_gathered


def follow_fully(history, patience):
    followed, best = TrainingHistory(patience), None
    for epoch, wrong in enumerate(history, start=1):
        if followed.add(EpochPoint(epoch, 1.0, 0.5, 0.1, 1 - int(wrong.sum()) / len(wrong))):
            best = wrong
        if followed.stopped:
            break
    return followed.result(), best


@settings(deadline=None, max_examples=300)
@given(histories(), st.sampled_from([1, 2, 3, 6, None]), st.sampled_from([1, 4, 64]))
def test_any_history_ends_as_with_every_epoch_validated(history, patience, chunk):
    result, best, num_looked_at = follow(history, patience, chunk)
    expected, expected_best = follow_fully(history, patience)
    assert result.best_epoch == expected.best_epoch
    assert [point.epoch for point in result.curve] == [point.epoch for point in expected.curve]
    assert torch.equal(best, expected_best)
    for point, full in zip(result.curve, expected.curve, strict=True):
        assert point.validation_accuracy in (None, pytest.approx(full.validation_accuracy, abs=1e-12))
    assert num_looked_at <= len(expected.curve) * (history.shape[1] + chunk)


@settings(deadline=None, max_examples=50)
@given(histories(), st.sampled_from([1, 3, None]))
def test_epochs_of_which_only_some_may_wait_change_nothing(history, patience):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(lazy_validation, "WAITING_BYTES", 2 * 4 * history.shape[1])
        result, best, _ = follow(history, patience, 4)
    expected, expected_best = follow_fully(history, patience)
    assert (result.best_epoch, len(result.curve)) == (expected.best_epoch, len(expected.curve))
    assert torch.equal(best, expected_best)


def draw_examples(num, seed, shape=(1, 8, 8), noise=3.0):
    generator = torch.Generator().manual_seed(seed)
    labels = torch.arange(num) % 3
    values = noise * torch.randn(num, *shape, generator=generator) + labels.view(-1, 1, 1, 1)
    return Examples(Images(values.to(memory_format=torch.channels_last)), labels, chunk=32)


def build(name, seed, **options):
    family = MODELS[name]
    return place_model(seeded_build(family, family.options(**options), (1, 8, 8), 3, seed), CPU)


def schedule(**changes):
    return replace(TrainingConfig("adam", 0.01, 0.0, 12, 3, 16), **changes)


def train_both(make_model, **changes):
    trained = []
    for validate_epochs in ("all", "as_needed"):
        model, validation = make_model(), draw_examples(300, seed=1)
        plan = schedule(validate_epochs=validate_epochs, **changes)
        result = train(model, draw_examples(60, seed=0), validation, plan, order_seed=5)
        trained.append((model, result, validation.inputs.num_gathered))
    return trained


@pytest.mark.parametrize("precision", ["float32", "bf16", "bf16_eval"])
@pytest.mark.parametrize("patience", [1, 3, None])
@pytest.mark.parametrize(
    ("name", "options"),
    [("plain_cnn", {"depth": 2, "channels": 8}), ("mlp", {"depth": 1, "width": 16}), ("mlp", {"hidden": 8})],
)
def test_a_training_ends_with_the_same_bits(name, options, patience, precision):
    for seed in range(2):
        full, needed = train_both(
            lambda seed=seed: build(name, seed, **options), patience=patience, precision=precision
        )
        assert needed[1].best_epoch == full[1].best_epoch
        assert len(needed[1].curve) == len(full[1].curve)
        weights = full[0].state_dict()
        assert all(torch.equal(value, weights[key]) for key, value in needed[0].state_dict().items())
        for point, expected in zip(needed[1].curve, full[1].curve, strict=True):
            assert (point.train_loss, point.train_accuracy) == (expected.train_loss, expected.train_accuracy)
            if point.validation_accuracy is not None:
                assert point == expected
        assert needed[1].curve[needed[1].best_epoch - 1].validation_accuracy is not None


def test_fewer_images_are_looked_at():
    full, needed = train_both(lambda: build("plain_cnn", 0, depth=2, channels=8), patience=4, epochs=24)
    assert full[2] == 300 * len(full[1].curve)
    assert needed[2] < 0.6 * full[2]


def test_images_looked_at_are_counted():
    full, needed = train_both(lambda: build("plain_cnn", 0, depth=2, channels=8), patience=4, epochs=24)
    assert full[1].num_validation_looks == full[2]
    filled = 64 * len(needed[1].curve)  # the last chunk of a look is filled up with images that do not count
    assert needed[1].num_validation_looks <= needed[2] <= needed[1].num_validation_looks + filled


@pytest.mark.parametrize("lr", [1e30, 1e18])
def test_a_training_that_diverges_does_so_in_the_same_epoch(lr):
    messages = []
    for validate_epochs in ("all", "as_needed"):
        plan = schedule(lr=lr, validate_epochs=validate_epochs, patience=None)
        with pytest.raises(DivergedError) as caught:
            train(build("mlp", 0), draw_examples(60, 0), draw_examples(300, 1), plan, order_seed=5)
        messages.append(str(caught.value))
    assert messages[0] == messages[1]


def test_weights_that_are_nan_on_validation_images_are_a_divergence():
    model, followed = nn.Linear(1, 3), TrainingHistory(2)
    examples = Examples(Images(torch.ones(5, 1)), torch.zeros(5, dtype=torch.int64))
    validation = LazyValidation(examples, "float32", followed, 2, 2)
    validation.add(model, EpochPoint(1, 1.0, 0.5))
    nn.init.constant_(model.weight, math.nan)
    with pytest.raises(DivergedError, match="epoch 2") as caught:
        validation.add(model, EpochPoint(2, 1.0, 0.5))
    assert [point.epoch for point in caught.value.curve] == [1]


def test_nothing_is_looked_at_before_an_epoch_could_be_the_last():
    model = Scripted(5)
    validation = LazyValidation(
        Examples(Images(torch.arange(5)), torch.zeros(5).long()), "float32", TrainingHistory(3), 3, 9
    )
    looks = []
    for epoch in range(1, 5):
        validation.add(model, EpochPoint(epoch, 1.0, 0.5))
        looks.append(validation.num_looks > 0)
    assert looks == [False, False, False, True]


@pytest.mark.parametrize("num_threads", [1, 2])
@pytest.mark.parametrize("precision", ["float32", "bf16"])
@pytest.mark.parametrize("name", ["plain_cnn", "mlp"])
def test_the_logits_of_an_image_do_not_depend_on_the_images_beside_it(name, precision, num_threads):
    torch.set_num_threads(num_threads)
    family = MODELS[name]
    model = place_model(seeded_build(family, family.options(), (1, 28, 28), 5, 0), CPU).eval()
    images = torch.randn(96, 1, 28, 28, generator=torch.Generator().manual_seed(0))
    images = images.to(memory_format=torch.channels_last)

    def logits(order, size):
        with torch.inference_mode(), evaluation_precision(precision, CPU):
            shuffled = torch.cat([model(images[part]) for part in order.split(size)])
        return torch.empty_like(shuffled).index_copy_(0, order, shuffled)

    in_order = logits(torch.arange(96), 32)
    for seed, size in ((1, 32), (2, 32), (3, 16), (4, 96)):
        order = torch.randperm(96, generator=torch.Generator().manual_seed(seed))
        assert torch.equal(logits(order, size), in_order)


def test_an_epoch_that_was_validated_to_its_end_has_the_loss_of_a_full_evaluation():
    _, needed = train_both(lambda: build("mlp", 0, depth=1, width=16), patience=3)
    model, result, _ = needed
    again = evaluate(model, draw_examples(300, seed=1))
    best = result.curve[result.best_epoch - 1]
    assert (best.validation_loss, best.validation_accuracy) == (again.loss, again.accuracy)
