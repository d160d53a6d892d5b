"""Train one trial of a run again, for its weights."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from layercut.errors import UserError
from layercut.runner.opened import open_run
from layercut.runner.progress import Progress
from layercut.spec import load_study


def refit(
    output_dir: Path,
    condition: str,
    *,
    data_dir: str | Path | None = None,
    progress: Progress | None = None,
    **measured: Any,
) -> None:
    """Train the first replicate of a condition again and keep its weights; its record is the same, bit for bit.

    Nothing else of the run changes, its study file and plan included.

    Args:
        output_dir: of the run.
        condition: its key, as in the results table.
        data_dir: as of `run_study`.
        progress: told of each job.
        measured: options that the run was measured with, if not the defaults: `precision`, `stack`, `nondeterministic`.

    Raises:
        UserError: study or data are no longer as they were, or it was measured with other options.
        StorageFullError: the disk is full.
    """
    study = load_study(output_dir)
    what = sorted({*(study.keep.what if study.keep else ()), "weights"})
    spec = load_study(study, [f"keep={json.dumps({'what': what, 'replicates': 1})}"])
    with open_run(
        spec, output_dir, executor="serial", data_dir=data_dir, progress=progress, rewrite=False, **measured
    ) as run:
        chosen = next((one for one in run.plan.conditions if one.key == condition), None)
        if chosen is None:
            raise UserError(
                f"{output_dir}: the condition to train again is not in the plan of its study file, which has changed "
                f"since, or the run had other options; run it with `--set 'keep=[weights]'` added to the command "
                "that started it"
            )
        run.do([(chosen, 0)])
