"""Running a study: the only place where plan, executor and ledger meet.

The plan says what there is to do, the ledger what is done; the rest goes to the executor, level by level, and its
records are written as they come back. Whatever stops a run, the same call finishes the study.
"""

from layercut.runner.opened import OpenRun, open_run
from layercut.runner.study import default_output_dir, run_study
from layercut.runner.summary import RunSummary

__all__ = ["OpenRun", "RunSummary", "default_output_dir", "open_run", "run_study"]
