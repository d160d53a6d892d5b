"""layercut as a contender: runs a study from a file and tells its trials."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from benchmarks.children import Child, run_command
from layercut import load_results


def run_layercut(study: Path, output_dir: Path, data_dir: Path, *options: str) -> Child:
    """Run `layercut run` on the processor, as a user does; its trials are read when its time is taken.

    Without the report: rivals write none.
    """
    where = ["--output-dir", output_dir, "--data-dir", data_dir, "--device", "cpu"]
    child = run_command("layercut", "run", study, *where, *options, "--no-report", "--json")
    return child._replace(answer=child.answer | {"trials": finished_trials(output_dir)})


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
