"""The training loop: best weights, early stopping, divergence, order."""

from __future__ import annotations

from itertools import chain

import numpy as np
import pytest
import torch
from torch import nn

from layercut.errors import TrialDivergedError
from layercut.training import validation
from layercut.training.batches import Examples, Normalization, PixelInputs
from layercut.training.evaluate import Evaluation, evaluate
from layercut.training.loop import train
from support.training_cases import Vectors, linear, schedule, separable

CPU = torch.device("cpu")


def fake_validation(monkeypatch, accuracies, losses=None):
    """Make each epoch's validation accuracy, and its loss, what a test says it is."""
    left = iter(zip(losses or [0.5] * len(accuracies), accuracies, strict=True))

    def evaluate(model, examples, precision):
        nothing = torch.zeros(0, dtype=torch.int64)
        return Evaluation(*next(left), nothing, nothing, num_classes=2)

    monkeypatch.setattr(validation, "evaluate", evaluate)


def test_training_fits_separable_examples():
    model, examples = linear(), separable()
    train(model, examples, None, schedule(epochs=40), order_seed=0)
    assert evaluate(model, examples).accuracy > 0.95


def test_the_weights_are_those_of_the_first_epoch_with_the_best_validation_accuracy(monkeypatch):
    fake_validation(monkeypatch, [0.5, 0.8, 0.7, 0.8, 0.6])
    model = linear()
    result = train(model, separable(), separable(), schedule(epochs=5), order_seed=0)
    reference = linear()
    fake_validation(monkeypatch, [0.5, 0.8])
    train(reference, separable(), separable(), schedule(epochs=2), order_seed=0)
    assert result.best_epoch == 2
    assert len(result.curve) == 5
    assert torch.equal(model.weight, reference.weight)


def test_training_stops_after_patience_epochs_without_a_better_accuracy(monkeypatch):
    fake_validation(monkeypatch, [0.5, 0.6, 0.6, 0.6, 0.6, 0.9])
    result = train(linear(), separable(), separable(), schedule(epochs=6, patience=3), order_seed=0)
    assert len(result.curve) == 5
    assert result.best_epoch == 2


def test_without_restoring_the_best_weights_the_last_ones_are_kept_and_judged(monkeypatch):
    fake_validation(monkeypatch, [0.5, 0.8, 0.7, 0.8, 0.6])
    model, reference = linear(), linear()
    result = train(model, separable(), separable(), schedule(epochs=5, restore_best_weights=False), order_seed=0)
    train(reference, separable(), None, schedule(epochs=5), order_seed=0)
    assert torch.equal(model.weight, reference.weight)
    assert (result.best_epoch, result.validation_accuracy, result.stop_reason) == (5, 0.6, "whole")


def test_patience_waits_for_a_better_accuracy_though_the_last_weights_are_kept(monkeypatch):
    fake_validation(monkeypatch, [0.5, 0.6, 0.4, 0.3, 0.9])
    model, reference = linear(), linear()
    rules = schedule(epochs=5, patience=2, restore_best_weights=False)
    result = train(model, separable(), separable(), rules, order_seed=0)
    train(reference, separable(), None, schedule(epochs=4), order_seed=0)
    assert torch.equal(model.weight, reference.weight)
    assert (result.best_epoch, result.validation_accuracy, result.stop_reason) == (4, 0.3, "patience")


def test_patience_can_wait_for_a_lower_loss_while_the_best_accuracy_keeps_its_weights(monkeypatch):
    """Accuracy rises until epoch 4, loss falls until epoch 2: training ends at 2 + 3, with the weights of epoch 4."""
    accuracies, losses = [0.5, 0.6, 0.7, 0.8, 0.8, 0.9], [0.9, 0.5, 0.6, 0.6, 0.5, 0.7]
    fake_validation(monkeypatch, accuracies, losses)
    watching = schedule(epochs=6, patience=3, patience_watch="loss")
    result = train(linear(), separable(), separable(), watching, order_seed=0)
    assert (len(result.curve), result.best_epoch, result.stop_reason) == (5, 4, "patience")


def test_a_falling_loss_keeps_a_training_going_whose_accuracy_stays(monkeypatch):
    fake_validation(monkeypatch, [0.6] * 6, [0.9, 0.8, 0.7, 0.6, 0.5, 0.4])
    watching = schedule(epochs=6, patience=2, patience_watch="loss")
    result = train(linear(), separable(), separable(), watching, order_seed=0)
    assert (len(result.curve), result.best_epoch, result.stop_reason) == (6, 1, "limit")


def test_a_target_ends_a_training_that_watches_its_loss(monkeypatch):
    fake_validation(monkeypatch, [0.5, 0.9, 0.9], [0.5, 0.6, 0.7])
    watching = schedule(epochs=3, patience=1, patience_watch="loss", target_accuracy=0.9)
    result = train(linear(), separable(), separable(), watching, order_seed=0)
    assert (len(result.curve), result.stop_reason) == (2, "target")


def test_without_validation_every_epoch_is_run_and_the_last_weights_count():
    result = train(linear(), separable(), None, schedule(epochs=7, patience=1), order_seed=0)
    assert result.best_epoch == len(result.curve) == 7
    assert all(point.validation_accuracy is None for point in result.curve)


def test_a_loss_that_becomes_nan_is_reported_with_the_epochs_before():
    with pytest.raises(TrialDivergedError, match="epoch") as caught:
        train(linear(), separable(), None, schedule(lr=float("inf")), order_seed=0)
    assert isinstance(caught.value.curve, tuple)


def test_each_epoch_sees_every_example_once_in_an_order_of_its_own():
    examples = separable()
    train(linear(), examples, None, schedule(epochs=2, batch_size=15), order_seed=1)
    epochs = [[*chain(*examples.inputs.asked[start : start + 3])] for start in (0, 3)]
    assert [sorted(epoch) for epoch in epochs] == [list(range(40))] * 2
    assert epochs[0] != epochs[1]


def test_the_order_follows_from_its_seed_alone():
    orders = []
    for _ in range(2):
        torch.rand(5)
        examples = separable()
        train(linear(), examples, None, schedule(epochs=1), order_seed=9)
        orders.append(examples.inputs.asked)
    assert orders[0] == orders[1]


def test_accuracy_and_loss_are_those_worked_out_by_hand():
    model = nn.Identity()
    logits = torch.tensor([[2.0, 0.0], [0.0, 1.0], [3.0, 0.0]])
    result = evaluate(model, Examples(Vectors(logits), torch.tensor([0, 1, 1])))
    expected = torch.nn.functional.cross_entropy(logits, torch.tensor([0, 1, 1])).item()
    assert result.accuracy == 2 / 3
    assert result.loss == pytest.approx(expected, abs=1e-7)
    assert result.predictions.tolist() == [0, 1, 0]


def test_pixels_are_shifted_and_scaled_as_declared():
    images = np.array([[[[0, 255]]], [[[51, 102]]]], dtype=np.uint8)
    inputs = PixelInputs(images, np.array([1, 0]), Normalization((0.5,), (0.25,)), CPU)
    torch.testing.assert_close(inputs.gather(torch.tensor([0, 1])), torch.tensor([[[[-1.2, -0.4]]], [[[-2.0, 2.0]]]]))


def test_training_stops_at_the_first_epoch_with_the_target_accuracy(monkeypatch):
    fake_validation(monkeypatch, [0.5, 0.4, 0.9, 1.0])
    result = train(linear(), separable(), separable(), schedule(epochs=4, target_accuracy=0.9), order_seed=0)
    assert (len(result.curve), result.best_epoch) == (3, 3)


def test_the_learning_rate_of_every_epoch_is_in_the_curve():
    result = train(linear(), separable(), None, schedule(epochs=3, lr_schedule="step", lr_step_epochs=1), order_seed=0)
    assert [point.learning_rate for point in result.curve] == pytest.approx([0.05, 0.005, 0.0005])


def test_a_plateau_follows_the_validation_loss_of_the_training():
    rules = {"lr_schedule": "plateau", "lr_patience": 0, "lr_watch": "accuracy", "epochs": 6, "lr": 1e-9}
    result = train(linear(), separable(), separable(), schedule(**rules), order_seed=0)
    assert [point.learning_rate for point in result.curve][:2] == [1e-9, 1e-9]
    assert len({point.validation_accuracy for point in result.curve}) == 1, "it learns nothing, so accuracy stays"


def test_label_smoothing_is_for_training_and_not_for_validation():
    plain = train(linear(), separable(), separable(), schedule(epochs=1, lr=1e-12), order_seed=0).curve[0]
    smooth = train(
        linear(), separable(), separable(), schedule(epochs=1, lr=1e-12, label_smoothing=0.5), order_seed=0
    ).curve[0]
    assert smooth.validation_loss == plain.validation_loss
    logits, labels = linear()(separable().inputs.values), separable().labels
    expected = torch.nn.functional.cross_entropy(logits, labels, label_smoothing=0.5)
    assert smooth.train_loss == pytest.approx(expected.item(), rel=1e-5)
    assert plain.train_loss != pytest.approx(expected.item(), rel=1e-2)


def test_gradients_are_clipped_to_their_norm():
    moved = []
    for clip_norm in (None, 0.001):
        model = linear()
        rules = {"optimizer": "sgd", "lr": 1.0, "epochs": 1, "batch_size": 40, "clip_norm": clip_norm}
        train(model, separable(), None, schedule(**rules), order_seed=0)
        change = [after - before for after, before in zip(model.parameters(), linear().parameters(), strict=True)]
        moved.append(torch.cat([part.flatten() for part in change]).norm().item())
    assert moved[1] == pytest.approx(0.001, rel=1e-3)
    assert moved[0] > 0.01


LOG_POINTS = ("0", "batch 1", "batch 2", "batch 3", "batch 9", "epoch 1", "epoch 4", "epoch 99")


def test_looks_at_points_of_the_training_change_none_of_its_bits():
    """Dropout draws from the global generator: a look must not draw, and must leave training mode on."""
    results = []
    for looks in ({}, {"log_points": LOG_POINTS, "checkpoints": ("0", "batch 2", "epoch 3", "last")}):
        model = nn.Sequential(linear(), nn.Dropout(0.5), nn.BatchNorm1d(2), nn.Linear(2, 2))
        with torch.no_grad():
            model[3].weight.copy_(torch.eye(2))
            model[3].bias.zero_()
        torch.manual_seed(5)
        result = train(model, separable(), separable(), schedule(epochs=4, **looks), order_seed=0)
        results.append((result.curve, {name: value.tolist() for name, value in model.state_dict().items()}))
    assert results[0] == results[1]


def test_accuracies_are_taken_at_the_points_that_the_training_reaches():
    result = train(linear(), separable(), separable(), schedule(epochs=4, log_points=LOG_POINTS), order_seed=0)
    assert [point for point, _ in result.log_accuracies] == ["0", "batch 1", "batch 2", "epoch 1", "epoch 4"]
    accuracies = dict(result.log_accuracies)
    assert accuracies["0"] == evaluate(linear(), separable()).accuracy
    assert accuracies["epoch 4"] == result.curve[3].validation_accuracy
    assert not train(linear(), separable(), None, schedule(log_points=LOG_POINTS), order_seed=0).log_accuracies


def test_snapshots_are_the_weights_at_their_points():
    points = ("0", "batch 2", "epoch 2", "last")
    result = train(linear(), separable(), None, schedule(epochs=3, checkpoints=points), order_seed=0)
    assert list(result.snapshots) == ["0", "batch 2", "epoch 2"]
    assert torch.equal(result.snapshots["0"]["weight"], linear().weight)
    shorter = linear()
    train(shorter, separable(), None, schedule(epochs=2), order_seed=0)
    assert torch.equal(result.snapshots["epoch 2"]["weight"], shorter.weight)
    again = train(linear(), separable(), None, schedule(epochs=1, checkpoints=("batch 2", "batch 3")), order_seed=0)
    assert torch.equal(again.snapshots["batch 2"]["weight"], result.snapshots["batch 2"]["weight"])
    assert not torch.equal(again.snapshots["batch 3"]["weight"], result.snapshots["batch 2"]["weight"])


def test_a_last_batch_of_one_joins_the_batch_before_it_where_the_schedule_says_so():
    together, alone = separable(33), separable(33)
    train(linear(), together, None, schedule(epochs=1, single_joined=True), order_seed=0)
    train(linear(), alone, None, schedule(epochs=1), order_seed=0)
    assert [len(batch) for batch in alone.inputs.asked] == [16, 16, 1]
    first, second, last = alone.inputs.asked
    assert together.inputs.asked == [first, second + last]


@pytest.mark.parametrize("num", [7, 16, 32, 34])
def test_batches_are_the_same_where_not_one_is_left_over(num):
    assert schedule(single_joined=True).batch_sizes(num) == schedule().batch_sizes(num)
    assert sum(schedule().batch_sizes(num)) == num


def test_a_batch_of_one_has_no_statistics_and_a_batch_of_two_has():
    examples = separable(17)
    model = nn.Sequential(linear(), nn.BatchNorm1d(2))
    with pytest.raises(ValueError, match="more than 1 value per channel"):
        train(model, examples, None, schedule(epochs=1), order_seed=0)
    assert train(model, examples, None, schedule(epochs=1, single_joined=True), order_seed=0).best_epoch == 1
