"""Run the studies, resumably, and read one row a condition and replicate from them."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd

from benchmarks.choice.studies import ChoiceStudy
from layercut import load_results, load_study, run_study

COLUMNS = [
    "mode", "strategy", "cut", "num_blocks", "condition", "replicate", "test_accuracy", "validation_accuracy",
    "validation_loss", "num_trained_parameters", "wall_seconds",
]  # fmt: skip


def measure(study: ChoiceStudy, runs: Path, data_dir: Path | None, workers: int | None) -> pd.DataFrame:
    """Return the trials of a study under every mode it is measured in; what was run before is not run again."""
    parts = []
    for mode, num_replicates in study.replicates.items():
        folder = runs / f"{study.name}-{mode}"
        transfer = {**study.study["transfer"], "validation": mode, "replicates": num_replicates}
        file = runs / f"{study.name}-{mode}.yaml"
        runs.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps({**study.study, "transfer": transfer}), encoding="utf-8")
        summary = run_study(
            load_study(file), folder, executor="processes", workers=workers, device="cpu", data_dir=data_dir
        )
        print(f"{study.name} {mode}: {summary.num_finished} trials")
        parts.append(load_results(folder).assign(mode=mode))
    return one_row_a_condition(pd.concat(parts, ignore_index=True))


def one_row_a_condition(table: pd.DataFrame) -> pd.DataFrame:
    """Keep each trial once, under the name it ran by; names are the same in every mode, keys of conditions are not."""
    rows = table[(table["status"] == "finished") & ~table["merged"]]
    return rows[COLUMNS].reset_index(drop=True)
