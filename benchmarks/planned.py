"""Planned seconds against measured ones: photographs, a pretrained model, frozen and fine-tuned, cut at its stages.

    python -m benchmarks.planned --photographs FOLDER --weights FILE

`layercut plan --measure` says how long a study takes; this plans one, measuring the speed of the model afresh, and then
runs it, one trial after the other. Both are told in seconds of the processor, which other programs do not lengthen;
seconds of the clock stand beside. Training never stops early here, as the plan counts every epoch.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.machine import describe_machine, write_result
from layercut import run_study
from layercut.data.cache import default_cache_dir, default_data_dir
from layercut.plan.preflight import plan_with_data
from layercut.plan.seconds import estimated_seconds
from layercut.records import Record, TrialRecord
from layercut.spec import StudySpec
from layercut.spec.load import make_study


class ProcessorClock:
    """A `layercut.runner.progress.Progress` that says what each level, and each trial, took of the processor."""

    def __init__(self) -> None:
        self.levels: dict[str, float] = {}
        self.conditions: dict[str, float] = {}
        self._level, self._since = "", 0.0

    def begin(self, level: str, num_jobs: int, work: int) -> None:
        """Start a level."""
        self._level, self._since = level, time.process_time()

    def advance(self, work: int) -> None:
        """Do nothing: a job may hold several trials."""

    def record(self, record: Record) -> None:
        """Count the time since the last record for this one."""
        if isinstance(record, TrialRecord):
            own = self._lap()
            self.conditions[record.condition] = self.conditions.get(record.condition, 0.0) + own

    def end(self) -> None:
        """Count what is left of the level."""
        self._lap()

    def _lap(self) -> float:
        now = time.process_time()
        own, self._since = now - self._since, now
        self.levels[self._level] = self.levels.get(self._level, 0.0) + own
        return own


def main() -> None:
    """Plan, run, print both, write them down."""
    arguments = parse_arguments()
    machine = describe_machine()
    spec = study(arguments)
    with tempfile.TemporaryDirectory() as folder:
        result = planned_and_measured(spec, Path(folder))
    result["load_average_after"] = os.getloadavg()[0]
    print(render(result))
    print(f"written to {write_result('planned', result, arguments.output, machine)}")


def parse_arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--photographs", type=Path, required=True, help="folder with train/CLASS and test/CLASS")
    parser.add_argument("--weights", type=Path, required=True, help="weights of the model")
    parser.add_argument("--model", default="timm/tf_efficientnet_lite0")
    parser.add_argument("--strategies", nargs="+", default=["linear_probe", "finetune", "freeze"])
    parser.add_argument("--fraction", type=float, default=0.1)
    parser.add_argument("--validation", default="within")
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--replicates", type=int, default=9)
    parser.add_argument("--output", type=Path)
    return parser.parse_args()


def study(arguments: argparse.Namespace) -> StudySpec:
    """Return the study of the command line."""
    return make_study(
        {
            "name": "planned",
            "source": {"checkpoint": str(arguments.weights.resolve())},
            "target": {"dataset": "folder", "path": str(arguments.photographs.resolve())},
            "model": {"name": arguments.model},
            "transfer": {
                "cuts": "stages",
                "strategies": arguments.strategies,
                "fractions": [arguments.fraction],
                "replicates": arguments.replicates,
                "validation": arguments.validation,
                "training": {"lr": 3e-4, "epochs": arguments.epochs, "patience": None, "batch_size": 16},
            },
        }
    )


def planned_and_measured(spec: StudySpec, folder: Path) -> dict[str, Any]:
    """Plan with a fresh measurement of the model, then run; return processor seconds of both, by part."""
    plan = plan_with_data(spec, default_data_dir(), default_cache_dir(), "float32").plan
    planned = estimated_seconds(plan, folder / "cache", num_cores=1, measure=True)
    if planned is None:
        raise RuntimeError("a measured plan must know how long it takes")
    clock, started = ProcessorClock(), time.perf_counter()
    summary = run_study(spec, folder / "run", executor="serial", device="cpu", progress=clock)
    wall_seconds = time.perf_counter() - started
    if summary.num_failed:
        raise RuntimeError(summary.describe())
    strategy_of = {name.condition: name.strategy for name in plan.names if not name.merged}
    measured = {"extract": clock.levels.get("features", 0.0)}
    for condition, seconds in clock.conditions.items():
        measured[strategy_of[condition]] = measured.get(strategy_of[condition], 0.0) + seconds
    parts = {"extract": planned["extract"], **planned["strategies"]}
    rows = {name: _row(seconds, measured.get(name, 0.0)) for name, seconds in parts.items()}
    rows["all"] = _row(sum(parts.values()), sum(measured.values()))
    return {"trials": summary.num_trials, "processor_seconds": rows, "wall_seconds": round(wall_seconds, 1)}


def _row(planned: float, measured: float) -> dict[str, float]:
    ratio = planned / measured if measured else float("inf")
    return {"planned": round(planned, 2), "measured": round(measured, 2), "planned_over_measured": round(ratio, 2)}


def render(result: dict[str, Any]) -> str:
    """Return the table as text."""
    lines = [f"{result['trials']} trials, {result['wall_seconds']} s by the clock", f"{'':14} planned  measured  ratio"]
    lines += [
        f"{name:14} {row['planned']:7.1f} {row['measured']:9.1f} {row['planned_over_measured']:6.2f}"
        for name, row in result["processor_seconds"].items()
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    main()
