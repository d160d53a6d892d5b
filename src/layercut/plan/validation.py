"""What needs validation images, and where there are none."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from layercut.data.base import DatasetInfo
from layercut.data.split_sizes import Validation, sample_counts, split_sizes
from layercut.errors import few, visible
from layercut.plan.jobs import Condition, SourceJob
from layercut.spec import StudySpec
from layercut.training.config import TrainingConfig

FEW_IMAGES = 30
"""Below so many validation images, accuracies that are ten points apart are mostly chance."""

MORE_IMAGES = {
    "within": "`validation: full` takes images from the whole target",
    "folds": "at least two images of a class give some",
    "full": "a larger `transfer.val_split` or more images give some",
    "given": "put images into its validation folder",
}
"""What gives a target images to choose by, or more of them."""


def with_given_validation(spec: StudySpec, index: int, info: DatasetInfo) -> StudySpec:
    """Return a study as it is for one target: one with validation images of its own uses these, unless told otherwise.

    Raises:
        SpecError: it is to use them, and has none.
    """
    transfer = spec.transfer
    if transfer.validation == "given" and not info.num_validation:
        raise spec.error(
            "transfer.validation",
            f"expected a target with validation images of its own, such as a folder with train/, val/ and test/; got "
            f"target[{index}], {info.label}: write `within`, `folds` or `full`",
        )
    if not info.num_validation or "validation" in transfer.model_fields_set:
        return spec
    return spec.model_copy(update={"transfer": transfer.model_copy(update={"validation": "given"})})


def source_sizes(info: DatasetInfo, val_split: float) -> tuple[int, int]:
    """Return on how many images a source is trained and validated."""
    return _sizes(info, 1.0, "given" if info.num_validation else "full", val_split)


def held_out_images(info: DatasetInfo, fraction: float, validation: Validation, val_split: float) -> int:
    """Return on how many images of a replicate choices rest."""
    return _sizes(info, fraction, validation, val_split)[1]


def _sizes(info: DatasetInfo, fraction: float, validation: Validation, val_split: float) -> tuple[int, int]:
    return split_sizes(info.train_counts, fraction, validation, val_split, info.num_validation, info.groups)


def validation_warnings(conditions: Iterable[Condition], info: DatasetInfo) -> Iterator[str]:
    """Say which rules of training do nothing because a fraction is too small to spare validation images."""
    asking: dict[tuple[float, str, str], None] = {}
    for condition in conditions:
        rules = " and ".join(_rules(condition.training))
        if rules and not _sizes(info, condition.fraction, condition.validation, condition.val_split)[1]:
            asking[condition.fraction, rules, condition.validation] = None
    for fraction, rules, validation in asking:
        yield (
            f"{info.label} at {100 * fraction:g} %: a class cannot spare a validation image, so {rules} cannot "
            f"take effect: such trials train all their epochs; {MORE_IMAGES[validation]}"
        )


def choice_warnings(conditions: Iterable[Condition], info: DatasetInfo) -> Iterator[str]:
    """Say on how few images a choice between conditions rests, and what would give it more."""
    samples = dict.fromkeys((one.fraction, one.validation, one.val_split, one.num_folds) for one in conditions)
    for fraction, validation, val_split, num_folds in samples:
        place = f"{info.label} at {100 * fraction:g} %"
        num_train, num_held_out = _sizes(info, fraction, validation, val_split)
        if validation == "folds":
            most = min(num_held_out, info.groups.number if info.groups else num_held_out)
            alone = sample_counts(info.train_counts, fraction).count(1)
            if most < num_folds:
                there = f"{num_train} images" if most == num_held_out else f"{most} groups that can be held out"
                yield f"{place}: {_number_of_folds(most)}, not {num_folds}: there are only {there}"
            if alone:
                yield (
                    f"{place}: {alone} of {len(info.train_counts)} classes have one image: it is trained on in every "
                    "fold, and nothing measures how well it is recognised"
                )
        elif validation == "within" and num_held_out < FEW_IMAGES:
            yield (
                f"{place}: choices rest on {num_held_out or 'no'} validation images per replicate; "
                f"`validation: folds` uses all {num_train + num_held_out}"
            )


def group_warnings(conditions: Iterable[Condition], info: DatasetInfo) -> Iterator[str]:
    """Say which classes are within one group, so that nothing is held out of them."""
    if info.groups is None:
        return
    alone = [name for name, number in zip(info.class_names, info.groups.by_class, strict=True) if number == 1]
    rules = dict.fromkeys(one.validation for one in conditions if one.validation != "given")
    for validation in rules if alone else []:
        within = f"{info.label}: all training images of {few(list(map(visible, alone)), 3)} are of one group"
        if validation == "folds":
            yield f"{within}: they are held out in no fold, and nothing measures how well they are recognised; add "
            "groups"
        else:
            yield f"{within}, which cannot be divided, so there are no validation images at all; add groups"


def _number_of_folds(num_held_out: int) -> str:
    return f"{num_held_out} folds" if num_held_out > 1 else "no folds"


def source_warnings(jobs: Iterable[SourceJob], info: DatasetInfo) -> Iterator[str]:
    """Say which rules of pretraining do nothing because a class is too small to spare validation images."""
    for job in jobs:
        rules = list(_rules(job.training))
        if job.training.patience is not None:
            rules.insert(0, f"early stopping (patience {job.training.patience})")
        if job.kind == "train" and rules and not source_sizes(info, job.val_split)[1]:
            yield (
                f"pretraining on {info.label}: a class cannot spare a validation image at `val_split: "
                f"{job.val_split:g}`, so {' and '.join(rules)} cannot take effect: all {job.training.epochs} epochs "
                "are trained and the last weights count; a larger `pretraining.val_split` or more images give some"
            )


def _rules(config: TrainingConfig) -> Iterator[str]:
    if config.lr_schedule == "plateau":
        yield "the plateau of the learning rate"
    if config.target_accuracy is not None:
        yield f"the target accuracy {config.target_accuracy:g}"
    if config.log_points:
        yield "the accuracy at log_points"
