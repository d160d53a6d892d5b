"""A run of a study and its results."""

from __future__ import annotations

import importlib
from functools import cached_property
from html import escape
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

from layercut.executors.base import Executor
from layercut.interactive.progress import in_notebook, notebook_progress
from layercut.ledger import ledger_path
from layercut.notebook import Answers, answers, plot
from layercut.report import write_report
from layercut.runner import default_output_dir, run_study
from layercut.runner.given import bound_to_process
from layercut.runner.progress import Progress
from layercut.runner.summary import RunSummary
from layercut.spec import Study, load_study
from layercut.stats.tables import load_results

if TYPE_CHECKING:
    import pandas as pd
    import plotly.graph_objects as go


class Run:
    """The output directory of a study, with what is in it; it stands for its path wherever one is taken.

    Args:
        output_dir: where a study has run, in this session or another.

    Raises:
        LedgerError: there is no ledger.
    """

    def __init__(self, output_dir: str | PathLike[str], summary: RunSummary | None = None) -> None:
        self.output_dir = ledger_path(output_dir).parent
        self.summary = summary
        """How the run ended, with the hash of its records; None where it ran in another session."""

    @cached_property
    def results(self) -> pd.DataFrame:
        """The trials as a table, one a row, as `load_results` returns it."""
        return load_results(self.output_dir)

    @cached_property
    def answer(self) -> Answers:
        """What to do at each fraction, by how much that is better, and how certain it is."""
        return answers(self.results)

    def report(self) -> Path:
        """Write `report.html` into the output directory and return its path; in a notebook, show a link to it."""
        path = write_report(self.output_dir)
        if in_notebook():
            shown: Any = importlib.import_module("IPython.display")  # there only in a notebook
            shown.display(shown.FileLink(str(path)))
        return path

    def plot(self, figure: str = "cut_boxes", **options: Any) -> go.Figure:
        """Return a figure by name (`layercut list figures`), which plotly shows, changes and writes.

        Raises:
            UnknownNameError: no such figure.
            UserError: it has no such option, or the results lack what the figure shows.
        """
        return plot(self.results, figure, **options).figure()

    def __fspath__(self) -> str:
        return str(self.output_dir)

    def __repr__(self) -> str:
        told = f" {self.summary.describe()}." if self.summary else ""
        return f"Run in {self.output_dir}.{told}\n{self.answer}"

    def _repr_html_(self) -> str:
        told = f" {self.summary.describe()}." if self.summary else ""
        return f"<p>Run in <code>{escape(str(self.output_dir))}</code>.{escape(told)}</p>{self.answer._repr_html_()}"


def run(
    study: Study,
    output_dir: str | PathLike[str] | None = None,
    *,
    executor: str | Executor | None = None,
    progress: Progress | None = None,
    **options: Any,
) -> Run:
    """Run a study, or what is left of it, and return it with its results; in a notebook, a bar shows how far it is.

    Args:
        study: what `layercut.study` or `load_study` returns, or a path, the name of a shipped study, a mapping.
        output_dir: where everything is written; where None, `runs/NAME`. Called again with the same, a run goes on.
        executor: who does the jobs; where None, a process a core; where no other process can build a model, this one,
            and a line says so.
        progress: who is told how far it is; None: a bar in a notebook.
        options: as of `run_study`: `device`, `workers`, `data_dir`, ...

    Raises:
        UserError: the study or its data are invalid; nothing has run.
        StorageFullError: the disk is full; free space and call again.

    Example:
        >>> from layercut import load_study, run
        >>> small = load_study("digits", ["transfer.fractions=[0.05]", "transfer.replicates=1", "transfer.cuts=[0, 4]"])
        >>> run(small, tmp_path, executor="serial").results["test_accuracy"].between(0, 1).all()
        np.True_
    """
    spec = load_study(study)
    reason = bound_to_process(spec)
    if executor is None and reason is not None:
        print(f"One training at a time, in this process: {reason}.")  # noqa: T201 - whoever waits is told why
    summary = run_study(
        spec,
        output_dir or default_output_dir(spec),
        executor=executor or ("processes" if reason is None else "serial"),
        progress=progress or notebook_progress(spec.name),
        **options,
    )
    return Run(summary.output_dir, summary)
