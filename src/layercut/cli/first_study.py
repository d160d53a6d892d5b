"""The study file that `layercut init` writes: what suits a folder, every line explained."""

from __future__ import annotations

import json
import re
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import yaml
from numpy.typing import NDArray

from layercut.data.folder_survey import FolderSurvey, describe_survey
from layercut.data.groups import GroupCounts, count_groups, group_numbers
from layercut.data.holdout import holdout_counts, share_of_groups
from layercut.data.split_sizes import split_sizes
from layercut.errors import visible
from layercut.metrics import are_unequal
from layercut.significance import replicates_needed

_LEAST_REPLICATES = 9
_TEST_SPLITS = ((250, 0.2), (100, 0.3), (0, 0.4))
"""From so many images on, this share of them is enough to test on: 50 images, 30, or as many as can be spared."""
_FEW_IMAGES = 1000
"""Up to here labels are scarce: every one of them is predicted once (folds) instead of a tenth kept for validation."""
UNKNOWN_SIZE = 64
"""Pixels for a model that was made for no particular images, where the photographs have different sizes."""


class FirstModel(NamedTuple):
    """The model of a first study."""

    name: str
    """As in a study file, or `module:function` of one's own."""
    source: dict[str, object]
    """The value of `source`."""
    num_cuts: int
    image_size: tuple[int, int] | None
    """Height and width that it wants and that nothing else says; None where its weights say it, or nobody does."""
    sized_by_weights: bool
    """Whether the images get the size that the weights were made for."""


class _Line(NamedTuple):
    comment: str
    text: str


def first_study(survey: FolderSurvey, model: FirstModel, path: str, name: str, file: Path) -> str:
    """Return the text of a study file for a folder.

    Args:
        survey: what is in the folder.
        model: what is cut.
        path: of the folder, relative to the study file.
        name: of the study.
        file: what it will be called, for its comments.

    Raises:
        DataError: a class is too small to give an image to training and to test.
    """
    blocks = [
        _head(survey, model, path, file),
        [_Line("The name of this study; its results are written into runs/NAME.", f"name: {name}")],
        list(_data(survey, model, path)),
        *([_metric(survey)] if are_unequal(survey.train_counts) else []),
        list(_transfer(survey, model)),
        [
            _Line(
                "Keep the trained models and what they predict, for `load_model` and to look at mistakes.",
                "keep: [weights, predictions]",
            )
        ],
    ]
    return "\n".join("".join(_written(line) for line in block) for block in blocks)


def study_name(folder: Path) -> str:
    """Return the name of a folder with the characters that a study's name may have.

    Example:
        >>> study_name(Path("My photographs (2026)"))
        'My-photographs-2026'
    """
    return re.sub(r"[^\w.-]+", "-", folder.name).strip("-.") or "my-study"


def _head(survey: FolderSurvey, model: FirstModel, path: str, file: Path) -> list[_Line]:
    lines = [
        f"How much of {model.name} is worth keeping for the images in {visible(path)}?",
        *(f"  {line}" for line in describe_survey(survey)),
        "What this study will do, without doing it:",
        f"  layercut plan {visible(file.name)}",
        "Run it; after an interruption, the same command resumes:",
        f"  layercut run {visible(file.name)}",
    ]
    return [_Line(line, "") for line in lines]


def _data(survey: FolderSurvey, model: FirstModel, path: str) -> Iterator[_Line]:
    whole = {
        "weights": "weights that the library publishes, trained on other images",
        "checkpoint": "a file of weights",
        "random": "weights that were never trained",
    }
    ((kind, value),) = model.source.items()
    yield _Line(f"Where knowledge comes from: {whole[kind]}.", f"source: {{{kind}: {_scalar(value)}}}")
    key = "factory" if ":" in model.name else "name"
    yield _Line("What is cut: its first blocks come from the source.", f"model: {{{key}: {_scalar(model.name)}}}")
    if "random" in model.source and "/" in model.name:
        yield _Line("How pixels are scaled: as is usual for this model.", "normalization: imagenet")
    yield from _target(survey, model, path)


def _target(survey: FolderSurvey, model: FirstModel, path: str) -> Iterator[_Line]:
    yield _Line("Your images.", "target:")
    yield _Line("", "  dataset: folder")
    yield _Line("Relative to this file.", f"  path: {_scalar(path)}")
    if survey.test_counts is None:
        share = _test_share(sum(survey.train_counts))
        number = sum(survey.train_counts) - sum(_train_counts(survey))
        whole = "" if survey.groups is None else " in whole groups"
        yield _Line(
            f"The share of each class set aside for tests, {number:,} images{whole}: never trained on, never chosen "
            f"on. One of them is {100 / number:.2g} points of accuracy; with more test images results are surer.",
            f"  test_split: {share}",
        )
    if model.image_size is not None:
        height, width = model.image_size
        yield _Line(
            "Height and width in pixels that images get: what the weights were trained with is best.",
            f"  image_size: [{height}, {width}]",
        )
    elif model.sized_by_weights:
        yield _Line(
            "Images get the size that the weights were made for. Smaller ones are faster, and a little less accurate:",
            "  # image_size: 128",
        )
    if survey.groups is not None:
        which = "one folder" if survey.groups.by == "folder" else f"one {visible(survey.groups.by)} in the table"
        yield _Line(
            f"The images of {which} belong together: they are never on both sides of a division into training, "
            "validation and test images, or into folds.",
            f"  group: {_scalar(survey.groups.by)}",
        )
    else:
        yield _Line(
            f"Several images of one patient, camera or video? Sort them into {visible(path)}/CLASS/GROUP/*, and say:",
            "  # group: folder",
        )


def _metric(survey: FolderSurvey) -> list[_Line]:
    by_size = sorted(zip(survey.train_counts, survey.class_names, strict=True), key=lambda pair: -pair[0])
    (most, largest), (least, smallest) = by_size[0], by_size[-1]
    return [
        _Line(
            f"What is chosen by: the mean recall of the classes, which counts each alike. {visible(largest)} has "
            f"{most:,} images and {visible(smallest)} {least:,}, so accuracy would be mostly that of "
            f"{visible(largest)}. macro_f1, the mean F1, also counts what is wrongly taken for a class.",
            "metric: balanced_accuracy",
        )
    ]


def _test_share(num_images: int) -> float:
    return next(share for least, share in _TEST_SPLITS if num_images >= least)


def _train_counts(survey: FolderSurvey) -> list[int]:
    """Return how many images of each class are left to train on."""
    if survey.test_counts is not None:
        return list(survey.train_counts)
    if survey.groups is not None:
        left = survey.groups.labels[_left(survey)]
        return [int(count) for count in np.bincount(left, minlength=len(survey.class_names))]
    share = _test_share(sum(survey.train_counts))
    held_out = holdout_counts(survey.train_counts, survey.class_names, share)
    return [count - away for count, away in zip(survey.train_counts, held_out, strict=True)]


def _train_groups(survey: FolderSurvey) -> GroupCounts | None:
    """Return how many groups are left to train on; None where each image stands alone."""
    if survey.groups is None:
        return None
    left = _left(survey)
    return count_groups(survey.groups.labels[left], group_numbers(survey.groups.names)[left], len(survey.class_names))


def _left(survey: FolderSurvey) -> NDArray[np.bool_]:
    """Return which of the images that are in groups are left to train on."""
    labels, names = survey.groups.labels, survey.groups.names  # type: ignore[union-attr] # asked for of groups alone
    if survey.test_counts is not None:
        return np.ones(len(labels), dtype=bool)
    return ~share_of_groups(labels, names, survey.class_names, _test_share(len(labels)))


def _has_images_to_choose_by(survey: FolderSurvey, scarce: bool) -> bool:
    """Return whether every fraction of the study has held-out images, as a choice of learning rates needs."""
    counts = _train_counts(survey)
    if survey.num_validation:
        return True
    fractions, groups = [1.0] if scarce else [0.1, 1.0], _train_groups(survey)
    return all(split_sizes(counts, fraction, "folds", groups=groups)[1] > 1 for fraction in fractions)


def _transfer(survey: FolderSurvey, model: FirstModel) -> Iterator[_Line]:
    scarce = sum(_train_counts(survey)) <= _FEW_IMAGES
    yield _Line("What is tried.", "transfer:")
    yield _Line("After which blocks to cut: where the model changes the size of its features.", "  cuts: stages")
    yield _Line("What is done below and above the cut (`layercut list strategies` has more):", "  strategies:")
    for name, meaning in _STRATEGIES.items():
        yield _Line("", f"    - {name:<15} # {meaning}")
    if scarce:
        yield _Line(
            "How much of your training images to use: all. [0.5, 1.0] also shows whether more photographs would help.",
            "  fractions: [1.0]",
        )
    else:
        yield _Line("How much of your training images to use: a tenth, and all.", "  fractions: [0.1, 1.0]")
    number = max(_LEAST_REPLICATES, replicates_needed(model.num_cuts))
    yield _Line(
        f"How often each is repeated. With fewer than {replicates_needed(model.num_cuts)} no difference between "
        f"{model.num_cuts} cuts and training from scratch could become significant.",
        f"  replicates: {number}",
    )
    yield from _validation(survey, scarce)
    yield from _training(scarce, _has_images_to_choose_by(survey, scarce))
    if are_unequal(survey.train_counts):
        yield _Line(
            "Let each class have the same share of what is learned from, though some have few images:",
            "    # class_weights: balanced",
        )


_STRATEGIES = {
    "scratch": "nothing is kept: the baseline that must be beaten",
    "linear_probe": "keep and freeze the first blocks, remove the others, fit a new classifier",
    "freeze": "keep all; freeze the first blocks, train the others",
    "finetune": "keep all, train all",
}


def _validation(survey: FolderSurvey, scarce: bool) -> Iterator[_Line]:
    if survey.num_validation:
        yield _Line(
            f"What choices rest on: your own {survey.num_validation:,} validation images.", "  validation: given"
        )
    elif scarce:
        yield _Line(
            "What choices rest on: with few labels, each training image is predicted once by a model that has not seen "
            "it.",
            "  validation: folds",
        )
    else:
        yield _Line(
            "What choices rest on: a tenth of the training images, which are not trained on.", "  validation: within"
        )


def _training(scarce: bool, can_choose: bool) -> Iterator[_Line]:
    yield _Line("How each model is trained.", "  training:")
    yield _Line(
        "Maximum number of passes over the training images; training stops when validation no longer improves.",
        "    epochs: 40" if scarce else "    epochs: 20",
    )
    if scarce:
        yield _Line(
            "Few images make few steps per pass: train for at least this many, or little is learned.",
            "    min_steps: 100",
        )
    yield _Line("Batch size.", "    batch_size: 16" if scarce else "    batch_size: 64")
    if can_choose:
        yield _Line(
            "Learning rates: each strategy and cut gets the one that suits it, found in trainings that are not "
            "reported. One number instead saves their time, which `layercut plan` counts.",
            "    lr: [1.0e-4, 3.0e-4, 1.0e-3]",
        )
    else:
        yield _Line("Learning rate.", "    lr: 3.0e-4")
    yield _Line(
        "Mirror images at random while training, unless left and right matter to you:", "    # augmentation: [flip]"
    )


def _written(line: _Line) -> str:
    """Return a comment, indented and wrapped as its line is, and the line."""
    indent = " " * (len(line.text) - len(line.text.lstrip()))
    return "".join(f"{indent}# {part}\n" for part in _wrapped(line.comment, 78 - len(indent))) + (
        f"{line.text}\n" if line.text else ""
    )


def _wrapped(text: str, width: int) -> list[str]:
    start = " " * (len(text) - len(text.lstrip()))
    return textwrap.wrap(text.strip(), width, initial_indent=start, subsequent_indent=start, break_on_hyphens=False)


def _scalar(value: object) -> str:
    """Return a value as YAML, quoted where it would mean something else without."""
    text = str(value)
    if value is True:
        return "true"
    if re.fullmatch(r"[\w./-]+", text) and yaml.safe_load(text) == text:
        return text
    return json.dumps(text)
