"""A study whose learning rates pilots choose: from the ledger alone, whatever ran where, stopped or not."""

from __future__ import annotations

import csv
import dataclasses
import json
import math
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import layercut.stages.pilot
from layercut import answers, load_failures, load_pilots, load_results, run_study
from layercut.artifacts.writing import artifact_folder
from layercut.executors.base import Done, Event, Lost
from layercut.executors.serial import SerialExecutor
from layercut.figures import charts_of
from layercut.interop.mp_tl_study import export_study
from layercut.ledger import Ledger, study_status
from layercut.plan.jobs import Condition, PilotJob
from layercut.plan.rates import choose_rates
from layercut.records import PilotRecord, TrialRecord
from layercut.report import write_report
from layercut.spec import StudySpec
from layercut.stages.pilot import run_pilot
from layercut.stages.transfer import run_trial
from layercut.stages.trial import prepare_trial
from layercut.strategies import STRATEGIES
from support import foreign_strategies
from support.tiny import context_with_sources, tiny_plan, tiny_study

EXPORTED = {"finetune": "finetune", "freeze": "F", "linear_probe": "linear_probe"}
RATES = (1e-4, 1e-2, 1e30)
NUM_JUDGED = 144  # every label at 20 %
OVERRIDES = (
    "transfer.training.lr=[1e-4, 1e-2, 1e+30]",
    "transfer.training.epochs=4",
    "transfer.strategies=[linear_probe, finetune, freeze]",
    "transfer.cuts=[1, 2]",
    "transfer.replicates=2",
    "model.channels=4",
    "pretraining.epochs=1",
)


def study(*overrides: str) -> StudySpec:
    return tiny_study(*OVERRIDES, *overrides)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    output = tmp_path_factory.mktemp("rates") / "run"
    assert not run_study(study(), output, executor="serial").failed
    return output


@pytest.fixture(scope="module")
def whole_hash(run: Path) -> str:
    return run_study(study(), run, executor="serial").records_hash


def pilots_of(path: Path) -> list[PilotRecord]:
    """Return the pilots of a run as every other must have them."""
    with Ledger(path, read_only=True) as ledger:
        found = [dataclasses.replace(pilot, environment=None, wall_seconds=None) for pilot in ledger.pilots()]
    return sorted(found, key=lambda pilot: pilot.key)


def test_a_pilot_is_the_cross_validation_of_its_rate_and_replicate_that_nobody_reports(run: Path, tmp_path: Path):
    """Bit for bit, though the trial trains a model of all images besides."""
    checked = tiny_plan(*OVERRIDES)
    context = context_with_sources(checked, tmp_path)
    by_key = {record.key: record for record in pilots_of(run)}
    for job in _jobs(checked.plan.conditions, by_key):
        pilot = by_key[job.key]
        if not pilot.diverged:
            trial = run_trial(job.condition, job.replicate, "trial", context)
            for value in ("validation_accuracy", "validation_loss", "best_epoch", "curve", "split_hash"):
                assert getattr(pilot, value) == getattr(trial, value)


def test_pilots_of_another_metric_are_judged_as_trials_are(tmp_path: Path):
    checked = tiny_plan(*OVERRIDES, "metric=balanced_accuracy")
    context = context_with_sources(checked, tmp_path)
    job = choose_rates(checked.plan.conditions, [], {}).pilots[0]
    (pilot,) = run_pilot(job, context)
    trial = run_trial(job.condition, job.replicate, "trial", context)
    assert pilot.judged == trial.validation_balanced_accuracy
    assert pilot.judged != pilot.validation_accuracy


def _jobs(conditions: tuple[Condition, ...], records: dict[str, PilotRecord]) -> list[PilotJob]:
    jobs: dict[str, PilotJob] = {}
    known: dict[str, PilotRecord] = {}
    while found := choose_rates(conditions, known.values(), {}).pilots:
        jobs |= {job.key: job for job in found}
        known |= {job.key: records[job.key] for job in found}
    return list(jobs.values())


def test_each_condition_has_a_rate_that_no_other_clearly_beats_in_its_pilots(run: Path):
    """Worked out here from the pilots alone, as two shares of as many images."""
    with Ledger(run, read_only=True) as ledger:
        taken = {name.search: name.learning_rate for name in ledger.names() if name.search}
    by_search: dict[str, dict[float, PilotRecord]] = defaultdict(dict)
    for pilot in pilots_of(run):
        if pilot.replicate == -1:
            by_search[pilot.search][pilot.learning_rate] = pilot
    assert by_search
    assert set(by_search) == set(taken)
    for search, tried in by_search.items():
        ours = tried[taken[search]].validation_accuracy
        for other in (one.validation_accuracy for one in tried.values() if not one.diverged):
            share = (ours + other) / 2
            assert other - ours <= 1.6 * math.sqrt(2 * share * (1 - share) / NUM_JUDGED)


def test_pilots_predict_every_label_once(run: Path, tmp_path: Path):
    checked = tiny_plan(*OVERRIDES)
    context = context_with_sources(checked, tmp_path)
    job = choose_rates(checked.plan.conditions, [], {}).pilots[0]
    trial = prepare_trial(job.condition, job.replicate, job.key, context)
    held_out = np.concatenate([fold.validation for fold in trial.folds])
    assert sorted(held_out) == sorted(trial.split.train)
    assert len(held_out) == job.condition.pilots.num_judged == NUM_JUDGED
    assert len(trial.folds) == 3


def test_a_rate_that_diverges_is_a_result_and_no_failure(run: Path):
    assert any(pilot.diverged for pilot in pilots_of(run))
    assert load_failures(run).empty
    assert 1e30 not in set(load_results(run)["learning_rate"])


def test_trials_are_those_of_a_study_of_the_rate_that_was_taken(run: Path, tmp_path: Path):
    results = load_results(run)
    rate = float(results.loc[results["strategy"] == "finetune", "learning_rate"].iloc[0])
    run_study(study(f"transfer.training.lr={rate!r}", "transfer.strategies=[finetune]"), tmp_path, executor="serial")
    alone = load_results(tmp_path)
    ours = results[results["strategy"] == "finetune"]
    assert list(alone["key"]) == list(ours["key"])
    assert list(alone["test_loss"]) == list(ours["test_loss"])


def test_pilots_are_in_no_result_and_have_images_of_their_own(run: Path):
    results, pilots = load_results(run), load_pilots(run)
    assert set(results["replicate"]) == {0, 1}
    assert not set(results["split_hash"]) & {pilot.split_hash for pilot in pilots_of(run)}
    assert not [column for column in pilots.columns if "test" in column]


def test_the_table_of_pilots_says_what_was_tried_and_what_was_taken(run: Path):
    pilots = load_pilots(run)
    finetune = pilots[(pilots["strategy"] == "finetune") & (pilots["cut"] == 1)]
    assert sorted(set(finetune["learning_rate"])) == list(RATES)
    taken = set(finetune.loc[finetune["taken"], "learning_rate"])
    results = load_results(run)
    assert taken == set(results.loc[results["strategy"] == "finetune", "learning_rate"])
    assert "linear_probe" not in set(pilots["strategy"])


def test_processes_give_the_records_of_serial(run: Path, whole_hash: str, tmp_path: Path):
    assert run_study(study(), tmp_path, executor="processes", workers=2).records_hash == whole_hash
    assert pilots_of(tmp_path) == pilots_of(run)


class Stopping:
    """An executor that is interrupted after so many jobs."""

    def __init__(self, jobs: int) -> None:
        self._left = jobs
        self._serial = SerialExecutor()

    def run(self, function: str, jobs: Any, context: Any) -> Iterator[Event]:
        for event in self._serial.run(function, jobs, context):
            yield event
            if isinstance(event, Done | Lost):
                self._left -= 1
                if self._left == 0:
                    raise KeyboardInterrupt

    def close(self) -> None:
        self._serial.close()


def test_stopped_again_and_again_it_ends_as_if_nothing_had_happened(run: Path, whole_hash: str, tmp_path: Path):
    for _ in range(100):
        try:
            summary = run_study(study(), tmp_path, executor=Stopping(2))
            break
        except KeyboardInterrupt:
            continue
    assert summary.records_hash == whole_hash
    assert pilots_of(tmp_path) == pilots_of(run)


def test_another_cut_adds_what_it_needs_and_repeats_nothing(tmp_path: Path):
    fewer = ("transfer.strategies=[truncate]", "transfer.replicates=1", "transfer.cuts=[1]")
    run_study(study(*fewer), tmp_path, executor="serial")
    before = {pilot.key for pilot in pilots_of(tmp_path)}
    more = study("transfer.strategies=[truncate]", "transfer.replicates=1", "transfer.cuts=[1, 2]")
    run_study(more, tmp_path, executor="serial")
    assert before < {pilot.key for pilot in pilots_of(tmp_path)}
    assert len(load_results(tmp_path)) == 2


def _refuse_once(monkeypatch: pytest.MonkeyPatch, cut: int) -> None:
    ours = layercut.stages.pilot.prepare_trial

    def refuse(condition: Condition, *arguments: Any) -> Any:
        if condition.cut == cut:
            raise MemoryError("no memory left")
        return ours(condition, *arguments)

    monkeypatch.setattr(layercut.stages.pilot, "prepare_trial", refuse)


def test_without_a_pilot_that_failed_trials_are_failures_and_the_next_run_does_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    spec = study("transfer.strategies=[truncate]", "transfer.cuts=[1, 2]")
    with monkeypatch.context() as patched:
        _refuse_once(patched, cut=2)
        summary = run_study(spec, tmp_path, executor="serial")
    assert (summary.num_finished, summary.failed) == (2, {"error": 2})
    messages = load_failures(tmp_path)
    assert (messages["message"] == "no learning rate could be chosen: no memory left").sum() == 2
    again = run_study(spec, tmp_path, executor="serial")
    assert (again.num_finished, again.failed, again.failed_jobs) == (4, {}, {})
    assert again.records_hash == run_study(spec, tmp_path.parent / "undisturbed", executor="serial").records_hash


def test_a_damaged_pilot_is_trained_again(run: Path, whole_hash: str, tmp_path: Path):
    run_study(study(), tmp_path, executor="serial")
    with Ledger(tmp_path) as ledger:
        ledger._connection.execute("UPDATE pilots SET validation_accuracy = 0.99 WHERE id = 1")
    summary = run_study(study(), tmp_path, executor="serial")
    assert [name for name in summary.mended if name.startswith("pilot ")]
    assert summary.records_hash == whole_hash


def test_a_strategy_of_another_package_gets_its_rate_in_the_same_way(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setattr(STRATEGIES, "_table", {**STRATEGIES._table, **foreign_strategies.TABLE})
    run_study(study("transfer.strategies=[shorter, truncate]", "transfer.cuts=[1, 2]"), tmp_path, executor="serial")
    results = load_results(tmp_path)
    foreign, ours = (results[results["strategy"] == name] for name in ("shorter", "truncate"))
    assert list(foreign["learning_rate"]) == list(ours["learning_rate"])
    assert list(foreign["test_loss"]) == list(ours["test_loss"])


def test_the_answer_says_that_each_condition_has_its_own_rate(run: Path):
    results = load_results(run)
    trained = results[results["strategy"] != "linear_probe"]
    trained.attrs = {}  # else it is a part of the study, which is not finished
    told = str(answers(trained))
    assert "Each condition has its own learning rate" in told
    assert "from 0.0001 to 1e+30; here 0.01." in " ".join(told.split())


def test_figures_that_compare_conditions_say_it_too(run: Path):
    (_, chart), *_ = charts_of("cut_boxes", run)
    assert chart.caption.endswith("Each condition is trained at its own learning rate, chosen in pilots.")
    ((_, chart),) = charts_of("learning_rates", run)
    assert [panel.strategy for panel in chart.panels] == ["freeze", "finetune"]


def test_the_page_warns_of_a_list_that_may_be_too_short(run: Path, tmp_path: Path):
    page = write_report(run).read_text(encoding="utf-8")
    assert "list may be too short" not in page  # 0.01 lies in the middle
    short = study("transfer.training.lr=[1e-4, 1e-2]", "transfer.strategies=[finetune]", "transfer.replicates=1")
    run_study(short, tmp_path, executor="serial")
    page = write_report(tmp_path).read_text(encoding="utf-8")
    assert "so the list may be too short" in page
    assert "finetune: the highest, 0.01, at 2 of 2 cuts" in page


def test_exported_trials_have_the_rate_that_was_taken(run: Path, tmp_path: Path):
    results = load_results(run)
    files = {file.name: json.loads(file.read_text(encoding="utf-8")) for file in export_study(run, tmp_path)}
    for strategy, rows in ((name, files[f"cuts_tiny_{letters}.json"][1:]) for name, letters in EXPORTED.items()):
        taken = set(results.loc[results["strategy"] == strategy, "learning_rate"].dropna())
        assert {row["lr"] for row in rows} == (taken or {None})


def test_status_counts_pilots(run: Path):
    assert study_status(run).pilots == len(pilots_of(run))
    assert f"{len(pilots_of(run))} pilots finished" in study_status(run).describe()


def test_trackers_are_told_of_trials_whose_rate_was_chosen_and_of_no_pilot(tmp_path: Path):
    spec = study("csv=true", "keep=[weights]", "transfer.strategies=[finetune]", "transfer.replicates=1")
    run_study(spec, tmp_path, executor="serial")
    with (tmp_path / "transfer_learning_logs.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    (record,) = _trials(tmp_path)
    assert len([row for row in rows if "finetune" in str(row)]) == record.num_epochs
    card = json.loads((artifact_folder(tmp_path, record.key) / "card.json").read_text(encoding="utf-8"))
    assert card["training"]["lr"] == 1e-2


def _trials(path: Path) -> list[TrialRecord]:
    with Ledger(path, read_only=True) as ledger:
        return list(ledger.trials())


def test_a_run_that_stopped_among_its_pilots_has_a_page_that_says_so(tmp_path: Path):
    with pytest.raises(KeyboardInterrupt):
        run_study(study(), tmp_path, executor=Stopping(4))
    assert 0 < study_status(tmp_path).pilots < 5
    assert load_results(tmp_path).empty
    assert "Not finished" in write_report(tmp_path).read_text(encoding="utf-8")
