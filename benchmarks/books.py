"""The books of a study of a million trials: plan, ledger, resume, status, export; nothing is trained.

    python -m benchmarks.books

Every part is a child process, so that its peak memory is its own. Records are synthetic (a curve of 12 epochs).
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar
from unittest.mock import patch

from benchmarks.children import run_child
from benchmarks.machine import describe_machine, write_result
from layercut.data.cache import default_cache_dir, default_data_dir
from layercut.executors.serial import SerialExecutor
from layercut.ledger import Ledger, study_status
from layercut.plan.canonical import trial_key
from layercut.plan.expand import Plan
from layercut.plan.jobs import TransferJob
from layercut.plan.preflight import plan_with_data
from layercut.plan.schedule import transfer_jobs
from layercut.plan.summary import summarize
from layercut.records import EpochPoint, TrialRecord
from layercut.spec import StudySpec, parse_study

T = TypeVar("T")

REPLICATES = 25
FRACTIONS = [round(0.1 * step, 1) for step in range(1, 11)]
TRIALS_A_LEVEL = 29 * REPLICATES * len(FRACTIONS)
"""29 distinct conditions of seven strategies on six blocks."""

BATCH = 1000
TARGETS: dict[str, tuple[str, float, str]] = {
    "plan": ("seconds", 20.0, "at most"),
    "append": ("records_per_second", 20_000.0, "at least"),
    "status": ("status_seconds", 2.0, "at most"),
}
PLAN_MEMORY_BYTES = 10**9

CURVE = tuple(EpochPoint(e, 1 / e, 1 - 1 / (e + 1), 1.1 / e, 1 - 1 / (e + 2)) for e in range(1, 13))
SEEDS = {"init": 2**60 + 1, "head": 2**60 + 3, "order": 2**60 + 5, "layers": 2**60 + 7}


def main() -> None:
    """Run all parts as children and print them; with `--part`, be one of the children."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trials", type=int, default=1_000_000)
    parser.add_argument("--runner-trials", type=int, default=100_000, help="of the study that the runner itself runs")
    parser.add_argument("--part", choices=list(PARTS), help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--out", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--output", type=Path, help="instead of benchmarks/results/books.json")
    arguments = parser.parse_args()
    if arguments.part:
        trials = arguments.runner_trials if arguments.part == "runner" else arguments.trials
        answer = PARTS[arguments.part](book_study(trials), arguments.folder)
        arguments.out.write_text(json.dumps(answer), encoding="utf-8")
        return
    machine = describe_machine()
    result: dict[str, Any] = {"parts": {}}
    with tempfile.TemporaryDirectory() as folder:
        for part in PARTS:
            sizes = ["--trials", arguments.trials, "--runner-trials", arguments.runner_trials]
            child = run_child("benchmarks.books", "--part", part, "--folder", folder, *sizes)
            print(f"{part}: {child.seconds:.1f} s", file=sys.stderr)
            result["parts"][part] = {**child.answer, "peak_memory_bytes": child.largest_process_bytes}
    result["targets_met"] = targets_met(result["parts"])
    print(render(result))
    print(f"written to {write_result('books', result, arguments.output, machine)}")


def book_study(num_trials: int) -> StudySpec:
    """Return a study of about so many distinct trials: all strategies and cuts, ten fractions, many learning rates."""
    levels = max(1, round(num_trials / TRIALS_A_LEVEL))
    rates = ", ".join(f"rate{level}: {{lr: {1e-4 * (1 + level):.4e}}}" for level in range(levels))
    return parse_study(
        f"""
name: books
source: {{random: true}}
target: {{dataset: digits}}
model: {{name: plain_cnn, depth: 6, channels: 8}}
transfer:
  fractions: {FRACTIONS}
  replicates: {REPLICATES}
  factors: {{rate: {{{rates}}}}}
"""
    )


def plan_part(spec: StudySpec, folder: Path) -> dict[str, Any]:
    """Expand the plan, summarize it, and go once through its jobs."""
    plan, seconds = _timed(lambda: _plan(spec))
    summary, summary_seconds = _timed(lambda: summarize(spec, plan))
    num_jobs, jobs_seconds = _timed(lambda: sum(1 for _ in transfer_jobs(plan, lambda key: False)))
    return {
        "seconds": seconds + summary_seconds + jobs_seconds,
        "expand_seconds": seconds,
        "summary_seconds": summary_seconds,
        "jobs_seconds": jobs_seconds,
        "trials": summary["trials_distinct"],
        "trials_nominal": summary["trials_nominal"],
        "jobs": num_jobs,
    }


def append_part(spec: StudySpec, folder: Path) -> dict[str, Any]:
    """Write the names, then a record for every trial, in batches; and some one by one, as a run does."""
    plan = _plan(spec)
    single = folder / "single"
    single.mkdir()
    records = synthetic_records(plan)
    few = list(islice(synthetic_records(plan), 20_000))
    with Ledger(single, create=True) as ledger:
        _, single_seconds = _timed(lambda: [ledger.append([record]) for record in few])
    with Ledger(folder, create=True) as ledger:
        ledger.set_meta("study_name", spec.name)
        ledger.set_meta("plan", summarize(spec, plan))
        _, names_seconds = _timed(lambda: ledger.replace_names(plan.names))
        seconds, count = 0.0, 0
        while batch := list(islice(records, BATCH)):
            _, batch_seconds = _timed(lambda batch=batch: ledger.append(batch))  # type: ignore[misc]
            seconds, count = seconds + batch_seconds, count + len(batch)
    return {
        "records": count,
        "names": len(plan.names),
        "names_seconds": names_seconds,
        "seconds": seconds,
        "records_per_second": count / seconds,
        "single_records_per_second": len(few) / single_seconds,
        "ledger_bytes": (folder / "ledger.sqlite").stat().st_size,
    }


def resume_part(spec: StudySpec, folder: Path) -> dict[str, Any]:
    """Find out what a finished study has left to do."""
    plan = _plan(spec)
    with Ledger(folder, read_only=True) as ledger:
        done, keys_seconds = _timed(ledger.finished_keys)
    num_left, jobs_seconds = _timed(lambda: sum(1 for _ in transfer_jobs(plan, done.__contains__)))
    return {
        "seconds": keys_seconds + jobs_seconds,
        "finished_keys_seconds": keys_seconds,
        "jobs_seconds": jobs_seconds,
        "jobs_left": num_left,
    }


def status_part(spec: StudySpec, folder: Path) -> dict[str, Any]:
    """Ask how far the study is, and what that consists of."""
    with Ledger(folder, read_only=True) as ledger:
        _, counts_seconds = _timed(ledger.counts)
        _, hash_seconds = _timed(ledger.records_hash)
    _, status_seconds = _timed(lambda: study_status(folder, checked=False))
    _, check_seconds = _timed(lambda: study_status(folder))
    _, command_seconds = _timed(lambda: _layercut("status", folder))
    return {
        "status_seconds": status_seconds,
        "check_seconds": check_seconds - status_seconds,
        "counts_seconds": counts_seconds,
        "records_hash_seconds": hash_seconds,
        "command_seconds": command_seconds,
    }


def export_part(spec: StudySpec, folder: Path) -> dict[str, Any]:
    """Write results.csv."""
    output = folder / "exports"
    _, seconds = _timed(lambda: _layercut("export", folder, "--format", "csv", "--output", output))
    return {"seconds": seconds, "csv_bytes": (output / "results.csv").stat().st_size}


def runner_part(spec: StudySpec, folder: Path) -> dict[str, Any]:
    """Run a study through the runner itself with a stage that does nothing, then run it again."""
    from layercut.runner import recorder, run_study

    output = folder / "runner"
    with patch.object(recorder, "STAGE", f"{__name__ if __name__ != '__main__' else 'benchmarks.books'}:no_op"):
        summary, seconds = _timed(lambda: run_study(spec, output, executor=SerialExecutor(), device="cpu"))
        _, again_seconds = _timed(lambda: run_study(spec, output, executor=SerialExecutor(), device="cpu"))
    return {
        "trials": summary.num_finished,
        "seconds": seconds,
        "trials_per_second": summary.num_finished / seconds,
        "nothing_left_seconds": again_seconds,
    }


def no_op(job: Any, context: Any) -> Iterator[TrialRecord]:
    """Be a stage: yield a record for every trial of a job, at once."""
    if isinstance(job, TransferJob):
        for replicate in job.replicates:
            yield synthetic_record(job.condition.key, replicate)


def synthetic_records(plan: Plan) -> Iterator[TrialRecord]:
    """Yield a record for every trial of a plan, in the order in which a run would."""
    for job in transfer_jobs(plan, lambda key: False):
        yield from no_op(job, None)


def synthetic_record(condition: str, replicate: int) -> TrialRecord:
    """Return a finished trial whose accuracy follows from its key."""
    key = trial_key(condition, replicate)
    accuracy = int(key[:8], 16) / 2**32
    return TrialRecord(
        key=key,
        condition=condition,
        replicate=replicate,
        train_accuracy=accuracy,
        validation_accuracy=accuracy / 2,
        test_accuracy=accuracy / 3,
        test_loss=1 - accuracy,
        best_epoch=9,
        num_epochs=len(CURVE),
        curve=CURVE,
        num_train_images=260,
        num_validation_images=29,
        num_test_images=360,
        num_duplicates_dropped=0,
        num_trained_parameters=1000,
        num_parameters=2000,
        frozen_unchanged=True,
        seeds=SEEDS,
        split_hash=key,
        precision="float32",
        device="cpu",
        num_threads=1,
        environment="environment",
        wall_seconds=0.5,
    )


def targets_met(parts: dict[str, dict[str, Any]]) -> dict[str, bool]:
    """Return for each target whether it is met."""
    met = {"plan memory": parts["plan"]["peak_memory_bytes"] <= PLAN_MEMORY_BYTES}
    for part, (name, bound, sense) in TARGETS.items():
        value = parts[part][name]
        met[f"{part} {name}"] = value <= bound if sense == "at most" else value >= bound
    return met


def render(result: dict[str, Any]) -> str:
    """Return all parts as text."""
    lines = []
    for part, values in result["parts"].items():
        numbers = ", ".join(
            f"{name.replace('_', ' ')} {value:,.2f}" if isinstance(value, float) else f"{name} {value:,}"
            for name, value in values.items()
            if name != "peak_memory_bytes"
        )
        lines.append(f"{part:<7} {values['peak_memory_bytes'] / 2**20:>6,.0f} MiB  {numbers}")
    lines += [f"target: {name}: {'met' if met else 'MISSED'}" for name, met in result["targets_met"].items()]
    return "\n".join(lines)


def _plan(spec: StudySpec) -> Plan:
    return plan_with_data(spec, default_data_dir(), default_cache_dir(), "float32").plan


def _layercut(*arguments: str | Path) -> None:
    program = "from layercut.cli.main import main; main()"
    command = [sys.executable, "-c", program, *map(str, arguments)]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


def _timed(work: Callable[[], T]) -> tuple[T, float]:
    started = time.perf_counter()
    return work(), time.perf_counter() - started


PARTS: dict[str, Callable[[StudySpec, Path], dict[str, Any]]] = {
    "plan": plan_part,
    "append": append_part,
    "resume": resume_part,
    "status": status_part,
    "export": export_part,
    "runner": runner_part,
}

if __name__ == "__main__":
    main()
