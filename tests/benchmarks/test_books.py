"""The books' benchmark measures a study of the size that it says, and its stage leaves nothing out."""

from __future__ import annotations

from itertools import islice
from pathlib import Path

from benchmarks.books import (
    TRIALS_A_LEVEL,
    append_part,
    book_study,
    plan_part,
    render,
    resume_part,
    runner_part,
    status_part,
    synthetic_records,
    targets_met,
)

from layercut.data.cache import default_cache_dir, default_data_dir
from layercut.plan.preflight import plan_with_data
from layercut.spec import StudySpec, parse_study

SMALL = """
name: small-books
source: {random: true}
target: {dataset: digits}
model: {name: plain_cnn, depth: 2, channels: 8}
transfer: {fractions: [0.5, 1.0], replicates: 3}
"""


def small() -> StudySpec:
    return parse_study(SMALL)


def test_the_study_has_about_the_trials_that_were_asked_for(tmp_path: Path) -> None:
    asked = 2 * TRIALS_A_LEVEL
    assert plan_part(book_study(asked), tmp_path)["trials"] == asked


def test_every_trial_of_a_plan_gets_one_record() -> None:
    plan = plan_with_data(small(), default_data_dir(), default_cache_dir(), "float32").plan
    keys = [record.key for record in synthetic_records(plan)]
    assert len(keys) == len(set(keys)) == sum(condition.num_replicates for condition in plan.conditions)
    assert list(islice(synthetic_records(plan), 1)) == list(islice(synthetic_records(plan), 1))


def test_the_parts_measure_the_same_ledger_and_their_table_names_the_targets(tmp_path: Path) -> None:
    parts = {
        "plan": plan_part(small(), tmp_path),
        "append": append_part(small(), tmp_path),
        "resume": resume_part(small(), tmp_path),
        "status": status_part(small(), tmp_path),
    }
    assert parts["append"]["records"] == parts["plan"]["trials"]
    assert parts["resume"]["jobs_left"] == 0
    measured = {name: {**part, "peak_memory_bytes": 2**30} for name, part in parts.items()}
    met = targets_met(measured)
    assert met["plan memory"] is False
    assert "target: plan memory: MISSED" in render({"parts": measured, "targets_met": met})


def test_the_runner_finishes_a_study_whose_stage_does_nothing(tmp_path: Path) -> None:
    planned = plan_part(small(), tmp_path)["trials"]
    assert runner_part(small(), tmp_path)["trials"] == planned
