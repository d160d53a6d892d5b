"""What a recommendation is asked: models and images, as studies whose trials it chooses from."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from layercut.data.cache import default_cache_dir
from layercut.data.folder import FolderOptions, layout_of
from layercut.data.subset import Task
from layercut.errors import UserError
from layercut.metrics import Metric
from layercut.models import MODELS
from layercut.models.families import PublishedFamily
from layercut.plan.candidate import Candidate, parse_candidate
from layercut.plan.preflight import plan_with_data
from layercut.recommending.design import first_look, recommendation_study, study_name
from layercut.spec import RandomSource, StudySpec
from layercut.stages.context import open_task


class Question(NamedTuple):
    """Which of these models, and what to do with it, for these images."""

    name: str
    studies: dict[str, StudySpec]
    """By the name of the model; that of the only one is empty."""
    tasks: dict[str, Task]
    """Its images, by the same names."""
    class_counts: dict[str, int]
    """Labelled images of each class."""
    has_test_images: bool
    num_held_out: int | None = None
    """Images to choose by; None: all that are not alone in their class, by folds."""
    validation: str = "folds"
    with_scratch: bool = False
    """Whether conditions that keep nothing of the source may be recommended, too."""

    @property
    def is_of_a_library(self) -> bool:
        """Return whether it is about one network of torchvision or timm with weights."""
        study = next(iter(self.studies.values()))
        (model,), (source,) = study.model, study.source
        published = isinstance(MODELS[model.name], PublishedFamily)
        return len(self.studies) == 1 and published and not isinstance(source, RandomSource) and not self.with_scratch

    @property
    def metric(self) -> Metric:
        """Return what is chosen by."""
        return next(iter(self.studies.values())).metric


def question_of(models: Sequence[str], data: str, data_dir: Path, seed: int, overrides: Sequence[str]) -> Question:
    """Return what is asked with models and images.

    Raises:
        UserError: something given cannot be used, or there is nothing to tell apart.
    """
    candidates = _named([parse_candidate(model, "plain_cnn") for model in models])
    tasks = {name: _images(one, data, data_dir, overrides) for name, one in candidates.items()}
    task = next(iter(tasks.values()))
    labels = task.train_labels[: len(task.train_labels) - task.num_validation]
    counts = {name: int((labels == place).sum()) for place, name in enumerate(task.class_names)}
    studies = {name: recommendation_study(one, data, len(labels), seed, overrides) for name, one in candidates.items()}
    tested = has_own_test_images(next(iter(studies.values())))
    return Question(study_name(list(candidates.values()), data), studies, tasks, counts, tested)


def has_own_test_images(study: StudySpec) -> bool:
    """Return whether the target has test images of its own; otherwise some of its images are set aside for that."""
    (target,) = study.target
    if target.dataset != "folder":
        return True
    own = {name: value for name, value in target.options.items() if name in FolderOptions.model_fields}
    return layout_of(FolderOptions.model_validate(own)).test is not None


def _named(candidates: Sequence[Candidate]) -> dict[str, Candidate]:
    """Return models by what they are called: in short where that tells them apart.

    Raises:
        UserError: there is none, or one is given twice.
    """
    if not candidates:
        raise UserError("expected a model, or several; got none")
    if len(candidates) == 1:
        return {"": candidates[0]}
    twice = {one.typed for one in candidates if candidates.count(one) > 1}
    if twice:
        raise UserError(f"expected each model once; {', '.join(sorted(twice))} is given more than once")
    short = [one.model for one in candidates]
    return {one.model if short.count(one.model) == 1 else one.typed: one for one in candidates}


def _images(candidate: Candidate, data: str, data_dir: Path, overrides: Sequence[str]) -> Task:
    """Return the images as a model gets them.

    Raises:
        UserError: they are of one class, or something else cannot be used.
    """
    checked = plan_with_data(first_look(candidate, data, overrides), data_dir, default_cache_dir(), "float32")
    ref = checked.plan.conditions[0].task
    task = open_task(checked.datasets[ref.fingerprint], ref.classes)
    if len(task.class_names) < 2:
        only = ", ".join(task.class_names)
        raise UserError(
            f"--data {data}: expected images of two or more classes; got one, {only}: nothing to tell apart"
        )
    return task
