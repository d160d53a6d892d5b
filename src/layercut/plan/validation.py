"""What asks for validation images, and where there are none."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from layercut.data.splits import split_sizes
from layercut.data.subset import TaskInfo
from layercut.plan.jobs import Condition, Fitting


def validation_warnings(conditions: Iterable[Condition], info: TaskInfo) -> Iterator[str]:
    """Say which rules of training do nothing because a fraction is too small to spare validation images."""
    asking: dict[tuple[float, str], None] = {}
    for condition in conditions:
        rules = " and ".join(_rules(condition.fitting))
        if (
            rules
            and not split_sizes(info.train_counts, condition.fraction, condition.validation, condition.val_split)[1]
        ):
            asking[condition.fraction, rules] = None
    for fraction, rules in asking:
        yield (
            f"{info.label} at {100 * fraction:g} %: no class can spare a validation image, so {rules} cannot be seen: "
            "such trials train all their epochs; `validation: full` takes images from the whole target"
        )


def _rules(fitting: Fitting) -> Iterator[str]:
    if fitting.lr_schedule == "plateau":
        yield "the plateau of the learning rate"
    if fitting.target_accuracy is not None:
        yield f"the target accuracy {fitting.target_accuracy:g}"
    if fitting.log_points:
        yield "the accuracy at log_points"
