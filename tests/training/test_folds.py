"""Cross-validation: the pooled values are those of models trained one by one, and the final model sees everything."""

from __future__ import annotations

import copy
import dataclasses

import pytest
import torch
from torch import nn

from layercut.errors import TrialDivergedError
from layercut.training.batches import Examples
from layercut.training.evaluate import Evaluation, evaluate
from layercut.training.folds import Fold, train_folds, train_for
from layercut.training.loop import train
from layercut.training.rounds import Rounds
from support.training_cases import Vectors, linear, schedule, separable


def some(examples: Examples, positions: list[int]) -> Examples:
    return Examples(Vectors(examples.inputs.values[positions]), examples.labels[positions])


def split(examples: Examples, num_folds: int) -> list[tuple[list[int], list[int]]]:
    everything = range(len(examples))
    return [
        ([i for i in everything if i % num_folds != fold], [i for i in everything if i % num_folds == fold])
        for fold in range(num_folds)
    ]


def folds_of(examples: Examples, model: nn.Module, num_folds: int = 3) -> list[Fold]:
    return [
        Fold(copy.deepcopy(model), some(examples, train_on), some(examples, held_out))
        for train_on, held_out in split(examples, num_folds)
    ]


def noisy(num: int = 41) -> Examples:
    generator = torch.Generator().manual_seed(4)
    labels = torch.arange(num) % 2
    return Examples(Vectors(torch.randn(num, 3, generator=generator) + 0.8 * labels[:, None]), labels)


def test_each_point_of_the_curve_pools_models_that_were_trained_alone():
    examples, rules = noisy(), schedule(epochs=3, lr=0.2)
    result = train_folds(folds_of(examples, linear()), rules, Rounds(3), order_seed=7)
    for epoch in (1, 2, 3):
        loss = right = 0.0
        for train_on, held_out in split(examples, 3):
            alone = linear()
            train(alone, some(examples, train_on), None, schedule(epochs=epoch, lr=0.2), order_seed=7)
            on = evaluate(alone, some(examples, held_out))
            loss, right = loss + on.loss * len(held_out), right + on.accuracy * len(held_out)
        assert result.curve[epoch - 1].validation_accuracy == pytest.approx(right / 41, abs=1e-12)
        assert result.curve[epoch - 1].validation_loss == pytest.approx(loss / 41, rel=1e-6)
    assert result.num_validation_looks == 3 * 41


def test_of_equally_accurate_epochs_the_one_with_the_lowest_log_loss_is_the_best():
    examples = separable()
    result = train_folds(folds_of(examples, linear()), schedule(epochs=12, lr=0.3), Rounds(12), order_seed=0)
    highest = max(point.validation_accuracy for point in result.curve)
    tied = [point for point in result.curve if point.validation_accuracy == highest]
    assert len(tied) > 1
    assert result.best_epoch == min(tied, key=lambda point: point.validation_loss).epoch


def test_each_fold_is_scored_in_the_round_that_is_best_on_the_others():
    """By hand: models trained alone for each number of rounds, evaluated on what their fold holds out."""
    examples, rules, num_rounds = noisy(), schedule(epochs=6, lr=0.5), 6
    result = train_folds(folds_of(examples, linear()), rules, Rounds(num_rounds), order_seed=7)
    right = torch.zeros(num_rounds, 3)
    loss = torch.zeros(num_rounds, 3, dtype=torch.float64)
    sizes = torch.tensor([len(held_out) for _, held_out in split(examples, 3)])
    for fold, (train_on, held_out) in enumerate(split(examples, 3)):
        for number in range(num_rounds):
            alone = linear()
            train(alone, some(examples, train_on), None, schedule(epochs=number + 1, lr=0.5), order_seed=7)
            on = evaluate(alone, some(examples, held_out))
            right[number, fold], loss[number, fold] = round(on.accuracy * len(held_out)), on.loss * len(held_out)
    total_right = total_loss = 0.0
    for fold in range(3):
        others = [other for other in range(3) if other != fold]
        ranks = [(right[n, others].sum().item(), -loss[n, others].sum().item()) for n in range(num_rounds)]
        best = ranks.index(max(ranks))
        total_right, total_loss = total_right + right[best, fold].item(), total_loss + loss[best, fold].item()
    assert result.validation_accuracy == total_right / sizes.sum().item()
    assert result.validation_loss == pytest.approx(total_loss / sizes.sum().item(), rel=1e-6)
    assert result.held_out.scores().accuracy == result.validation_accuracy


def test_a_metric_over_classes_is_scored_apart_too(monkeypatch):
    """By hand: each fold holds out three of class 0 and one of class 1, and is right of class 1 in one round alone.

    Together, round 1 has recalls of 6/6 and 1/2, round 2 of 5/6 and 1/2. Fold 0 is scored in round 1, the best on fold
    1, and fold 1 in round 2: both then name class 0 alone.
    """
    labels = torch.tensor([0, 0, 0, 1])
    held_out = Examples(Vectors(torch.zeros(4, 3)), labels)
    predicted = iter([[0, 0, 0, 0], [0, 0, 0, 1], [1, 0, 0, 1], [0, 0, 0, 0]])

    def looked(model: nn.Module, examples: Examples, precision: str) -> Evaluation:
        answers = torch.tensor(next(predicted))
        return Evaluation(0.5, (answers == labels).float().mean().item(), answers, labels, 2)

    monkeypatch.setattr("layercut.training.folds.evaluate", looked)
    folds = [Fold(linear(), noisy(), held_out) for _ in range(2)]
    rules = dataclasses.replace(schedule(epochs=2), metric="balanced_accuracy")
    result = train_folds(folds, rules, Rounds(2), order_seed=7)
    assert result.best_epoch == 1
    assert result.curve[0].validation_score == 0.75
    assert result.validation_score("balanced_accuracy") == 0.5
    assert result.validation_accuracy == 0.75


def test_where_rounds_differ_by_chance_alone_the_score_is_chance_though_the_best_round_looks_better():
    """Labels that have nothing to do with the images."""
    scores, best = [], []
    for seed in range(20):
        generator = torch.Generator().manual_seed(seed)
        labels = torch.arange(24) % 2
        examples = Examples(
            Vectors(torch.randn(24, 3, generator=generator)), labels[torch.randperm(24, generator=generator)]
        )
        result = train_folds(folds_of(examples, linear(), 4), schedule(epochs=12, lr=1.0), Rounds(12), order_seed=seed)
        scores.append(result.validation_accuracy)
        best.append(result.curve[result.best_epoch - 1].validation_accuracy)
    assert sum(best) / 20 > 0.55
    assert sum(scores) / 20 < 0.52


def test_a_fold_that_is_the_only_one_to_hold_images_out_is_scored_in_the_best_round():
    examples = noisy()
    (fold, *_) = folds_of(examples, linear())
    result = train_folds([fold], schedule(epochs=6, lr=0.5), Rounds(6), order_seed=7)
    assert result.validation_accuracy == result.curve[result.best_epoch - 1].validation_accuracy


def test_without_restoring_the_best_weights_all_folds_are_scored_in_the_last_round():
    examples, rules = noisy(), schedule(epochs=6, lr=0.5, restore_best_weights=False)
    result = train_folds(folds_of(examples, linear()), rules, Rounds(6), order_seed=1)
    right = 0.0
    for train_on, held_out in split(examples, 3):
        alone = linear()
        train(alone, some(examples, train_on), None, schedule(epochs=6, lr=0.5), order_seed=1)
        right += evaluate(alone, some(examples, held_out)).accuracy * len(held_out)
    assert result.best_epoch == 6
    assert result.validation_accuracy == pytest.approx(right / 41, abs=1e-12)
    best = train_folds(folds_of(examples, linear()), schedule(epochs=6, lr=0.5), Rounds(6), order_seed=1)
    assert best.best_epoch < 6


def test_all_folds_stop_together_after_patience():
    rules = schedule(epochs=30, patience=2, lr=1e-12)
    result = train_folds(folds_of(noisy(), linear()), rules, Rounds(30), order_seed=0)
    assert result.stop_reason == "patience"
    assert len(result.curve) < 30


def test_the_final_model_is_one_trained_on_everything_for_the_best_number_of_rounds():
    examples, rules = noisy(), schedule(epochs=9, lr=0.2)
    history = train_folds(folds_of(examples, linear()), rules, Rounds(9), order_seed=1).curve
    model, reference = linear(), linear()
    num_steps = train_for(model, examples, rules, Rounds(9), 4, 1, history)
    train(reference, examples, None, schedule(epochs=4, lr=0.2), order_seed=1)
    assert torch.equal(model.weight, reference.weight)
    assert num_steps == 4 * 3


def test_a_schedule_of_the_rate_is_cut_off_where_the_folds_were_best_and_not_squeezed():
    examples, rules = noisy(), schedule(epochs=8, lr=0.2, lr_schedule="cosine")
    history = train_folds(folds_of(examples, linear()), rules, Rounds(8), order_seed=1).curve
    model, whole = linear(), linear()
    train_for(model, examples, rules, Rounds(8), 3, 1, history)
    snapshots = train(
        whole, examples, None, schedule(epochs=8, lr=0.2, lr_schedule="cosine", checkpoints=("epoch 3",)), 1
    )
    assert torch.equal(model.weight, snapshots.snapshots["epoch 3"]["weight"])


def test_a_fold_that_diverges_is_the_end_of_the_trial():
    with pytest.raises(TrialDivergedError):
        train_folds(folds_of(noisy(), linear()), schedule(lr=float("inf")), Rounds(3), order_seed=0)
