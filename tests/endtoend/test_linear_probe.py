"""Studies with a head that is solved: scikit-learn's accuracies, the same bits everywhere."""

from __future__ import annotations

import dataclasses
import math
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from sklearn.linear_model import LogisticRegression

from layercut import load_model, load_results, run_study
from layercut.errors import SpecError
from layercut.ledger import Ledger
from layercut.plan.jobs import TransferJob
from layercut.records import FailureRecord
from layercut.registry import Entry
from layercut.stages import transfer
from layercut.stages.solve import head_problem
from layercut.stages.transfer import run_transfer
from layercut.stages.trial import prepare_trial
from layercut.strategies import STRATEGIES
from layercut.training.solved import STRENGTHS
from support import foreign_strategies
from support.tiny import context_with_sources, one_condition, tiny_plan, tiny_study

PROBE = ("transfer.strategies=[linear_probe]", "transfer.fractions=[0.1]")
FOLDS = ("transfer.validation=folds", "transfer.num_folds=3")


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    output = tmp_path_factory.mktemp("probe") / "run"
    study = tiny_study(*PROBE, *FOLDS, "keep=[weights, predictions]")
    assert not run_study(study, output, executor="serial", device="cpu").failed
    return output


def test_records_say_what_was_measured_and_no_more(run: Path) -> None:
    with Ledger(run, read_only=True) as ledger:
        trials = list(ledger.trials())
    assert len(trials) == 4
    for trial in trials:
        assert (trial.stop_reason, trial.num_epochs, trial.best_epoch, trial.num_steps) == ("solved", 1, 1, None)
        assert (trial.num_folds, trial.num_validation_images) == (3, trial.num_train_images)
        (point,) = trial.curve
        assert (trial.validation_accuracy, trial.validation_loss) == (point.validation_accuracy, point.validation_loss)
        assert trial.train_accuracy == point.train_accuracy
        assert trial.penalty_strength in STRENGTHS
        assert trial.frozen_unchanged is not False
        assert trial.num_trained_parameters == trial.num_parameters or trial.frozen_unchanged


@pytest.mark.parametrize("class_weight", [None, "balanced"])
@pytest.mark.parametrize("validation", ["folds", "within", "full"])
def test_held_out_accuracies_and_losses_are_those_of_scikit_learn(
    tmp_path: Path, validation: str, class_weight: str | None
) -> None:
    weights = f"transfer.training.class_weights={class_weight or 'null'}"
    checked = tiny_plan(*PROBE, f"transfer.validation={validation}", "transfer.num_folds=3", weights)
    context = context_with_sources(checked, tmp_path)
    condition = one_condition(checked, "linear_probe", 2)
    trial = prepare_trial(condition, 0, "trial", context)
    training = transfer.training_examples(trial, trial.split, context)
    held_out = transfer.validation_examples(trial, context)
    problem = head_problem(trial, training, held_out)
    features, labels = problem.features.double().numpy(), problem.labels.numpy()
    rows = np.arange(len(labels))
    splits = [(fold.seen, fold.unseen) for fold in problem.folds] or [(rows[: len(training)], rows[len(training) :])]
    loss = right = num = 0
    for seen, unseen in splits:
        centre = features[seen].mean(0)
        scale = np.sqrt(np.square(features[seen] - centre).sum(1).mean())
        inverse = 1 / (len(seen) * problem.strength.value)
        solver = LogisticRegression(C=inverse, tol=1e-8, max_iter=50_000, class_weight=class_weight)
        fitted = solver.fit((features[seen] - centre) / scale, labels[seen])
        chances = fitted.predict_log_proba((features[unseen] - centre) / scale)
        loss -= chances[np.arange(len(unseen)), labels[unseen]].sum()
        right += (chances.argmax(1) == labels[unseen]).sum()
        num += len(unseen)
    record = transfer.run_trial(condition, 0, "trial", context)
    assert record.validation_loss == pytest.approx(loss / num, abs=1e-4)
    assert record.validation_accuracy == pytest.approx(right / num)
    assert record.num_validation_images == num


def test_records_depend_neither_on_workers_nor_on_stored_features_nor_on_an_interruption(
    run: Path, tmp_path: Path
) -> None:
    with Ledger(run, read_only=True) as ledger:
        expected = ledger.records_hash()
    study = tiny_study(*PROBE, *FOLDS)
    workers = run_study(study, tmp_path / "workers", executor="processes", workers=2, device="cpu", memory_bytes=0)
    assert workers.records_hash == expected
    part = tiny_study(*PROBE, *FOLDS, "transfer.cuts=[1, 3]")
    run_study(part, tmp_path / "resumed", executor="serial", device="cpu")
    resumed = run_study(study, tmp_path / "resumed", executor="serial", device="cpu", stack=True)
    assert resumed.records_hash == expected


def test_a_kept_model_is_an_ordinary_one(run: Path) -> None:
    for key in load_results(run)["key"]:
        model = load_model(run / "artifacts" / key)
        examples = load_file(run / "artifacts" / key / "examples.safetensors")
        assert torch.equal(model(examples["images"]).argmax(1), examples["predicted"])
        assert model.card["training"] == {}


def test_training_fields_without_effect_make_no_other_trials() -> None:
    levels = "{rate: {low: {lr: 1e-4}, high: {lr: 1e-1, epochs: 7, batch_size: 8, augmentation: [flip]}}}"
    plan = tiny_plan("transfer.strategies=[linear_probe, freeze_truncate]", f"transfer.factors={levels}").plan
    names = [name for name in plan.names if name.strategy == "linear_probe"]
    assert len(names) == 8
    assert len({name.condition for name in names}) == 4
    assert len({name.condition for name in plan.names if name.strategy == "freeze_truncate"}) == 8
    assert {c.key for c in plan.conditions if c.head == "solved"} == {
        c.key for c in tiny_plan("transfer.strategies=[linear_probe]", "transfer.training.epochs=9").plan.conditions
    }


def test_what_has_an_effect_makes_other_trials() -> None:
    keys = [
        {condition.key for condition in tiny_plan("transfer.strategies=[linear_probe]", *change).plan.conditions}
        for change in ((), FOLDS, ("normalization.mean=0.4",), ("seed=4",))
    ]
    assert len(set.union(*keys)) == sum(map(len, keys))


def test_on_pixels_alone_the_source_does_not_matter() -> None:
    sources = "[{dataset: digits, classes: [0, 1]}, {dataset: digits, classes: [2, 3]}]"
    plan = tiny_plan("transfer.strategies=[linear_probe]", f"source={sources}").plan
    assert len(plan.names) == 8
    assert len(plan.conditions) == 7


def test_planned_work_does_not_follow_from_epochs_and_is_less_than_training() -> None:
    few, many = (
        tiny_plan("transfer.strategies=[linear_probe, freeze_truncate]", f"transfer.training.epochs={epochs}")
        for epochs in (5, 500)
    )
    probe = one_condition(few, "linear_probe", 3).flops
    assert 0 < probe == one_condition(many, "linear_probe", 3).flops < one_condition(many, "freeze_truncate", 3).flops


def test_the_plan_says_where_hidden_layers_of_random_values_lie_before_the_classifier() -> None:
    hidden = ("transfer.strategies=[linear_probe]", "model.hidden=16")
    (warning,) = [text for text in tiny_plan(*hidden).plan.warnings if "hidden" in text]
    assert "linear_probe at cut 0, 1, 2, 3 solves the classifier behind hidden layers of random values" in warning
    (warning,) = [text for text in tiny_plan(*hidden, "transfer.head=keep_hidden").plan.warnings if "hidden" in text]
    assert "at cut 0, 1, 2 solves" in warning
    assert not [text for text in tiny_plan(*PROBE).plan.warnings if "hidden" in text]


def test_hidden_layers_in_front_of_a_solved_classifier_stay_as_they_are(tmp_path: Path) -> None:
    checked = tiny_plan(*PROBE, "model.hidden=16", "transfer.head=keep_hidden")
    context = context_with_sources(checked, tmp_path)
    record = transfer.run_trial(one_condition(checked, "linear_probe", 3), 0, "trial", context)
    assert record.frozen_unchanged is True
    assert record.num_trained_parameters == 16 * 5 + 5


def test_features_that_are_no_numbers_are_a_final_failure_in_the_ledger(tmp_path: Path) -> None:
    checked = tiny_plan(*PROBE)
    context = dataclasses.replace(context_with_sources(checked, tmp_path), reraise=False)
    condition = one_condition(checked, "linear_probe", 3)
    values, _ = context.open_source(condition.source)
    values["blocks.conv2.conv.bias"][0] = math.nan
    (failure,) = run_transfer(TransferJob("job", condition, (0,)), context)
    assert isinstance(failure, FailureRecord)
    assert (failure.kind, failure.final) == ("diverged", True)
    assert "infinite or NaN" in failure.message


@pytest.fixture
def foreign(monkeypatch: pytest.MonkeyPatch):
    """Register a strategy of another package with a kind of head, under a name that says nothing."""

    def register(ours: str, head: str) -> None:
        strategy = foreign_strategies.Renamed("pear", STRATEGIES[ours])
        object.__setattr__(strategy, "head", head)
        monkeypatch.setattr(foreign_strategies, "PEAR", strategy, raising=False)
        entry = Entry("support.foreign_strategies:PEAR", "of another package")
        monkeypatch.setattr(STRATEGIES, "_table", {**STRATEGIES._table, "pear": entry})

    return register


def test_a_foreign_strategy_that_says_its_head_is_solved_gives_the_same_bits(tmp_path: Path, foreign) -> None:
    foreign("freeze_truncate", "solved")
    checked = tiny_plan("transfer.strategies=[linear_probe, pear]")
    context = context_with_sources(checked, tmp_path)
    ours, theirs = (one_condition(checked, name, 2) for name in ("linear_probe", "pear"))
    assert ours.flops == theirs.flops
    records = [transfer.run_trial(condition, 0, "trial", context) for condition in (ours, theirs)]
    assert records[0].curve == records[1].curve
    assert records[0].test_loss == records[1].test_loss


@pytest.mark.parametrize(
    ("ours", "head", "message"),
    [
        ("truncate", "solved", "at cut 1 it trains the blocks \\[0\\], yet claims only to solve its head"),
        ("truncate", "fitted", "has `head = 'fitted'`; expected one of trained, solved, solved_first"),
    ],
)
def test_a_strategy_that_says_the_impossible_of_its_head_is_refused(
    foreign, ours: str, head: str, message: str
) -> None:
    foreign(ours, head)
    with pytest.raises(SpecError, match=message):
        tiny_plan("transfer.strategies=[pear]")
