"""A study as the question: which of its own conditions, for a share of its planned work."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from layercut.data.cache import default_cache_dir
from layercut.data.split_sizes import split_sizes
from layercut.data.subset import Task
from layercut.errors import UserError
from layercut.figures import words
from layercut.plan.expand import Plan
from layercut.plan.preflight import plan_with_data
from layercut.plan.seconds import estimated_seconds
from layercut.recommending.curve import MOST_REPLICATES
from layercut.recommending.question import Question, has_own_test_images
from layercut.spec import Study, StudySpec, load_study
from layercut.stages.context import open_task


class Planned(NamedTuple):
    """A study as a question, and the time that it gets."""

    question: Question
    budget_seconds: float


def question_of_study(
    study: Study, share: float, data_dir: Path, num_workers: int, overrides: Sequence[str]
) -> Planned:
    """Return what is asked with a study: its conditions at the largest fraction, with its own validation and seed.

    The study's trials keep their keys, so they are the same trials, bit for bit; only the number of replicates and what
    is kept of them are those of a recommendation. Its planned seconds are those of all fractions and replicates.

    Raises:
        UserError: there is no such study, it asks several questions, or the share is too small for its pretraining.
    """
    if not 0 < share <= 1:
        raise UserError(f"--share {share:g}: expected a share of the study's planned work, such as 0.1")
    whole = load_study(study, overrides)
    _check_one_question(whole)
    fraction = max(whole.transfer.fractions)
    changes = [
        f"name=recommend-{whole.name}",
        f"transfer.fractions=[{fraction!r}]",
        f"transfer.replicates={MOST_REPLICATES}",
        "keep={what: [weights], replicates: 1}",
        "probes=[]",
        "tensorboard=false",
        "csv=false",
    ]
    spec = load_study(whole, changes)
    checked = plan_with_data(whole, data_dir, default_cache_dir(), "float32")
    conditions = [one for one in checked.plan.conditions if one.fraction == fraction]
    _check_arms(checked.plan)
    ref, first = conditions[0].task, conditions[0]
    task = open_task(checked.datasets[ref.fingerprint], ref.classes)
    counts = _class_counts(task, fraction)
    info = task.info("")
    num_held_out = split_sizes(
        info.train_counts, fraction, first.validation, first.val_split, info.num_validation, info.groups
    )[1]
    question = Question(
        spec.name, {"": spec}, {"": task}, counts, has_own_test_images(whole), num_held_out, first.validation, True
    )
    return Planned(question, _budget(checked.plan, share, num_workers))


def _budget(plan: Plan, share: float, num_workers: int) -> float:
    planned = estimated_seconds(plan, default_cache_dir(), num_workers, measure=True)
    if planned is None:
        raise UserError("--share: how long the study takes could not be planned; give a time with --budget")
    seconds = share * planned["elapsed"]
    pretraining = planned["source"] / num_workers
    if pretraining >= seconds:
        raise UserError(
            f"--share {share:g}: that is {words.duration(seconds)} of the study's planned "
            f"{words.duration(planned['elapsed'])}, of which pretraining alone takes {words.duration(pretraining)}; "
            f"expected more than {pretraining / planned['elapsed']:.2g}"
        )
    return float(seconds)


def _check_one_question(spec: StudySpec) -> None:
    for name, several in (("source", spec.source), ("target", spec.target), ("model", spec.model)):
        if len(several) > 1:
            raise UserError(
                f"--share: expected a study with one {name}; got {len(several)}; choose one with "
                f"--set '{name}=...', or give models and --data"
            )


def _check_arms(plan: Plan) -> None:
    """Refuse conditions that a recommendation could not tell apart: factors that change more than the rate."""
    names = [
        (one.strategy, one.cut, one.fraction, one.training.lr * one.training.kept_lr_scale, one.source)
        for one in plan.conditions
    ]
    if len(set(names)) < len(names) or len({one.source for one in plan.conditions if one.source}) > 1:
        raise UserError(
            "--share: expected conditions that differ in strategy, cut and learning rate; those of this study also "
            "differ in other factors, seeds or checkpoints; choose one level with --set"
        )


def _class_counts(task: Task, fraction: float) -> dict[str, int]:
    sampled = [split_sizes([count], fraction, "folds")[0] for count in task.info("").train_counts]
    return dict(zip(task.class_names, sampled, strict=True))
