"""One trial: cut, treat both sides, train on a fraction of the target, evaluate once on the test images."""

from __future__ import annotations

import time
from collections.abc import Iterator

import numpy as np
import torch
from numpy.typing import NDArray

from layercut.plan.canonical import trial_key
from layercut.plan.jobs import Condition, TransferJob
from layercut.records import FailureRecord, TrialRecord
from layercut.stages.augmented import Augmented, augmented_inputs
from layercut.stages.context import Context
from layercut.stages.guard import attempt
from layercut.stages.inputs import SplitName, trial_inputs
from layercut.stages.keep import keep_trial
from layercut.stages.trial import Evaluations, Trial, prepare_trial, trial_record
from layercut.training.batches import Examples, chunk_size
from layercut.training.device import prepare_device
from layercut.training.evaluate import evaluate
from layercut.training.loop import train


def run_transfer(job: TransferJob, context: Context) -> Iterator[TrialRecord | FailureRecord]:
    """Yield one record a replicate."""
    for replicate in job.replicates:
        key = trial_key(job.condition.key, replicate)

        def trial(replicate: int = replicate, key: str = key) -> TrialRecord:
            return run_trial(job.condition, replicate, key, context)

        yield attempt(trial, context, key, "transfer", job.condition.key, replicate)


def run_trial(condition: Condition, replicate: int, key: str, context: Context) -> TrialRecord:
    """Train and evaluate one replicate of a condition.

    Raises:
        DivergedError: the loss became infinite or NaN.
        DataError: the fraction leaves a class without an image.
    """
    started = time.perf_counter()
    prepare_device(context.torch_device, num_threads=1)
    trial = prepare_trial(condition, replicate, key, context)
    body, precision = trial.parts.body, condition.fitting.precision
    training, validation, test = _examples(trial, context)
    with torch.random.fork_rng():
        torch.manual_seed(trial.seeds.layers)
        result = train(body, training, validation, condition.fitting, trial.seeds.order, trial.parts.kept)
    on = Evaluations(test=evaluate(body, test, precision), train=evaluate(body, training, precision))
    record = trial_record(trial, result, on, trial.parts.trunk, context, time.perf_counter() - started)
    keep_trial(trial, record, on.test, context)
    return record


def _examples(trial: Trial, context: Context) -> tuple[Examples, Examples | None, Examples]:
    task, split, trunk = trial.task, trial.split, trial.parts.trunk
    chunk = chunk_size(trial.condition.model.largest_features(trial.condition.trunk))

    def examples(
        name: SplitName, positions: NDArray[np.int64], labels: NDArray[np.int64], augmented: Augmented = None
    ) -> Examples:
        inputs = trial_inputs(context, task, trial.condition.fitting, name, positions, trunk)
        return Examples(inputs, torch.as_tensor(labels[positions], device=context.torch_device), chunk, augmented)

    augmented = augmented_inputs(
        context, task, trial.condition.fitting, split.train[None], trunk, [trial.seeds.augment]
    )
    training = examples("train", split.train, task.train_labels, augmented)
    validation = examples("train", split.validation, task.train_labels) if len(split.validation) else None
    test = examples("test", np.arange(len(task.test_labels)), task.test_labels)
    return training, validation, test
