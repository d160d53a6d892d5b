"""A pilot: trainings at one learning rate, judged on images that they have not seen, and on no test image."""

from __future__ import annotations

import time
from collections.abc import Iterator

from layercut.data.splits import splits_hash
from layercut.plan.jobs import PilotJob
from layercut.records import FailureRecord, PilotRecord
from layercut.stages.context import RunContext
from layercut.stages.guard import attempt
from layercut.stages.transfer import judge_trial, training_examples, validation_examples
from layercut.stages.trial import Trial, prepare_trial
from layercut.training.device import prepare_device
from layercut.training.history import DivergedError, Training


def run_pilot(job: PilotJob, context: RunContext) -> Iterator[PilotRecord | FailureRecord]:
    """Yield the record of the pilot; that it diverged is a result."""
    yield attempt(lambda: _run(job, context), context, job.key, "pilot")


def _run(job: PilotJob, context: RunContext) -> PilotRecord:
    started = time.perf_counter()
    prepare_device(context.torch_device, num_threads=1, deterministic=context.deterministic)
    trial = prepare_trial(job.condition, job.replicate, job.key, context)
    training = training_examples(trial, trial.split, context)
    try:
        outcome: Training | DivergedError = judge_trial(trial, training, validation_examples(trial, context), context)
    except DivergedError as error:
        outcome = error
    return _record(job, trial, outcome, context, time.perf_counter() - started)


def _record(
    job: PilotJob, trial: Trial, outcome: Training | DivergedError, context: RunContext, wall_seconds: float
) -> PilotRecord:
    done = None if isinstance(outcome, DivergedError) else outcome
    return PilotRecord(
        key=job.key,
        search=job.search,
        learning_rate=job.condition.training.lr,
        replicate=job.replicate,
        diverged=isinstance(outcome, DivergedError),
        validation_accuracy=None if done is None else done.validation_accuracy,
        validation_loss=None if done is None else done.validation_loss,
        best_epoch=None if done is None else done.best_epoch,
        num_epochs=len(outcome.curve),
        curve=outcome.curve,
        split_hash=splits_hash(trial.split, trial.folds),
        checkpoint_hash=trial.checkpoint_hash,
        precision=job.condition.training.precision,
        device=context.device,
        environment=context.environment,
        wall_seconds=wall_seconds,
        validation_score=None if done is None else done.validation_score(job.condition.training.metric),
    )
