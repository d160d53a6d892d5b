"""One trial: cut, treat both sides, train on a fraction of the target, evaluate once on the test images.

Where the plan leaves test images alone, as a recommendation does for all that it tries, no trial looks at them.
"""

from __future__ import annotations

import copy
import time
from collections.abc import Iterator

import numpy as np
import torch
from numpy.typing import NDArray

from layercut.data.splits import Split
from layercut.plan.canonical import trial_key
from layercut.plan.jobs import Condition, TransferJob
from layercut.records import FailureRecord, TrialRecord
from layercut.stages.augmented import Augmented, augmented_inputs
from layercut.stages.certificate import check_trained, values_to_train
from layercut.stages.context import RunContext
from layercut.stages.guard import attempt
from layercut.stages.inputs import SplitName, trial_inputs
from layercut.stages.keep import keep_trial
from layercut.stages.recording import Evaluations, trial_record
from layercut.stages.solve import head_problem, solve_trial
from layercut.stages.trial import Trial, prepare_trial
from layercut.training.batches import Examples, chunk_size
from layercut.training.device import prepare_device
from layercut.training.evaluate import evaluate
from layercut.training.folds import Fold, train_folds, train_for
from layercut.training.history import Training
from layercut.training.loop import train
from layercut.training.solved import HeadProblem


def run_transfer(job: TransferJob, context: RunContext) -> Iterator[TrialRecord | FailureRecord]:
    """Yield one record a replicate."""
    for replicate in job.replicates:
        key = trial_key(job.condition.key, replicate)

        def trial(replicate: int = replicate, key: str = key) -> TrialRecord:
            return run_trial(job.condition, replicate, key, context)

        yield attempt(trial, context, key, "transfer", job.condition.key, replicate)


def run_trial(condition: Condition, replicate: int, key: str, context: RunContext) -> TrialRecord:
    """Train and evaluate one replicate of a condition.

    Raises:
        DivergedError: the loss became infinite or NaN.
        DataError: the fraction leaves a class without an image.
        UntrainedError: something that the strategy trains was not trained.
        ValueError: its learning rate is not chosen yet.
    """
    if condition.rates:
        raise ValueError(f"expected a condition with one learning rate; got {len(condition.rates)} to choose from")
    started = time.perf_counter()
    prepare_device(context.torch_device, num_threads=1, deterministic=context.deterministic)
    trial = prepare_trial(condition, replicate, key, context)
    body, precision = trial.parts.body, condition.training.precision
    training = training_examples(trial, trial.split, context)
    validation, test = validation_examples(trial, context), _test_examples(trial, context)
    if condition.head == "solved":
        result, on_train = solve_trial(trial, training, validation)
    else:
        result = train_trial(trial, training, validation, context)
        on_train = evaluate(body, training, precision)
    on = Evaluations(test=evaluate(body, test, precision) if test else None, train=on_train)
    record = trial_record(trial, result, on, trial.parts.trunk, context, time.perf_counter() - started)
    keep_trial(trial, record, on.test, context)
    return record


def train_trial(trial: Trial, training: Examples, validation: Examples | None, context: RunContext) -> Training:
    """Train a prepared trial in place.

    Raises:
        DivergedError: the loss became infinite or NaN.
        UntrainedError: something that the strategy trains was not trained.
    """
    condition, body = trial.condition, trial.parts.body
    head = head_problem(trial, training, validation) if condition.head == "solved_first" else None
    if head is not None:
        head.solve(body)
    before = values_to_train(trial)
    with torch.random.fork_rng():
        torch.manual_seed(trial.seeds.layers)
        if trial.folds:
            result = _train_with_folds(trial, training, context, head)
        else:
            result = train(body, training, validation, condition.training, trial.seeds.order, trial.parts.handling)
    check_trained(trial, before, lambda: next(iter(training.chunks())), result.best_epoch)
    return result if head is None else result._replace(penalty_strength=head.strength.value)


def judge_trial(trial: Trial, training: Examples, validation: Examples | None, context: RunContext) -> Training:
    """Train what tells how well a prepared trial does on images that it has not seen, in place, and nothing else.

    With folds the models of the folds do; the trial's own, of all images, is left untrained.

    Raises:
        DivergedError: the loss became infinite or NaN.
        UntrainedError: something that the strategy trains was not trained.
    """
    if not trial.folds:
        return train_trial(trial, training, validation, context)
    head = head_problem(trial, training, validation) if trial.condition.head == "solved_first" else None
    with torch.random.fork_rng():
        torch.manual_seed(trial.seeds.layers)
        return _train_folds(trial, training, context, head)


def _train_with_folds(trial: Trial, training: Examples, context: RunContext, head: HeadProblem | None) -> Training:
    """Train the models of the folds, then the trial's own on all images for as long as was best for them."""
    config, seeds, body, handling = trial.condition.training, trial.seeds, trial.parts.body, trial.parts.handling
    rounds = config.rounds(len(training))
    result = _train_folds(trial, training, context, head)
    torch.manual_seed(seeds.layers)
    num_steps = train_for(body, training, config, rounds, result.best_epoch, seeds.order, result.curve, handling)
    return result._replace(num_steps=num_steps)


def _train_folds(trial: Trial, training: Examples, context: RunContext, head: HeadProblem | None) -> Training:
    """Train the models of the folds, copies of the trial's own, for as many rounds as it would be.

    `head`: each starts from the head that is solved on its own training images.
    """
    config, seeds, body, handling = trial.condition.training, trial.seeds, trial.parts.body, trial.parts.handling
    rounds = config.rounds(len(training))
    bodies = [copy.deepcopy(body) for _ in trial.folds]
    if head is not None:
        for number, model in enumerate(bodies):
            head.solve(model, number)
    folds = [
        Fold(model, training_examples(trial, fold, context), _held_out_examples(trial, fold, context))
        for model, fold in zip(bodies, trial.folds, strict=True)
    ]
    return train_folds(folds, config, rounds, seeds.order, handling)


def validation_examples(trial: Trial, context: RunContext) -> Examples | None:
    """Return a trial's validation images; None where it has none, or folds."""
    return _held_out_examples(trial, trial.split, context) if len(trial.split.validation) else None


def _test_examples(trial: Trial, context: RunContext) -> Examples | None:
    """Return the test images; None where the trial leaves them alone."""
    labels, is_tested = trial.task.test_labels, trial.condition.tested
    return _some_examples(trial, context, "test", np.arange(len(labels)), labels) if is_tested else None


def training_examples(trial: Trial, split: Split, context: RunContext) -> Examples:
    """Return the training images of a split, augmented afresh in every epoch where the study says so."""
    augmented = augmented_inputs(
        context,
        trial.task,
        trial.condition.training,
        split.train[None],
        trial.parts.trunk,
        [trial.seeds.augment],
    )
    return _some_examples(trial, context, "train", split.train, trial.task.train_labels, augmented)


def _held_out_examples(trial: Trial, split: Split, context: RunContext) -> Examples:
    return _some_examples(trial, context, "train", split.validation, trial.task.train_labels)


def _some_examples(
    trial: Trial,
    context: RunContext,
    name: SplitName,
    positions: NDArray[np.int64],
    labels: NDArray[np.int64],
    augmented: Augmented = None,
) -> Examples:
    trunk, condition = trial.parts.trunk, trial.condition
    chunk = chunk_size(condition.model.largest_features(condition.trunk))
    inputs = trial_inputs(context, trial.task, condition.training, name, positions, trunk)
    return Examples(inputs, torch.as_tensor(labels[positions], device=context.torch_device), chunk, augmented)
