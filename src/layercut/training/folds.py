"""Training with cross-validation: every image is predicted once by a model that has not seen it.

One model a fold is trained, all side by side, a round each in turn. After each round the predictions of all held-out
images are pooled, so stopping and the best epoch rest on as many images as there are labels, not on a tenth of them.
The model that is kept is then trained on everything, for as many rounds as were best.

The best round is the one with the best predictions, so these flatter it, the more the rounds differ by chance. The
score of the training is therefore that of the same choice made without the images it is scored on: each fold's
predictions are those of the round that is best on the other folds. With `restore_best_weights: false` nothing is
chosen: all predictions are those of the last round.

Reference:
    Stone 1974, "Cross-validatory choice and assessment of statistical predictions"; Varma and Simon 2006, "Bias in
    error estimation when using cross-validation for model selection". We differ from nested cross-validation in that
    the inner folds are the outer ones that are left, so nothing is trained twice, and from the common k-fold search in
    that the folds stop together: a best epoch of each fold's own would rest on a handful of images.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import NamedTuple, TypeVar

from torch import nn

from layercut.metrics import ACCURACY, ClassCounts, Metric, pooled
from layercut.records import EpochPoint
from layercut.training.batches import Examples
from layercut.training.config import TrainingConfig
from layercut.training.evaluate import Evaluation, evaluate
from layercut.training.handling import PLAIN, Handling
from layercut.training.history import Training, TrainingHistory
from layercut.training.loop import Optimization
from layercut.training.rounds import Rounds

T = TypeVar("T")


class Fold(NamedTuple):
    """One model of a cross-validation."""

    model: nn.Module
    training: Examples
    held_out: Examples


def train_folds(
    folds: Sequence[Fold], config: TrainingConfig, rounds: Rounds, order_seed: int, handling: Handling = PLAIN
) -> Training:
    """Train the models of all folds in place, side by side, until they stop together.

    Values of the curve are means over all images of all folds; a metric over classes is that of all their predictions
    together. The best epoch is that with the highest accuracy, or other metric, on the held-out images; of equal ones,
    that with the lowest log loss; or the last one, where its weights are asked for.

    Args:
        folds: models with the same initial values; each image is held out at most once.
        rounds: the length of the training on all images, which the folds follow round for round.
        handling: of parameters that do not learn like the others.

    Raises:
        DivergedError: a loss became infinite or NaN, in any fold.
    """
    runs = [Optimization(fold.model, fold.training, config, rounds, order_seed, handling) for fold in folds]
    since = runs[0].unfreezing.last
    restores = config.restore_best_weights
    history = TrainingHistory(config.patience, config.target_accuracy, "loss", config.patience_watch, since, restores)
    num_looks = 0
    looks: list[list[Evaluation]] = []
    for number in range(1, rounds.number + 1):
        trained = [run.round(number) for run in runs]
        held_out = [evaluate(fold.model, fold.held_out, config.precision) for fold in folds]
        looks.append(held_out)
        num_looks += sum(len(fold.held_out) for fold in folds)
        point = EpochPoint(
            number,
            _mean([point.train_loss for point in trained], [len(fold.training) for fold in folds]),
            _mean([point.train_accuracy for point in trained], [len(fold.training) for fold in folds]),
            _mean_loss(held_out),
            _mean([on.accuracy for on in held_out], [len(fold.held_out) for fold in folds]),
            trained[0].learning_rate,
            None if config.metric == ACCURACY else _score([on.counts() for on in held_out], config.metric),
        )
        history.add(point)
        if history.stopped:
            break
        for run in runs:
            run.rate.after_round(point)
    result = history.result()
    unseen = _unseen(looks, config.metric, result.best_epoch) if restores else looks[-1]
    counts = [one.counts() for one in unseen]
    score = _score(counts, ACCURACY), _mean_loss(unseen)
    return result._replace(num_validation_looks=num_looks, held_out=pooled(counts), out_of_fold=score)


def train_for(
    model: nn.Module,
    examples: Examples,
    config: TrainingConfig,
    rounds: Rounds,
    num_rounds: int,
    order_seed: int,
    history: Sequence[EpochPoint],
    handling: Handling = PLAIN,
) -> int:
    """Train a model in place for the first `num_rounds` rounds of a longer training, as its folds were.

    `history` has what the folds' rounds gave, which a plateau of the learning rate follows.

    Returns: the number of steps.

    Raises:
        DivergedError: the loss became infinite or NaN.
    """
    run = Optimization(model, examples, config, rounds, order_seed, handling)
    own = TrainingHistory(None)
    for number in range(1, num_rounds + 1):
        own.add(run.round(number))
        run.rate.after_round(history[number - 1])
    run.unfreezing.end()
    return rounds.num_steps(run.steps_an_epoch, num_rounds)


def _unseen(looks: Sequence[Sequence[Evaluation]], metric: Metric, best_epoch: int) -> list[Evaluation]:
    """Return each fold's evaluation in the round that is best on all other folds; `looks` has all folds of each round.

    A single fold has no others: its round is `best_epoch`.
    """
    if len(looks[0]) == 1:
        return [looks[best_epoch - 1][0]]
    counts = [[one.counts() for one in held_out] for held_out in looks]
    found = []
    for place in range(len(looks[0])):
        ranks = [
            (_score(_without(own, place), metric), -_mean_loss(_without(held_out, place)))
            for own, held_out in zip(counts, looks, strict=True)
        ]
        found.append(looks[ranks.index(max(ranks))][place])
    return found


def _without(values: Sequence[T], place: int) -> list[T]:
    return [*values[:place], *values[place + 1 :]]


def _score(held_out: Iterable[ClassCounts], metric: Metric) -> float:
    """Return the metric of the predictions of several folds together; NaN of none."""
    counts = pooled(held_out)
    return math.nan if counts is None else float(getattr(counts.scores(), metric))


def _mean_loss(held_out: Sequence[Evaluation]) -> float:
    return _mean([one.loss for one in held_out], [len(one.labels) for one in held_out])


def _mean(values: Sequence[float], weights: Sequence[int]) -> float:
    return math.fsum(value * weight for value, weight in zip(values, weights, strict=True)) / sum(weights)
