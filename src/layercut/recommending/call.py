"""One call from a model and images to a recommendation."""

from __future__ import annotations

import time
from collections.abc import Sequence
from os import PathLike
from pathlib import Path
from typing import Any

from layercut.artifacts.writing import artifact_folder
from layercut.data import DATASETS
from layercut.data.cache import default_cache_dir, default_data_dir
from layercut.data.folder import FolderOptions, layout_of
from layercut.data.subset import Task
from layercut.errors import UserError
from layercut.executors.base import Executor
from layercut.executors.capacity import num_usable_cores
from layercut.keys import content_key
from layercut.models import MODELS
from layercut.models.base import OwnCodeFamily
from layercut.plan.canonical import trial_key
from layercut.plan.jobs import Condition
from layercut.plan.preflight import plan_with_data
from layercut.probing import Candidate, parse_candidate
from layercut.recommending.arms import arms_of
from layercut.recommending.budget import budget_seconds
from layercut.recommending.design import check_overrides, first_look, recommendation_study, study_name
from layercut.recommending.journal import Journal, Look, read_journal, require_own
from layercut.recommending.look import look_at_test_images
from layercut.recommending.model_folder import write_model
from layercut.recommending.outcome import MODEL_FOLDER, Recommendation, read_recommendation
from layercut.recommending.search import Clock, Tell, Timer, search
from layercut.recommending.speed import training_seconds
from layercut.recommending.target import check_target
from layercut.runner import Run, open_run
from layercut.stages.context import open_task
from layercut.training.device import resolve_device


def recommend(
    model: str,
    data: str | PathLike[str],
    *,
    budget: str | float = "10m",
    target_accuracy: float | None = None,
    output_dir: str | PathLike[str] | None = None,
    seed: int = 0,
    device: str = "auto",
    nondeterministic: bool = False,
    executor: str | Executor = "processes",
    workers: int | None = None,
    data_dir: str | PathLike[str] | None = None,
    overrides: Sequence[str] = (),
    tell: Tell = lambda line: None,
    clock: Clock = time.monotonic,
    started: float | None = None,
) -> Recommendation:
    """Return what to keep of a pretrained model for some images, with the model itself, within a budget.

    Every cut gets a solved head; then trainings are tried, the one with the most expected gain a second first, until
    the budget is spent or nothing pays. Every training is a trial in a ledger: interrupted, the same call goes on.

    Args:
        model: `timm/NAME`, `torchvision/NAME`, MODEL=WEIGHTS, or your own `package.module:function=WEIGHTS`.
        data: a folder of images, or a dataset's name.
        budget: seconds, or a text such as `90s`, `10m`, `1h`; of all calls for one output directory together.
        target_accuracy: stop as soon as the recommended condition is shown to reach this accuracy, in 0..1.
        output_dir: where everything is written; `runs/recommend-DATA-MODEL` where None.
        seed: where every random number comes from.
        device: `auto`, `cpu` or `cuda`.
        nondeterministic: on a GPU, also train what has no deterministic backward pass there, as `run_study` does.
        executor: who does the trials, as of `run_study`.
        workers: trials side by side; where None, a core each, on a GPU one.
        data_dir: where datasets are that `data` names.
        overrides: values of the study that is made, such as `target.image_size=64`.
        tell: called with a line about each step.
        clock: what the budget is measured with.
        started: what the clock said when the user began to wait; now where None.

    Raises:
        UserError: something given cannot be used, or nothing can be recommended.
        StorageFullError: the disk is full.
    """
    started, seconds = clock() if started is None else started, budget_seconds(budget)
    check_overrides(overrides)
    check_target(target_accuracy)
    candidate, data = parse_candidate(model, "plain_cnn"), str(data)
    output_dir = Path(output_dir or Path("runs") / study_name(candidate, data)).expanduser()
    require_own(output_dir)
    data_dir = Path(data_dir or default_data_dir()).expanduser()
    task = _look(candidate, data, data_dir, overrides)
    labels = task.train_labels[: len(task.train_labels) - task.num_validation]
    counts = {name: int((labels == place).sum()) for place, name in enumerate(task.class_names)}
    spec = recommendation_study(candidate, data, len(labels), seed, overrides)
    num_workers = workers or (1 if resolve_device(device).type == "cuda" else num_usable_cores())
    with open_run(
        spec,
        output_dir,
        device=device,
        nondeterministic=nondeterministic,
        stack=False,
        executor=executor,
        workers=num_workers,
        data_dir=data_dir,
    ) as run:
        journal = _journal(run, counts, num_workers, _has_test_images(data))
        journal.budget_seconds, journal.target_accuracy = seconds, target_accuracy
        timer = Timer(clock, journal.spent_seconds, started)
        try:
            best = search(run, journal, timer, tell)
        finally:  # an interrupted trial is time spent, too
            journal.spent_seconds = timer.spent()
            journal.write(run.ledger)
        condition = next(one for one in run.plan.conditions if one.key == best.key)
        run.do([(condition, 0)], tested=False)  # its weights, where they were removed as a loser's
        if best.key not in journal.looks:
            kept = artifact_folder(output_dir, trial_key(best.key, 0))
            journal.looks[best.key] = look_at_test_images(kept, task, run.context.torch_device)
        journal.spent_seconds = timer.spent()
        journal.write(run.ledger)
        found = read_recommendation(output_dir)
        _write_model(run, condition, found, journal.looks[best.key])
    return found


def _look(candidate: Candidate, data: str, data_dir: Path, overrides: Sequence[str]) -> Task:
    """Return the images.

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


def _has_test_images(data: str) -> bool:
    return data in DATASETS or layout_of(FolderOptions(path=Path(data))).test is not None


def _journal(run: Run, class_counts: dict[str, int], num_workers: int, tested: bool) -> Journal:
    """Return what earlier calls wrote down, if it is of the same arms; else a new journal."""
    arms = arms_of(run.plan)
    identity = content_key("recommendation", sorted(arm.key for arm in arms))
    found = read_journal(run.ledger)
    if found is not None and found.identity == identity:
        return found
    (cost,) = run.plan.costs.values()
    model = run.plan.conditions[0].model
    seconds_per_flop = training_seconds(model, run.context.torch_device) / max(1, 3 * cost.whole_flops)
    return Journal(identity, arms, class_counts, num_workers, tested, run.plan.notes, seconds_per_flop)


def _write_model(run: Run, condition: Condition, found: Recommendation, look: Look) -> None:
    kept = artifact_folder(run.output_dir, trial_key(condition.key, 0))
    row = found.table.iloc[0]
    about: dict[str, Any] = {
        name: float(row[name]) for name in ("accuracy", "low", "high", "log_loss") if row[name] == row[name]
    }
    own_code = isinstance(MODELS[condition.model.name], OwnCodeFamily)
    tested = {"test_accuracy": look.accuracy, "test_loss": look.loss, "num_test_images": look.num_images}
    about |= {"answer": found.answer}
    write_model(kept, run.output_dir / MODEL_FOLDER, tested, about, found.answer, own_code)
