"""The replicates of one condition trained as one model (`training/stacked.py`); their records are one commit."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from layercut.plan.canonical import trial_key
from layercut.plan.jobs import TransferJob
from layercut.records import FailureRecord, TrialRecord
from layercut.stages.augmented import Augmented, augmented_inputs
from layercut.stages.certificate import Batch, check_trained, values_to_train
from layercut.stages.context import RunContext
from layercut.stages.guard import attempt
from layercut.stages.inputs import FrozenTrunk, SplitName, trial_inputs
from layercut.stages.keep import keep_trial
from layercut.stages.recording import Evaluations, trial_record
from layercut.stages.trial import Trial, prepare_trial
from layercut.training.batches import StackedExamples, stacked_chunk_size
from layercut.training.device import prepare_device
from layercut.training.history import DivergedError, Training
from layercut.training.stack import Stack, evaluate_stack
from layercut.training.stacked import train_stacked


class Member(NamedTuple):
    """The result of one member of a group."""

    trial: Trial
    result: Training | DivergedError
    on: Evaluations
    certify: Callable[[int], None]
    """Checks that what the strategy trains was trained until an epoch, the best."""


def run_stacked(job: TransferJob, context: RunContext) -> tuple[TrialRecord | FailureRecord, ...]:
    """Return one record per replicate; what fails for all is a failure of each."""
    started = time.perf_counter()
    keys = [trial_key(job.condition.key, replicate) for replicate in job.replicates]
    outcome = attempt(lambda: run_members(job, context), context, job.key, "transfer", job.condition.key)
    wall_seconds = (time.perf_counter() - started) / len(keys)
    if isinstance(outcome, FailureRecord):
        return tuple(
            dataclasses.replace(outcome, key=key, replicate=replicate, wall_seconds=wall_seconds)
            for key, replicate in zip(keys, job.replicates, strict=True)
        )
    trunk = outcome[0].trial.parts.trunk
    return tuple(_record(member, trunk, context, wall_seconds) for member in outcome)


def run_members(job: TransferJob, context: RunContext) -> list[Member]:
    """Train and evaluate all replicates of a job as one model.

    Raises:
        DataError: the fraction leaves a class without an image.
    """
    condition = job.condition
    prepare_device(context.torch_device, num_threads=1, deterministic=context.deterministic)
    trials = [prepare_trial(condition, r, trial_key(condition.key, r), context) for r in job.replicates]
    training, validation, test = _examples(trials, context)
    bodies = [trial.parts.body for trial in trials]
    before = [values_to_train(trial) for trial in trials]
    order_seeds = [trial.seeds.order for trial in trials]
    handling = trials[0].parts.handling
    results = train_stacked(bodies, training, validation, condition.training, order_seeds, handling)
    stack = Stack(bodies)
    on_train = evaluate_stack(stack, training, condition.training.precision)
    on_test = evaluate_stack(stack, test, condition.training.precision) if test else [None] * len(trials)
    return [
        Member(trial, result, Evaluations(train, test), partial(check_trained, trial, before[m], _batch(training, m)))
        for m, (trial, result, train, test) in enumerate(zip(trials, results, on_train, on_test, strict=True))
    ]


def _batch(examples: StackedExamples, member: int) -> Batch:
    """Return a member's first examples, when they are asked for."""
    chunk = examples.chunk
    return lambda: (examples.inputs.gather(examples.rows[member, :chunk]), examples.labels[member, :chunk])


def _record(
    member: Member, trunk: FrozenTrunk | None, context: RunContext, wall_seconds: float
) -> TrialRecord | FailureRecord:
    def record() -> TrialRecord:
        if isinstance(member.result, DivergedError):
            raise member.result
        member.certify(member.result.best_epoch)
        made = trial_record(member.trial, member.result, member.on, trunk, context, wall_seconds)
        keep_trial(member.trial, made, member.on.test, context)
        return made

    trial = member.trial
    made = attempt(record, context, trial.key, "transfer", trial.condition.key, trial.replicate)
    return dataclasses.replace(made, wall_seconds=wall_seconds)


def _examples(
    trials: Sequence[Trial], context: RunContext
) -> tuple[StackedExamples, StackedExamples | None, StackedExamples | None]:
    """Return the examples of all members; the frozen trunk is the same for all, so the first one's is used."""
    condition, task, trunk = trials[0].condition, trials[0].task, trials[0].parts.trunk
    largest = condition.model.largest_features(condition.trunk)
    chunk = stacked_chunk_size(largest, len(trials))

    def examples(
        name: SplitName, own: list[NDArray[np.int64]], labels: NDArray[np.int64], augmented: Augmented = None
    ) -> StackedExamples:
        positions = _matrix(own)
        used = np.unique(positions)
        inputs = trial_inputs(context, task, condition.training, name, used, trunk)
        rows = torch.as_tensor(np.searchsorted(used, positions), device=context.torch_device)
        member_labels = torch.as_tensor(labels[positions], device=context.torch_device)
        shared = bool((positions == positions[0]).all())
        return StackedExamples(inputs, rows, member_labels, shared, chunk, augmented)

    splits = [trial.split for trial in trials]
    own, seeds = [split.train for split in splits], [trial.seeds.augment for trial in trials]
    augmented = augmented_inputs(context, task, condition.training, _matrix(own), trunk, seeds)
    training = examples("train", own, task.train_labels, augmented)
    has_validation = any(len(split.validation) for split in splits)
    validation = examples("train", [split.validation for split in splits], task.train_labels)
    everything = [np.arange(len(task.test_labels))] * len(trials)
    test = examples("test", everything, task.test_labels) if condition.tested else None
    return training, validation if has_validation else None, test


def _matrix(positions: list[NDArray[np.int64]]) -> NDArray[np.int64]:
    """Return Int64 "members n".

    Raises:
        ValueError: members have different numbers of images; stratified fractions give all the same.
    """
    sizes = sorted({len(own) for own in positions})
    if len(sizes) > 1:
        raise ValueError(f"expected members with the same number of images; got from {sizes[0]} to {sizes[-1]}")
    return np.stack(positions)
