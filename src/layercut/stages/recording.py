"""The record of a trained trial."""

from __future__ import annotations

import math
from typing import NamedTuple

from torch import nn

from layercut.data.splits import splits_hash
from layercut.data.subset import Task
from layercut.records import TrialRecord, log_area
from layercut.stages.context import RunContext
from layercut.stages.inputs import FrozenTrunk
from layercut.stages.trial import Trial
from layercut.training.evaluate import Evaluation
from layercut.training.history import DivergedError, Training


class Evaluations(NamedTuple):
    """How well a trained model does."""

    train: Evaluation
    test: Evaluation | None
    """None: the test images are left alone."""


def trial_record(
    trial: Trial, result: Training, on: Evaluations, trunk: FrozenTrunk | None, context: RunContext, wall_seconds: float
) -> TrialRecord:
    """Return the record of a trained trial; `trunk` is the frozen trunk that its inputs came through.

    Raises:
        DivergedError: the loss on the test images is infinite or NaN.
    """
    if on.test is not None and not math.isfinite(on.test.loss):
        raise DivergedError(len(result.curve), result.curve)
    config = trial.condition.training
    tested = on.test.counts() if on.test else None
    test, held_out = (counts.scores() if counts else None for counts in (tested, result.held_out))
    return TrialRecord(
        key=trial.key,
        condition=trial.condition.key,
        replicate=trial.replicate,
        train_accuracy=on.train.accuracy,
        validation_accuracy=result.validation_accuracy,
        validation_loss=result.validation_loss,
        test_accuracy=on.test.accuracy if on.test else None,
        test_loss=on.test.loss if on.test else None,
        best_epoch=result.best_epoch,
        num_epochs=len(result.curve),
        curve=result.curve,
        num_train_images=len(trial.split.train),
        num_validation_images=len(trial.split.validation) + sum(len(fold.validation) for fold in trial.folds),
        num_test_images=len(trial.task.test_labels) if on.test else None,
        num_duplicates_dropped=trial.task.num_duplicates_dropped,
        num_trained_parameters=_num_parameters(trial.parts.body, trained=True),
        num_parameters=_num_parameters(trial.model),
        frozen_unchanged=_frozen_unchanged(trial, trunk, result.best_epoch),
        seeds=trial.seeds._asdict(),
        split_hash=splits_hash(trial.split, trial.folds),
        checkpoint_hash=trial.checkpoint_hash,
        classification_report=_report(trial.task, on.test) if config.classification_report and on.test else None,
        precision=config.precision,
        device=context.device,
        num_threads=1,
        environment=context.environment,
        wall_seconds=wall_seconds,
        log_area=log_area([accuracy for _, accuracy in result.log_accuracies]),
        log_accuracies=dict(result.log_accuracies),
        num_validation_looks=result.num_validation_looks,
        num_folds=len(trial.folds),
        stop_reason=result.stop_reason,
        num_steps=result.num_steps,
        penalty_strength=result.penalty_strength,
        validation_balanced_accuracy=held_out.balanced_accuracy if held_out else None,
        validation_macro_f1=held_out.macro_f1 if held_out else None,
        test_balanced_accuracy=test.balanced_accuracy if test else None,
        test_macro_f1=test.macro_f1 if test else None,
        num_effective_validation_images=result.held_out.effective() if result.held_out else None,
        num_effective_test_images=tested.effective() if tested else None,
    )


def _frozen_unchanged(trial: Trial, trunk: FrozenTrunk | None, best_epoch: int) -> bool | None:
    """`trunk` is the one that the inputs came through: a group of trials has one in common.

    Blocks that had not joined when the weights were the best were frozen until then.
    """
    waiting = trial.waiting(best_epoch)
    if trial.frozen_hash is None and not waiting:
        return None
    unmoved = all(trial.parts.block_hash(name) == trial.block_hashes[name] for name in waiting)
    return unmoved and trial.parts._replace(trunk=trunk).frozen_hash() == trial.frozen_hash


def _num_parameters(model: nn.Module, trained: bool = False) -> int:
    return sum(parameter.numel() for parameter in model.parameters() if parameter.requires_grad or not trained)


def _report(task: Task, result: Evaluation) -> dict[str, dict[str, float]]:
    from sklearn.metrics import classification_report  # noqa: PLC0415 - scikit-learn takes a second to import

    report = classification_report(
        task.test_labels,
        result.predictions.cpu().numpy(),
        labels=range(len(task.class_names)),
        target_names=list(task.class_names),
        output_dict=True,
        zero_division=0.0,
    )
    return {name: values for name, values in report.items() if isinstance(values, dict)}
