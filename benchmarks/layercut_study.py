"""layercut as a contender: runs a study from a file and writes down its trials.

python -m benchmarks.layercut_study --study STUDY --output-dir RUN --data-dir DATA --out FILE
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from typing import Any

from layercut import load_results, load_study, run_study


def main() -> None:
    """Run the study; write seconds and trials."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--study", type=Path, required=True)
    add_run_options(parser)
    arguments = parser.parse_args()
    arguments.out.write_text(json.dumps(run(arguments)), encoding="utf-8")


def add_run_options(parser: argparse.ArgumentParser) -> None:
    """Add what `run` reads, but for the study."""
    parser.add_argument("--output-dir", type=Path, required=True)
    parser.add_argument("--data-dir", type=Path)
    parser.add_argument("--precision", default="float32")
    parser.add_argument("--workers", type=int)
    parser.add_argument("--memory-bytes", type=int)
    parser.add_argument("--out", type=Path, required=True)


def run(arguments: argparse.Namespace) -> dict[str, Any]:
    """Run the study on the processor; return seconds of `run_study` alone, and all trials."""
    spec = load_study(arguments.study)
    started = time.perf_counter()
    summary = run_study(
        spec,
        arguments.output_dir,
        device="cpu",
        precision=arguments.precision,
        workers=arguments.workers,
        memory_bytes=arguments.memory_bytes,
        data_dir=arguments.data_dir,
    )
    return {
        "run_seconds": time.perf_counter() - started,
        "records_hash": summary.records_hash,
        "num_distinct_trials": summary.num_trials,
        "failed": summary.failed,
        "trials": finished_trials(arguments.output_dir),
    }


def finished_trials(output_dir: Path) -> list[dict[str, Any]]:
    """Return a row a trial and name of its condition, with what rivals report too."""
    table = load_results(output_dir)
    columns = [
        *("strategy", "cut", "replicate", "merged", "num_epochs", "best_epoch", "wall_seconds"),
        *("train_accuracy", "validation_accuracy", "test_accuracy"),
        *("num_train_images", "num_validation_images", "num_test_images"),
    ]
    finished = table.loc[table["status"] == "finished", columns]
    rows: list[dict[str, Any]] = json.loads(finished.to_json(orient="records", double_precision=15))
    return rows


if __name__ == "__main__":
    main()
