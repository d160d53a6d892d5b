"""What asks for validation images, and where there are none."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from layercut.data.splits import split_sizes
from layercut.data.subset import TaskInfo
from layercut.plan.jobs import Condition, Fitting, SourceJob

_MORE = {
    "within": "`validation: full` takes images from the whole target",
    "full": "a larger `transfer.val_split` or more images give some",
}


def validation_warnings(conditions: Iterable[Condition], info: TaskInfo) -> Iterator[str]:
    """Say which rules of training do nothing because a fraction is too small to spare validation images."""
    asking: dict[tuple[float, str, str], None] = {}
    for condition in conditions:
        rules = " and ".join(_rules(condition.fitting))
        if (
            rules
            and not split_sizes(info.train_counts, condition.fraction, condition.validation, condition.val_split)[1]
        ):
            asking[condition.fraction, rules, condition.validation] = None
    for fraction, rules, validation in asking:
        yield (
            f"{info.label} at {100 * fraction:g} %: a class cannot spare a validation image, so {rules} cannot be "
            f"seen: such trials train all their epochs; {_MORE[validation]}"
        )


def source_warnings(jobs: Iterable[SourceJob], info: TaskInfo) -> Iterator[str]:
    """Say which rules of pretraining do nothing because a class is too small to spare validation images."""
    for job in jobs:
        rules = list(_rules(job.fitting))
        if job.fitting.patience is not None:
            rules.insert(0, f"early stopping (patience {job.fitting.patience})")
        if job.kind == "train" and rules and not split_sizes(info.train_counts, 1.0, "full", job.val_split)[1]:
            yield (
                f"pretraining on {info.label}: a class cannot spare a validation image at `val_split: "
                f"{job.val_split:g}`, so {' and '.join(rules)} cannot be seen: all {job.fitting.epochs} epochs are "
                "trained and the last weights count; a larger `pretraining.val_split` or more images give some"
            )


def _rules(fitting: Fitting) -> Iterator[str]:
    if fitting.lr_schedule == "plateau":
        yield "the plateau of the learning rate"
    if fitting.target_accuracy is not None:
        yield f"the target accuracy {fitting.target_accuracy:g}"
    if fitting.log_points:
        yield "the accuracy at log_points"
