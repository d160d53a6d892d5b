"""Replicates as one model: each member ends as it would alone, whatever the others do."""

from __future__ import annotations

import copy

import numpy as np
import pytest
import torch
from torch import nn

from layercut.training import stacked
from layercut.training.batches import StackedExamples
from layercut.training.device import prepare_device
from layercut.training.evaluate import Evaluation, evaluate
from layercut.training.handling import Handling
from layercut.training.history import DivergedError, Training
from layercut.training.loop import train
from layercut.training.stack import Stack, evaluate_stack
from layercut.training.stacked import train_stacked
from support.tiny_stack import (
    NUM_CLASSES,
    NUM_IMAGES,
    NUM_MEMBERS,
    ORDER_SEEDS,
    Images,
    convolutions,
    draw_images,
    linear,
    normalized,
    own,
    published_blocks,
    rows_of,
    same_bits,
    schedule,
    together,
)

LOSS_TOLERANCE = 1e-4
"""Relative; a grouped convolution adds in another order."""


@pytest.fixture(autouse=True)
def prepared():
    """One thread, as in trials."""
    prepare_device(torch.device("cpu"), 1)


def train_all(build=convolutions, images=None, models=None, **changes):
    images, labels = images or draw_images()
    models = models or [build(seed) for seed in range(NUM_MEMBERS)]
    validation = together(NUM_IMAGES, images, labels)
    results = train_stacked(models, together(0, images, labels), validation, schedule(**changes), ORDER_SEEDS)
    return models, results


def train_alone(member, build, **changes):
    images, labels = draw_images()
    model = build(member)
    validation = own(member, NUM_IMAGES, images, labels)
    result = train(model, own(member, 0, images, labels), validation, schedule(**changes), ORDER_SEEDS[member])
    return model, result


@pytest.mark.parametrize("build", [convolutions, normalized, published_blocks, linear])
@pytest.mark.parametrize("ends", [{"patience": 2}, {"patience": None}, {"patience": 2, "restore_best_weights": False}])
def test_each_member_ends_as_it_would_alone(build, ends):
    models, results = train_all(build, **ends)
    for member, (model, result) in enumerate(zip(models, results, strict=True)):
        alone, expected = train_alone(member, build, **ends)
        assert result.best_epoch == expected.best_epoch
        assert len(result.curve) == len(expected.curve)
        for point, other in zip(result.curve, expected.curve, strict=True):
            assert point.train_accuracy == other.train_accuracy
            assert point.validation_accuracy == other.validation_accuracy
            assert point.train_loss == pytest.approx(other.train_loss, rel=LOSS_TOLERANCE)
            assert point.validation_loss == pytest.approx(other.validation_loss, rel=LOSS_TOLERANCE)
        for name, value in model.state_dict().items():
            torch.testing.assert_close(value, alone.state_dict()[name], rtol=1e-3, atol=1e-4)


def test_without_validation_each_member_keeps_its_last_weights():
    images, labels = draw_images()
    models = [convolutions(seed) for seed in range(NUM_MEMBERS)]
    results = train_stacked(models, together(0, images, labels), None, schedule(epochs=3), ORDER_SEEDS)
    for member, (model, result) in enumerate(zip(models, results, strict=True)):
        alone = convolutions(member)
        train(alone, own(member, 0, images, labels), None, schedule(epochs=3), ORDER_SEEDS[member])
        assert result.best_epoch == len(result.curve) == 3
        for name, value in model.state_dict().items():
            torch.testing.assert_close(value, alone.state_dict()[name], rtol=1e-3, atol=1e-4)


def test_the_same_group_gives_the_same_bits():
    first, again = train_all(), train_all()
    assert first[1] == again[1]
    assert all(map(same_bits, first[0], again[0]))


def test_a_member_has_the_same_bits_whatever_the_others_are():
    models, results = train_all(patience=2)
    others = [convolutions(50), convolutions(1), convolutions(51)]
    changed, changed_results = train_all(models=others, patience=2)
    assert results[1] == changed_results[1]
    assert same_bits(models[1], changed[1])
    assert results[0] != changed_results[0]


def test_a_member_that_diverges_is_reported_and_leaves_the_others_their_bits():
    models, results = train_all()
    disturbed = [convolutions(seed) for seed in range(NUM_MEMBERS)]
    with torch.no_grad():
        disturbed[1].head.out.weight.fill_(float("inf"))
    _, disturbed_results = train_all(models=disturbed)
    assert isinstance(disturbed_results[1], DivergedError)
    assert disturbed_results[1].curve == ()
    for member in (0, 2):
        assert disturbed_results[member] == results[member]
        assert same_bits(disturbed[member], models[member])


def test_a_member_that_diverges_later_keeps_the_epochs_before(monkeypatch):
    fake_validations(monkeypatch, [[0.5] * 3, [0.6] * 3, [0.7] * 3], losses=[[1.0] * 3, [1.0, float("nan"), 1.0]])
    _, results = train_all(linear, epochs=3, patience=None)
    assert isinstance(results[1], DivergedError)
    assert [point.epoch for point in results[1].curve] == [1]
    assert [len(results[member].curve) for member in (0, 2)] == [3, 3]


NOTHING = torch.zeros(0, dtype=torch.int64)


def fake_validations(monkeypatch, accuracies, losses=()):
    """Make every member's validation accuracy, epoch by epoch, what a test says it is; return the weights seen."""
    seen = []
    losses = [*losses, *([1.0] * NUM_MEMBERS for _ in accuracies[len(losses) :])]

    def evaluate_stack(stack, examples, precision):
        epoch = len(seen)
        seen.append({name: value.clone() for name, value in stack.values().items()})
        return [
            Evaluation(loss, accuracy, NOTHING, NOTHING, num_classes=2)
            for loss, accuracy in zip(losses[epoch], accuracies[epoch], strict=True)
        ]

    monkeypatch.setattr(stacked, "evaluate_stack", evaluate_stack)
    return seen


def test_each_member_stops_by_itself_and_keeps_the_weights_of_its_own_best_epoch(monkeypatch):
    accuracies = [[0.5, 0.5, 0.9], [0.6, 0.5, 0.8], [0.6, 0.7, 0.8], [0.5, 0.6, 1.0], [1.0, 0.7, 1.0]]
    seen = fake_validations(monkeypatch, [*accuracies, [0.0] * 3, [0.0] * 3])
    models, results = train_all(linear, epochs=7, patience=2)
    assert [result.best_epoch for result in results] == [2, 3, 1]
    assert [len(result.curve) for result in results] == [4, 5, 3]
    assert len(seen) == 5, "training goes on although all members have stopped"
    for member, (model, result) in enumerate(zip(models, results, strict=True)):
        best = seen[result.best_epoch - 1]
        assert all(torch.equal(value, best[name][member]) for name, value in model.state_dict().items())


def test_each_member_sees_its_own_images_in_its_own_order():
    seen = []

    class Recorder(Images):
        def gather(self, positions):
            seen.append(positions.view(NUM_MEMBERS, -1))
            return super().gather(positions)

    images, labels = draw_images()
    rows = torch.stack([rows_of(member) for member in range(NUM_MEMBERS)])
    examples = StackedExamples(Recorder(images), rows, labels[rows], shared=False)
    train_stacked([linear(0)] * NUM_MEMBERS, examples, None, schedule(epochs=1), ORDER_SEEDS)
    for member, seed in enumerate(ORDER_SEEDS):
        order = torch.randperm(NUM_IMAGES, generator=torch.Generator().manual_seed(seed))
        assert torch.equal(torch.cat(seen, dim=1)[member], rows[member][order])


def test_bfloat16_blocks_train_with_a_float32_head():
    _, results = train_all(epochs=2, precision="bf16")
    for member, result in enumerate(results):
        assert isinstance(result, Training)
        _, expected = train_alone(member, convolutions, epochs=2, precision="bf16")
        for point, other in zip(result.curve, expected.curve, strict=True):
            assert point.train_loss == pytest.approx(other.train_loss, rel=0.02)


@pytest.mark.parametrize("shared", [True, False])
@pytest.mark.parametrize("precision", ["float32", "bf16"])
def test_members_are_evaluated_as_alone_and_shared_examples_are_gathered_once(shared, precision):
    images, labels = draw_images()
    models = [convolutions(seed) for seed in range(NUM_MEMBERS)]
    rows = rows_of(0).expand(NUM_MEMBERS, -1)
    inputs = Images(images)
    examples = StackedExamples(inputs, rows, labels[rows], shared, chunk=10)
    results = evaluate_stack(Stack(models), examples, precision)
    assert inputs.num_gathered == NUM_IMAGES * (1 if shared else NUM_MEMBERS)
    for model, result in zip(models, results, strict=True):
        alone = evaluate(model, own(0, 0, images, labels), precision)
        assert result.loss == pytest.approx(alone.loss, rel=1e-2 if precision == "bf16" else LOSS_TOLERANCE)
        assert result.predictions.shape == (NUM_IMAGES,)
        if precision == "float32":
            assert torch.equal(result.predictions, alone.predictions)
            assert result.accuracy == alone.accuracy


def test_evaluating_on_nothing_is_refused():
    examples = StackedExamples(Images(torch.zeros(0, 36)), *torch.zeros(2, NUM_MEMBERS, 0, dtype=torch.int64), True)
    with pytest.raises(ValueError, match="at least one example"):
        evaluate_stack(Stack([linear(0)] * NUM_MEMBERS), examples)


def test_models_that_draw_at_random_are_refused_by_the_name_of_the_layer():
    model = nn.Sequential(nn.Flatten(), nn.Linear(36, 3), nn.Dropout(0.5))
    with pytest.raises(ValueError, match="draw at random in training cannot be trained as one: 2"):
        Stack([model, copy.deepcopy(model)])
    Stack([nn.Sequential(nn.Linear(2, 2), nn.Dropout(0.0))] * 2)


def test_a_random_function_that_is_no_layer_is_refused_too():
    class Hidden(nn.Linear):
        def forward(self, values):
            return nn.functional.dropout(super().forward(values), training=self.training)

    models = [nn.Sequential(nn.Flatten(), Hidden(36, NUM_CLASSES)) for _ in range(NUM_MEMBERS)]
    images, labels = draw_images()
    with pytest.raises(RuntimeError, match="random"):
        train_stacked(models, together(0, images, labels), None, schedule(), ORDER_SEEDS)


def test_the_order_of_numbers_in_a_chunk_follows_the_examples():
    images, labels = draw_images()
    rows = torch.from_numpy(np.arange(6).reshape(2, 3))
    chunks = list(StackedExamples(Images(images), rows, labels[rows], shared=False, chunk=2).chunks())
    assert [tuple(inputs.shape) for inputs, _ in chunks] == [(2, 2, 1, 6, 6), (2, 1, 1, 6, 6)]
    assert torch.equal(chunks[1][0][1, 0], images[5])
    assert torch.equal(chunks[0][1], labels[rows[:, :2]])


RULES = [
    {"optimizer": "adamw", "weight_decay": 0.1},
    {"optimizer": "sgd", "momentum": 0.9, "nesterov": True, "lr": 0.05},
    {"lr_schedule": "cosine"},
    {"lr_schedule": "one_cycle"},
    {"lr_schedule": "step", "lr_step_epochs": 2, "warmup_steps": 3},
    {"optimizer": "sgd", "lr": 0.5, "clip_norm": 0.3},
    {"label_smoothing": 0.2},
    {"class_weights": "balanced", "label_smoothing": 0.1},
    {"class_weights": (1.0, 7.0, 2.0)},
    {"kept_lr_scale": 0.1},
    {"pull": 0.5},
    {"target_accuracy": 0.6, "patience": None},
    {"patience": 1, "patience_watch": "loss"},
    {"patience": None, "log_points": ("0", "batch 1", "batch 2", "epoch 1", "epoch 3", "epoch 30")},
]


@pytest.mark.parametrize("rules", RULES, ids="-".join)
def test_each_member_ends_as_it_would_alone_under_every_rule_of_training(rules):
    images, labels = draw_images()
    kept = {"blocks.conv0.conv.weight", "blocks.conv0.conv.bias"}
    kept = Handling(dict.fromkeys(kept, rules.get("kept_lr_scale", 1.0)), kept, rules.get("pull", 0.0))
    models = [convolutions(seed) for seed in range(NUM_MEMBERS)]
    validation = together(NUM_IMAGES, images, labels)
    results = train_stacked(models, together(0, images, labels), validation, schedule(**rules), ORDER_SEEDS, kept)
    for member, (model, result) in enumerate(zip(models, results, strict=True)):
        alone = convolutions(member)
        parts = (own(member, start, images, labels) for start in (0, NUM_IMAGES))
        expected = train(alone, *parts, schedule(**rules), ORDER_SEEDS[member], kept)
        assert result.best_epoch == expected.best_epoch
        assert result.log_accuracies == expected.log_accuracies
        assert [point.learning_rate for point in result.curve] == [point.learning_rate for point in expected.curve]
        for point, other in zip(result.curve, expected.curve, strict=True):
            assert point.validation_accuracy == other.validation_accuracy
            assert point.train_loss == pytest.approx(other.train_loss, rel=LOSS_TOLERANCE)
        for name, value in model.state_dict().items():
            torch.testing.assert_close(value, alone.state_dict()[name], rtol=1e-3, atol=1e-4)


def test_each_rule_changes_what_comes_out():
    plain = train_all(patience=None)[1]
    for rules in RULES[:-5]:
        assert train_all(**{"patience": None, **rules})[1][0].curve[-1].train_loss != plain[0].curve[-1].train_loss


def test_a_plateau_has_a_rate_for_each_member_and_is_refused():
    with pytest.raises(ValueError, match="learning rate of their own each"):
        train_all(lr_schedule="plateau")
