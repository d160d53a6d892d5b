"""One call from a model and images to a recommendation."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping, Sequence
from os import PathLike
from pathlib import Path
from typing import Any

import torch

from layercut.data.cache import default_data_dir
from layercut.errors import UserError
from layercut.executors.base import Executor
from layercut.executors.capacity import num_usable_cores
from layercut.keys import content_key
from layercut.metrics import Metric
from layercut.models import MODELS
from layercut.models.families import OwnCodeFamily
from layercut.priors.belief import believed
from layercut.priors.learned import learned_from
from layercut.priors.table import Gains, gains_hash, shipped_gains
from layercut.recommending.arms import Arm, ArmTrial, arms_of, in_order, usual_arm
from layercut.recommending.budget import budget_seconds
from layercut.recommending.certifying import certify, check_margin
from layercut.recommending.design import check_overrides
from layercut.recommending.ending import rehearsed_seconds
from layercut.recommending.journal import Journal, Look, read_journal
from layercut.recommending.look import look_at_test_images
from layercut.recommending.model_folder import write_model
from layercut.recommending.of_study import question_of_study
from layercut.recommending.outcome import MODEL_FOLDER, Recommendation, read_recommendation
from layercut.recommending.places import require_own
from layercut.recommending.pulse import last_pulse, pulse
from layercut.recommending.question import Question, question_of
from layercut.recommending.runs import Runs, open_runs, study_folders
from layercut.recommending.search import Clock, Tell, Timer, search
from layercut.recommending.speed import first_seconds, planned_seconds
from layercut.recommending.target import check_target
from layercut.recommending.told import first_told
from layercut.spec import Study, StudySpec
from layercut.training.device import resolve_device


def recommend(
    model: Study | Sequence[str],
    data: str | PathLike[str] | None = None,
    *,
    budget: str | float | None = None,
    share: float | None = None,
    target_accuracy: float | None = None,
    certify_points: float | None = None,
    output_dir: str | PathLike[str] | None = None,
    seed: int = 0,
    device: str = "auto",
    nondeterministic: bool = False,
    executor: str | Executor = "processes",
    workers: int | None = None,
    data_dir: str | PathLike[str] | None = None,
    metric: Metric | None = None,
    overrides: Sequence[str] = (),
    learn_from: Sequence[str | PathLike[str]] = (),
    tell: Tell = lambda line: None,
    clock: Clock = time.monotonic,
    started: float | None = None,
) -> Recommendation:
    """Return what to keep of a pretrained model for some images, with the model itself, within a budget.

    Every cut gets a solved head; then trainings are tried, the one with the most expected gain a second first, until
    the budget is spent or nothing pays. Every training is a trial in a ledger: interrupted, the same call goes on.

    Args:
        model: `timm/NAME`, `torchvision/NAME`, MODEL=WEIGHTS, or your own `package.module:function=WEIGHTS`.
            Of several, which one to take is part of the question. Or, with `share`, a study as `load_study` takes it:
            its own conditions at the largest fraction are then to choose from.
        data: a folder of images, or a dataset's name; a study has its own.
        budget: seconds, or a text such as `90s`, `10m`, `1h`; of all calls for one output directory together. Where
            None, ten minutes, or what `share` gives.
        share: of a study's planned work, in 0..1, that the recommendation may take.
        target_accuracy: stop as soon as the recommended condition is shown to reach this accuracy, in 0..1.
        certify_points: after half of the budget go on with fresh replicates until the recommended condition is shown
            to be within so many points of accuracy of every other that was tried, or the budget does not reach.
        output_dir: where everything is written; `runs/recommend-DATA-MODEL` where None, with each model's name.
        seed: where every random number comes from; a study has its own.
        device: `auto`, `cpu` or `cuda`.
        nondeterministic: on a GPU, also train what has no deterministic backward pass there, as `run_study` does.
        executor: who does the trials, as of `run_study`.
        workers: trials side by side; where None, a core each, on a GPU one.
        data_dir: where datasets are that `data` names.
        metric: what is chosen by: `accuracy`, or for classes of very different size `balanced_accuracy` or `macro_f1`.
        overrides: values of the study that is made, such as `target.image_size=64`.
        learn_from: output directories of finished studies of yours, which add to what earlier studies say of trainings.
        tell: called with a line about each step.
        clock: what the budget is measured with.
        started: what the clock said when the user began to wait; now where None.

    Raises:
        UserError: something given cannot be used, or nothing can be recommended.
        LedgerError: a ledger to learn from is damaged.
        StorageFullError: the disk is full.
    """
    started = clock() if started is None else started
    default = budget_seconds("10m") if share is None else math.inf
    seconds = default if budget is None else budget_seconds(budget)
    overrides = [*([f"metric={metric}"] if metric else []), *overrides]
    check_overrides(overrides)
    check_target(target_accuracy)
    check_margin(certify_points)
    gains = (*shipped_gains(), *learned_from(learn_from))
    data_dir = Path(data_dir or default_data_dir()).expanduser()
    num_workers = workers or (1 if resolve_device(device).type == "cuda" else num_usable_cores())
    if share is None:
        question = question_of(_models(model), _given(data), data_dir, seed, overrides)
    else:
        question, planned = question_of_study(_study(model, data), share, data_dir, num_workers, overrides)
        seconds = min(seconds, planned)
    check_target(target_accuracy, question.metric)
    output_dir = Path(output_dir or Path("runs") / question.name).expanduser()
    require_own(output_dir, question.studies)
    with open_runs(
        question.studies,
        output_dir,
        executor=executor,
        workers=num_workers,
        device=device,
        nondeterministic=nondeterministic,
        data_dir=data_dir,
    ) as runs:
        journal = _journal(runs, question, num_workers, gains)
        if learn_from and journal.prior != gains_hash(gains):
            tell("goes on with what earlier studies said when it began; another -o begins with what is learned now")
        journal.budget_seconds, journal.target_accuracy = seconds, target_accuracy
        journal.margin = None if certify_points is None else certify_points / 100
        began = started if share is None else clock()  # planned work has no imports in it
        earlier = max(journal.spent_seconds, last_pulse(output_dir, journal.identity))
        return _recommend(runs, journal, question, Timer(clock, earlier, began), tell, output_dir)


def _recommend(
    runs: Runs, journal: Journal, question: Question, timer: Timer, tell: Tell, output_dir: Path
) -> Recommendation:
    """Try, certify, look at the test images, and write the model."""

    def device(arm: Arm) -> torch.device:
        return runs.of(arm.key)[0].context.torch_device

    def rehearse(arm: Arm) -> float:
        task = question.tasks[arm.model]
        return rehearsed_seconds(runs.kept(arm.key), task, device(arm), output_dir, timer.clock)

    journal.begun_seconds = timer.spent()
    if not journal.steps and (planned := first_seconds(runs, journal)) > journal.budget_seconds - journal.begun_seconds:
        tell(first_told(journal, planned))
    with pulse(output_dir, journal.identity, journal.begun_seconds):
        try:
            best = search(runs, journal, timer, tell, rehearse)
            certify(runs, journal, timer, tell, best)
        finally:  # an interrupted trial is time spent, too
            journal.tried_seconds = journal.spent_seconds = timer.spent()
            journal.write(runs.ledger)
        runs.do([ArmTrial(best.key, 0)])  # its weights, where they were removed as a loser's
        if best.key not in journal.looks:
            task = question.tasks[best.model]
            journal.looks[best.key] = look_at_test_images(runs.kept(best.key), task, device(best))
        journal.spent_seconds = timer.spent()
        journal.write(runs.ledger)
        found = read_recommendation(output_dir)
        _write_model(runs, best, output_dir, found, journal.looks[best.key])
    return found


def _journal(runs: Runs, question: Question, num_workers: int, gains: Gains) -> Journal:
    """Return what earlier calls wrote down, if it is of the same arms; else a new journal."""
    scratch = question.with_scratch
    keys = sorted(arm.key for model, run in runs.by_model.items() for arm in arms_of(run.plan, model, scratch))
    identity = content_key("recommendation", keys)
    found = read_journal(runs.ledger)
    if found is not None and found.identity == identity:
        return found
    arms = in_order(arm for model, run in runs.by_model.items() for arm in arms_of(run.plan, model, scratch))
    notes = tuple(dict.fromkeys(note for run in runs.by_model.values() for note in run.plan.notes))
    num_images = sum(question.class_counts.values())
    return Journal(
        identity,
        arms,
        question.class_counts,
        num_workers,
        question.has_test_images,
        notes,
        {key: seconds for run in runs.by_model.values() for key, seconds in planned_seconds(run).items()},
        prior=gains_hash(gains),
        beliefs={arm.key: believed(gains, arm, num_images) for arm in arms if not arm.solved},
        num_validation=None if question.validation == "folds" else question.num_held_out,
        folders=study_folders(runs.by_model),
        metric=question.metric,
        usual=usual_arm(arms) if question.is_of_a_library else "",
    )


def _models(model: Study | Sequence[str]) -> list[str]:
    if isinstance(model, str):
        return [model]
    if isinstance(model, Sequence):
        return list(model)
    raise UserError("expected the name of a model, or several; a study is given with a share, such as share=0.1")


def _given(data: str | PathLike[str] | None) -> str:
    if data is None:
        raise UserError(
            "expected images (--data FOLDER or a dataset's name), or a study with a share of its work (--share 0.1)"
        )
    return str(data)


def _study(model: Study | Sequence[str], data: str | PathLike[str] | None) -> Study:
    if data is not None:
        raise UserError("--share is of a study's planned work, and a study has its own images; omit --data or --share")
    if isinstance(model, str | PathLike | Mapping | StudySpec):
        return model
    if len(model) != 1:
        raise UserError(f"--share: expected one study; got {len(model)}")
    return model[0]


def _write_model(runs: Runs, best: Arm, output_dir: Path, found: Recommendation, look: Look) -> None:
    row = found.table.iloc[0]
    about: dict[str, Any] = {
        name: float(row[name]) for name in (found.metric, "low", "high", "log_loss") if row[name] == row[name]
    }
    own_code = isinstance(MODELS[runs.of(best.key)[1].model.name], OwnCodeFamily)
    tested: dict[str, Any] = {
        "test_accuracy": look.accuracy,
        "test_loss": look.loss,
        "num_test_images": look.num_images,
    }
    tested |= {"test_balanced_accuracy": look.balanced_accuracy, "test_macro_f1": look.macro_f1}
    about |= {"answer": found.answer}
    answer = "\n".join([found.lead, "", *(f"- {line}" for line in found.evidence)])
    write_model(runs.kept(best.key), output_dir / MODEL_FOLDER, tested, about, answer, own_code)
