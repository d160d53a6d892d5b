"""What a trial that fails leaves behind: a record, a study that goes on, an exit code that says so."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import layercut.stages.transfer
from layercut import load_results, load_study, run_study
from layercut.cli.main import main
from layercut.ledger import Ledger
from layercut.plan.jobs import Condition
from layercut.records import TrialRecord
from layercut.runner import RunSummary
from support.tiny_study import NUM_TRIALS, TINY, write_study

DIVERGING = TINY.replace("fractions: [0.1, 0.3]", "fractions: [0.02]\n  cuts: [1]").replace(
    "  training:", "  factors: {rate: {usual: {}, absurd: {lr: 1e+30}}}\n  training:"
)
"""With 2 images a class there is no validation: the first epoch's loss is finite, the second's is not."""


def _run(study: Path, output: Path, executor: str = "serial") -> RunSummary:
    return run_study(load_study(study), output, executor=executor, workers=2)


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The study file."""
    return write_study(tmp_path_factory.mktemp("study"), DIVERGING)


@pytest.fixture(scope="module")
def diverged(study: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The output directory of a finished study, some trials of which diverged."""
    output = tmp_path_factory.mktemp("diverged")
    _run(study, output)
    return output


def _refuse(*arguments: object) -> TrialRecord:
    raise RuntimeError("this trial must not run")


def test_a_diverged_trial_has_a_record_with_its_curve_and_the_others_go_on(diverged: Path) -> None:
    with Ledger(diverged, read_only=True) as ledger:
        failures = list(ledger.failures())
        counts = ledger.counts()
    assert failures
    assert {failure.kind for failure in failures} == {"diverged"}
    assert {len(failure.curve) for failure in failures} == {1}
    assert {failure.replicate for failure in failures} == {0, 1}
    assert all("in epoch 2" in failure.message for failure in failures)
    assert counts["finished"] >= len(failures)
    assert counts["failed"] == {"diverged": len(failures)}


def test_diverged_trials_are_rows_of_the_results_without_accuracy(diverged: Path) -> None:
    results = load_results(diverged)
    failed = results[results["status"] == "diverged"]
    assert set(failed["factor_rate"]) == {"absurd"}
    assert failed["test_accuracy"].isna().all()
    assert results.loc[results["factor_rate"] == "usual", "test_accuracy"].notna().all()


def test_the_next_run_does_not_try_diverged_trials_again(
    study: Path, diverged: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = _run(study, diverged)
    monkeypatch.setattr(layercut.stages.transfer, "run_trial", _refuse)
    assert _run(study, diverged) == before


def test_divergence_is_hashed_and_equal_for_every_executor(study: Path, diverged: Path, tmp_path: Path) -> None:
    here = _run(study, diverged)
    elsewhere = _run(study, tmp_path / "run", executor="processes")
    assert here.failed == elsewhere.failed
    assert here.records_hash == elsewhere.records_hash
    without = _run(write_study(tmp_path, DIVERGING.replace("1e+30", "1e-3")), tmp_path / "other")
    assert without.records_hash != here.records_hash


def test_exit_code_and_report_say_that_trials_diverged(
    study: Path, diverged: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["run", str(study), "-o", str(diverged), "--executor", "serial"])
    assert ended.value.code == 3
    shown = capfd.readouterr()
    assert "failed: " in shown.err
    assert "diverged" in shown.err
    page = Path(shown.out.strip()).read_text(encoding="utf-8")
    assert "diverged (a final result)" in page
    assert "the loss became infinite or NaN" in page


@pytest.fixture(scope="module")
def sound_study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A study in which nothing diverges."""
    return write_study(tmp_path_factory.mktemp("sound"))


@pytest.fixture(scope="module")
def undisturbed(sound_study: Path, tmp_path_factory: pytest.TempPathFactory) -> RunSummary:
    """How that study ends when nothing happens to it."""
    return _run(sound_study, tmp_path_factory.mktemp("undisturbed"))


def _failing_for(replicate_that_fails: int, error: Exception) -> Callable[..., TrialRecord]:
    run_trial = layercut.stages.transfer.run_trial

    def run_or_fail(condition: Condition, replicate: int, key: str, context: Any) -> TrialRecord:
        if replicate == replicate_that_fails:
            raise error
        return run_trial(condition, replicate, key, context)

    return run_or_fail


@pytest.mark.parametrize(
    ("error", "kind"),
    [(ValueError("a defect"), "error"), (MemoryError("no memory left"), "out_of_memory")],
)
def test_a_trial_that_raises_is_recorded_tried_again_and_replaced_by_its_success(
    sound_study: Path,
    undisturbed: RunSummary,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    error: Exception,
    kind: str,
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(layercut.stages.transfer, "run_trial", _failing_for(1, error))
        first = _run(sound_study, tmp_path)
    assert (first.num_finished, first.failed) == (NUM_TRIALS // 2, {kind: NUM_TRIALS // 2})
    with Ledger(tmp_path, read_only=True) as ledger:
        failure = next(ledger.failures())
    assert failure.message == str(error)
    assert "run_or_fail" in failure.traceback
    again = _run(sound_study, tmp_path)
    assert (again.num_finished, again.failed) == (NUM_TRIALS, {})
    assert again.records_hash == undisturbed.records_hash


@pytest.mark.parametrize("stage", ["source", "extract"])
def test_a_job_that_raises_is_recorded_and_its_later_success_clears_it(
    sound_study: Path, undisturbed: RunSummary, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stage: str
) -> None:
    def fail(*arguments: object) -> None:
        raise ValueError("a defect")

    with monkeypatch.context() as patch:
        patch.setattr(f"layercut.stages.{stage}.{'_make' if stage == 'source' else '_extract'}", fail)
        patch.setattr(layercut.stages.transfer, "run_trial", _failing_for(1, ValueError("another defect")))
        first = _run(sound_study, tmp_path)
    assert first.failed_jobs == {"error": 1}
    assert first.num_finished + first.num_failed == NUM_TRIALS
    again = _run(sound_study, tmp_path)
    assert (again.num_finished, again.failed, again.failed_jobs) == (NUM_TRIALS, {}, {})
    assert again.records_hash == undisturbed.records_hash


DEFECTIVE = """
from math import prod
from torch import nn

class Defective(nn.Linear):
    def forward(self, x):
        if self.training and len(x) > 40:
            raise ValueError("a defect")
        return super().forward(x)

def build(image_shape, num_classes):
    return nn.Sequential(nn.Flatten(), Defective(prod(image_shape), 8), nn.ReLU(), nn.Linear(8, num_classes))
"""
"""A model that planning finds sound, and that fails on whole batches."""


@pytest.mark.parametrize("executor", ["serial", "processes"])
def test_with_debug_the_first_exception_of_a_trial_stops_the_study(tmp_path: Path, executor: str) -> None:
    (tmp_path / "defective.py").write_text(DEFECTIVE, encoding="utf-8")
    text = TINY.replace("source: {dataset: digits, classes: [0, 1, 2]}", "source: {random: true}").replace(
        "model: {name: plain_cnn, depth: 2, channels: 8, kernel_size: 3, pool_every: 2}",
        'model: {factory: "defective:build"}',
    )
    changes = ["transfer.strategies=[scratch]", "transfer.fractions=[0.3]"]
    spec = load_study(write_study(tmp_path, text), changes)
    recorded = run_study(spec, tmp_path / "recorded", executor=executor, workers=1)
    assert recorded.failed == {"error": recorded.num_trials}
    with pytest.raises(Exception, match="a defect"):
        run_study(spec, tmp_path / "stopped", executor=executor, workers=1, debug=True)


def test_a_study_whose_every_trial_needs_a_failed_source_has_a_failure_a_trial(tmp_path: Path) -> None:
    spec = load_study(
        write_study(tmp_path, TINY), ["pretraining.lr=1e30", "transfer.strategies=[freeze]", "transfer.cuts=[1]"]
    )
    summary = run_study(spec, tmp_path / "run", executor="serial")
    assert summary.num_finished == 0
    assert summary.num_failed == summary.num_trials > 0
    failed = load_results(tmp_path / "run")
    assert set(failed["status"]) == {"error"}
