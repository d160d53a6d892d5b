"""A study as the question, for a share of its planned work."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import pytest

import layercut
from layercut.data.cache import default_cache_dir, default_data_dir
from layercut.errors import UserError
from layercut.executors.serial import SerialExecutor
from layercut.ledger import Ledger
from layercut.plan.preflight import plan_with_data
from layercut.recommending.journal import Journal, read_journal
from layercut.recommending.of_study import question_of_study

STUDY: dict[str, Any] = {
    "name": "small",
    "seed": 3,
    "source": {"random": True},
    "target": {"dataset": "digits", "classes": [3, 4, 5]},
    "model": {"name": "plain_cnn", "depth": 2, "channels": 4, "pool_every": 2},
    "transfer": {
        "strategies": ["scratch", "freeze", "truncate"],
        "fractions": [0.1, 0.2],
        "replicates": 4,
        "training": {"epochs": 1},
        "val_split": 0.3,
    },
}


@pytest.fixture(autouse=True)
def planned(monkeypatch: pytest.MonkeyPatch) -> None:
    times = {"elapsed": 500.0, "source": 0.0, "extract": 0.0}
    monkeypatch.setattr("layercut.recommending.of_study.estimated_seconds", lambda *given, **options: times)


def recommend(output_dir: Path, study: Any = STUDY, **options: Any) -> layercut.Recommendation:
    given: dict[str, Any] = {"executor": SerialExecutor(), "workers": 1, "device": "cpu"} | options
    return layercut.recommend(study, output_dir=output_dir, clock=itertools.count(0.0).__next__, **given)


def journal_of(output_dir: Path) -> Journal:
    with Ledger(output_dir, read_only=True) as ledger:
        found = read_journal(ledger)
    assert found is not None
    return found


@pytest.fixture
def made(tmp_path: Path) -> layercut.Recommendation:
    return recommend(tmp_path / "run", share=0.2)


def test_its_arms_are_the_study_s_own_conditions_at_the_largest_fraction(made: layercut.Recommendation) -> None:
    spec = layercut.load_study(STUDY)
    plan = plan_with_data(spec, default_data_dir(), default_cache_dir(), "float32").plan
    wanted = {one.key for one in plan.conditions if one.fraction == 0.2}
    assert {arm.key for arm in journal_of(made.output_dir).arms} == wanted
    assert "scratch" in set(made.table["strategy"])


def test_its_budget_is_its_share_of_the_planned_seconds_and_it_says_what_it_was_chosen_by(
    made: layercut.Recommendation,
) -> None:
    journal = journal_of(made.output_dir)
    assert journal.budget_seconds == pytest.approx(100.0)
    assert journal.reason in ("budget", "worth")
    assert all(step.left_seconds > 0 for step in journal.steps)
    assert len(journal.trials) > 1
    with Ledger(made.output_dir, read_only=True) as ledger:
        trials = list(ledger.trials())
    assert {trial.num_validation_images for trial in trials} == {journal.num_held_out}
    assert f"on {journal.num_held_out} validation images" in made.answer
    assert "Validation accuracy" in made.report().read_text(encoding="utf-8")


def test_a_run_is_taken_for_the_study_in_it_and_is_left_as_it_is(tmp_path: Path) -> None:
    fast = ["transfer.strategies=[freeze]", "transfer.replicates=1", "transfer.fractions=[0.2]"]
    run = layercut.run_study(layercut.load_study(STUDY, fast), tmp_path / "study", executor="serial", device="cpu")
    found = recommend(tmp_path / "run", str(run.output_dir), share=0.1)
    with Ledger(run.output_dir, read_only=True) as done, Ledger(found.output_dir, read_only=True) as tried:
        own = {trial.key: trial for trial in done.trials()}
        both = [trial for trial in tried.trials() if trial.key in own]
        assert both
        assert all(trial.curve == own[trial.key].curve for trial in both)
        assert done.records_hash() == run.records_hash


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"share": 1.5}, "expected a share of the study's planned work"),
        ({}, "a study is given with a share"),
        ({"share": 0.1, "data": "photos"}, "a study has its own images"),
    ],
)
def test_what_does_not_go_together_is_refused(tmp_path: Path, given: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message):
        recommend(tmp_path / "run", **given)


def test_studies_that_ask_several_questions_are_refused(tmp_path: Path) -> None:
    several = STUDY | {"target": [STUDY["target"], {"dataset": "digits", "classes": [0, 1]}]}
    with pytest.raises(UserError, match="expected a study with one target; got 2"):
        recommend(tmp_path / "run", several, share=0.1)
    factors = {"decay": {"none": {"weight_decay": 0.0}, "some": {"weight_decay": 0.1}}}
    with pytest.raises(UserError, match="also differ in other factors"):
        recommend(tmp_path / "run", STUDY | {"transfer": STUDY["transfer"] | {"factors": factors}}, share=0.1)


def test_a_share_that_pretraining_alone_would_take_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    times = {"elapsed": 100.0, "source": 30.0, "extract": 0.0}
    monkeypatch.setattr("layercut.recommending.of_study.estimated_seconds", lambda *given, **options: times)
    with pytest.raises(UserError, match=r"pretraining alone takes 15\.0 s; expected more than 0\.15"):
        question_of_study(STUDY, 0.1, default_data_dir(), 2, ())
