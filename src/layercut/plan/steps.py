"""Warn of trainings that are too short to tell anything."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator

from layercut.data.base import DatasetInfo
from layercut.data.split_sizes import training_sizes
from layercut.plan.jobs import Condition
from layercut.training.config import TrainingConfig

FEW_STEPS = 100
"""Below so many, a network from random values has hardly begun to learn: the plain CNN of the digits, which has 94 % of
its images right in the end, has four of five after 60 steps."""

ENOUGH_STEPS = 300
"""What a warning proposes: where the shipped networks do not get better any more, on the smallest fractions."""


def most_steps(config: TrainingConfig, num_train: int) -> int:
    """Return the steps of a training on so many images that no early stop ends."""
    num_train = max(1, num_train)
    return config.rounds(num_train).num_steps(max(1, len(config.batch_sizes(num_train))))


def most_images(condition: Condition, info: DatasetInfo) -> int:
    """Return the images of the largest training that a replicate of a condition has."""
    sizes = training_sizes(
        info.train_counts,
        condition.fraction,
        condition.validation,
        condition.val_split,
        condition.num_folds,
        info.groups,
    )
    return max(sizes)


def length_warnings(conditions: Iterable[Condition], info: DatasetInfo) -> Iterator[str]:
    """Say at which fractions trainings end after fewer than `FEW_STEPS` steps, and what makes them longer."""
    steps: dict[float, set[int]] = defaultdict(set)
    by_steps: dict[float, bool] = {}
    for condition in conditions:
        if condition.head == "solved":
            continue
        steps[condition.fraction].add(most_steps(condition.training, most_images(condition, info)))
        by_steps[condition.fraction] = condition.training.steps is not None
    for fraction, numbers in steps.items():
        if min(numbers) < FEW_STEPS:
            what = "more `steps`" if by_steps[fraction] else f"`transfer.training.min_steps: {ENOUGH_STEPS}`"
            yield (
                f"{info.label} at {100 * fraction:g} %: trainings end after {_steps(min(numbers))} at the latest, too "
                f"few to tell how well a network can do; {what} trains longer where images are few"
            )


def _steps(number: int) -> str:
    return "1 step" if number == 1 else f"{number} steps"
