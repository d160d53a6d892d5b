"""A failure is the same record whichever stage it strikes and whichever executor does the job."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import NamedTuple

import pytest

from layercut import run_study
from layercut.executors import EXECUTORS
from layercut.ledger import Ledger
from layercut.runner import RunSummary
from layercut.spec import StudySpec, parse_study
from support.tiny_study import TINY

OTHERS = [
    pytest.param(name, marks=[pytest.mark.exhaustive] if name == "ray" else [])
    for name in EXECUTORS
    if name != "serial"
]

AFTER_SOURCES = ("extract", "probe", "represent", "transfer")
FAILING = {
    "model_error": {(job, "error") for job in AFTER_SOURCES},
    "no_memory_outside": {(job, "out_of_memory") for job in AFTER_SOURCES},
    "source_error": {("source", "error"), ("probe", "error"), ("transfer", "error")},
}
"""Function of `failing_stages` -> job and kind of the failures that it leaves."""

CASES = [*((name, False) for name in FAILING), ("model_error", True)]


class Outcome(NamedTuple):
    """What a run leaves."""

    summary: RunSummary
    failures: Counter[tuple[object, ...]]
    num_scores: int


def _study() -> StudySpec:
    overrides = ["probes=[knn, sum_of_squares]", "keep=[representations]", "transfer.replicates=2"]
    return parse_study(TINY, overrides=[*overrides, "transfer.fractions=[0.1]", "pretraining.epochs=1"])


def _run(output: Path, executor: str, stacked: bool) -> Outcome:
    summary = run_study(_study(), output, executor=executor, workers=2, stack=stacked, device="cpu")
    with Ledger(output, read_only=True) as ledger:
        found = Counter(
            (failure.key, failure.job, failure.condition, failure.replicate, failure.kind, failure.message)
            for failure in ledger.failures()
        )
        return Outcome(summary, found, len(list(ledger.probes())))


@pytest.mark.parametrize(("failing", "stacked"), CASES)
@pytest.mark.parametrize("executor", OTHERS)
def test_what_fails_in_any_stage_is_the_same_record_with_every_executor(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, executor: str, failing: str, stacked: bool
) -> None:
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[1]))
    monkeypatch.setattr("layercut.runner.recorder.STAGE", f"support.failing_stages:{failing}")
    here = _run(tmp_path / "here", "serial", stacked)
    elsewhere = _run(tmp_path / "elsewhere", executor, stacked)
    assert {(job, kind) for _, job, _, _, kind, _ in here.failures} == FAILING[failing]
    assert here.summary.num_finished + here.summary.num_failed == here.summary.num_trials
    assert elsewhere.failures == here.failures
    assert elsewhere.num_scores == here.num_scores
    assert elsewhere.summary.records_hash == here.summary.records_hash
