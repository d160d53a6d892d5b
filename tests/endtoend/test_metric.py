"""A study that chooses by a metric over classes: recorded, chosen by and shown, while accuracy stays what it was."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
from sklearn.metrics import balanced_accuracy_score, f1_score

from layercut import answers, load_results, run_study
from layercut.artifacts import kept_trials
from layercut.errors import SpecError, UserError
from layercut.figures import FIGURES
from layercut.figures.study_tables import StudyTables
from layercut.ledger import Ledger
from layercut.notebook import best_cuts
from layercut.stats import compare_studies
from layercut.stats.tables import load_curves
from support.tiny import tiny_plan, tiny_study

UNEQUAL = (
    "target={dataset: digits, groups: {few: [1], many: [0, 2, 3, 4, 5, 6]}}",
    "transfer.strategies=[scratch, freeze, linear_probe]",
    "transfer.cuts=[0, 2]",
    "transfer.fractions=[0.2]",
    "transfer.training.epochs=4",
    "keep=[predictions]",
)
FOLDS = ("transfer.validation=folds", "transfer.num_folds=3")


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The same study by accuracy, by balanced accuracy, and by macro F1 with folds."""
    folder = tmp_path_factory.mktemp("runs")
    asked = {
        "accuracy": UNEQUAL,
        "balanced_accuracy": (*UNEQUAL, "metric=balanced_accuracy"),
        "macro_f1": (*UNEQUAL, *FOLDS, "metric=macro_f1"),
    }
    for name, changes in asked.items():
        assert not run_study(tiny_study(*changes), folder / name, executor="serial", device="cpu").failed
    return {name: folder / name for name in asked}


def test_every_trial_records_all_three_on_the_test_images(runs: dict[str, Path]) -> None:
    for run in runs.values():
        results = load_results(run).drop_duplicates("key").set_index("key")
        kept = kept_trials(run)
        assert len(kept) > 4
        for trial in kept:
            table, row = pd.read_csv(trial.folder / "predictions.csv"), results.loc[trial.card["key"]]
            assert row["test_accuracy"] == (table["label"] == table["predicted"]).mean()
            assert row["test_balanced_accuracy"] == balanced_accuracy_score(table["label"], table["predicted"])
            assert row["test_macro_f1"] == f1_score(table["label"], table["predicted"], average="macro")
            assert trial.card["metrics"]["test_macro_f1"] == row["test_macro_f1"]


def test_the_best_epoch_is_that_of_the_metric_and_its_value_is_the_records(runs: dict[str, Path]) -> None:
    for metric in ("balanced_accuracy", "macro_f1"):
        results, curves = load_results(runs[metric]), load_curves(runs[metric])
        for row in results.drop_duplicates("key").to_dict("records"):
            curve = curves[curves["key"] == row["key"]].set_index("epoch")
            best = curve["validation_score"].max()
            assert curve.loc[row["best_epoch"], "validation_score"] == best
            if not row["num_folds"]:  # with folds, each is scored where the others were best
                assert best == row[f"validation_{metric}"]
    assert load_curves(runs["accuracy"])["validation_score"].isna().all()


def test_out_of_fold_values_are_of_the_images_together(runs: dict[str, Path]) -> None:
    results = load_results(runs["macro_f1"])
    counts = results["num_validation_images"].astype(float)
    assert (results["num_effective_validation_images"] < counts).all()
    right = results["validation_accuracy"] * counts
    assert (right - right.round()).abs().max() < 1e-9
    assert results[["validation_balanced_accuracy", "validation_macro_f1"]].notna().all(axis=None)


def test_the_choice_the_answer_and_every_figure_are_of_the_metric_and_name_it(runs: dict[str, Path]) -> None:
    results = load_results(runs["macro_f1"])
    assert set(results["metric"]) == {"macro_f1"}
    (best,) = best_cuts(results).to_dict("records")
    own = results[(results["strategy"] == best["strategy"]) & (results["cut"] == best["cut"])]
    assert best["mean_validation"] == pytest.approx(own["validation_macro_f1"].mean())
    assert best["mean_test"] == pytest.approx(own["test_macro_f1"].mean())
    said = " ".join(str(answers(results)).split())
    assert "% macro F1 on test images" in said or "No better than guessing" in said
    assert "Chosen by validation macro F1 (ties by log loss)" in said
    tables = StudyTables.read(runs["macro_f1"])
    charts = [chart for name in FIGURES for _, part in tables.contexts() if (chart := FIGURES[name](part))]
    shown = " ".join(repr(chart) for chart in charts if chart.name != "source_accuracy")
    assert "Test macro F1" in shown
    assert "est accuracy" not in shown
    assert "alidation accuracy" not in shown


def test_a_study_by_accuracy_keeps_its_keys_and_another_metric_has_its_own(runs: dict[str, Path]) -> None:
    default, spelled, other = (
        {condition.key for condition in tiny_plan(*UNEQUAL, *change).plan.conditions}
        for change in ((), ("metric=accuracy",), ("metric=macro_f1",))
    )
    assert default == spelled
    assert not default & other
    sources = [{job.key for job in tiny_plan(*UNEQUAL, *change).plan.sources} for change in ((), ("metric=macro_f1",))]
    assert sources[0] == sources[1], "sources are trained by accuracy, whatever trials are chosen by"


def test_guessing_is_that_of_the_metric(runs: dict[str, Path]) -> None:
    chances = {}
    for name, run in runs.items():
        with Ledger(run, read_only=True) as ledger:
            (chances[name],) = (ledger.meta("plan") or {})["chance"].values()
    assert chances["balanced_accuracy"] == chances["macro_f1"] == 0.5
    assert chances["accuracy"] > 0.8


def test_studies_are_compared_by_the_metric_of_the_first_or_any_that_is_asked_for(runs: dict[str, Path]) -> None:
    found = compare_studies(runs["balanced_accuracy"], runs["accuracy"])
    assert "points of test balanced accuracy" in found.summary
    assert any("best epochs were chosen by balanced accuracy" in note for note in found.notes)
    means = load_results(runs["accuracy"]).groupby(["strategy", "cut"])["test_macro_f1"].mean()
    for row in compare_studies(runs["balanced_accuracy"], runs["accuracy"], metric="macro_f1").rows.to_dict("records"):
        assert row["mean_baseline"] == pytest.approx(means[row["strategy"], row["cut"]])


def test_results_of_two_metrics_are_not_mixed(runs: dict[str, Path]) -> None:
    both = pd.concat([load_results(runs["accuracy"]), load_results(runs["macro_f1"]).assign(study="other")])
    with pytest.raises(UserError, match="results of one metric; got accuracy, macro_f1"):
        best_cuts(both)
    assert len(best_cuts(both.assign(metric="balanced_accuracy"))) == 2


def test_validating_as_needed_is_refused_as_it_counts_wrong_images() -> None:
    with pytest.raises(SpecError, match="`validate_epochs: all` beside `metric: macro_f1`"):
        tiny_plan("metric=macro_f1", "transfer.training.validate_epochs=as_needed")


def test_a_metric_that_there_is_not_is_refused_with_those_that_there_are() -> None:
    with pytest.raises(SpecError, match=r"metric.*balanced_accuracy"):
        tiny_study("metric=f1")


def test_the_plan_says_where_accuracy_is_mostly_that_of_the_largest_class() -> None:
    (note,) = (note for note in tiny_plan(*UNEQUAL).plan.notes if "counts each class alike" in note)
    assert "class 'many' has" in note
    assert "`metric: balanced_accuracy`" in note
    assert not any("counts each class alike" in note for note in tiny_plan().plan.notes)
    assert not any("alike" in note for note in tiny_plan(*UNEQUAL, "metric=macro_f1").plan.notes)
