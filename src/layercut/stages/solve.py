"""Solve a trial's head: alone, or as the start of a training."""

from __future__ import annotations

import dataclasses

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from layercut.metrics import ACCURACY
from layercut.models.base import CuttableModel
from layercut.records import EpochPoint
from layercut.stages.trial import Trial
from layercut.training.batches import Examples
from layercut.training.evaluate import Evaluation, evaluate_logits
from layercut.training.history import Training
from layercut.training.solved import HeadProblem, HeldOut, choose_strength, classifier, head_inputs
from layercut.training.validation import with_validation


def head_problem(trial: Trial, training: Examples, validation: Examples | None) -> HeadProblem:
    """Compute the features once, and choose the strength of the penalty on the replicate's selection data.

    Raises:
        UnsolvedError: there is no minimum, or features are infinite or NaN.
    """
    body, config = trial.parts.body, trial.condition.training
    parts = [training] if validation is None else [training, validation]
    features = torch.cat([head_inputs(body, part, config.precision) for part in parts])
    labels = torch.cat([part.labels for part in parts])
    folds = tuple(
        HeldOut(_rows(trial, fold.train, labels.device), _rows(trial, fold.validation, labels.device))
        for fold in trial.folds
    )
    splits = folds
    if validation is not None:
        rows = torch.arange(len(labels), device=labels.device)
        splits = (HeldOut(rows[: len(training)], rows[len(training) :]),)
    layer = classifier(body)
    rule = config.class_weights
    strength = choose_strength(features, labels, splits, layer.out_features, layer.bias is not None, rule)
    return HeadProblem(features, labels, len(training), folds, strength, rule)


def solve_trial(trial: Trial, training: Examples, validation: Examples | None) -> tuple[Training, Evaluation]:
    """Solve the head of a trial in place; return the solution and its performance on the training images.

    Raises:
        UnsolvedError: there is no minimum, or features are infinite or NaN.
    """
    problem, body = head_problem(trial, training, validation), trial.parts.body
    problem.solve(body)
    on_train = _evaluate(body, problem.features[: len(training)], training)
    strength, metric = problem.strength, trial.condition.training.metric
    point = EpochPoint(1, on_train.loss, on_train.accuracy, strength.loss)
    held_out = strength.held_out
    if validation is not None:
        on_validation = _evaluate(body, problem.features[len(training) :], validation)
        held_out, point = on_validation.counts(), with_validation(point, on_validation)
    if held_out is not None:
        scores = held_out.scores()
        other = None if metric == ACCURACY else float(getattr(scores, metric))
        point = dataclasses.replace(point, validation_accuracy=scores.accuracy, validation_score=other)
    result = Training(
        (point,),
        1,
        "solved",
        num_validation_looks=strength.num_looks,
        penalty_strength=strength.value,
        held_out=held_out,
    )
    return result, on_train


@torch.inference_mode()
def _evaluate(body: CuttableModel, features: Tensor, examples: Examples) -> Evaluation:
    """Evaluate the classifier on features, in the chunks of the whole model: with its bits."""
    chunks = features.split(examples.chunk)  # type: ignore[no-untyped-call]
    return evaluate_logits(torch.cat([classifier(body)(chunk) for chunk in chunks]), examples)


def _rows(trial: Trial, positions: NDArray[np.int64], device: torch.device) -> Tensor:
    return torch.as_tensor(np.searchsorted(trial.split.train, positions), device=device)
