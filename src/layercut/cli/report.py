"""`layercut report`: write the report of a finished, unfinished or imported study."""

from __future__ import annotations

from pathlib import Path

import click

from layercut.cli.options import HomePath
from layercut.cli.terminal import say


@click.command("report")
@click.argument("run", type=HomePath())
@click.option(
    "--figures",
    type=HomePath(file_okay=False),
    metavar="DIR",
    help="Also write every figure into this folder, sized for papers.",
)
@click.option(
    "--format",
    "file_format",
    type=click.Choice(["svg", "pdf", "png"]),
    default="svg",
    show_default=True,
    help="Format of the figures.",
)
@click.option(
    "--null",
    "others",
    multiple=True,
    type=HomePath(),
    metavar="RUN",
    help="Another study whose mean accuracy by cut the probes must beat; may be repeated.",
)
@click.option(
    "--tables",
    type=HomePath(file_okay=False),
    metavar="DIR",
    help="Also write the tables as CSV and Markdown into this folder.",
)
def command(run: Path, figures: Path | None, file_format: str, others: tuple[Path, ...], tables: Path | None) -> None:
    """Write RUN/report.html, a page that opens offline, and print its path.

    RUN is the output directory of `layercut run` or `layercut import`. For one of `layercut recommend`, the page is
    RUN/recommendation.html; RUN/report.html is added once `layercut run` has tested its trials.
    """
    from layercut.files import require_folder
    from layercut.notebook.answers import answers
    from layercut.recommending.outcome import read_recommendation
    from layercut.recommending.places import has_tested_trials, holds_recommendation
    from layercut.report import write_figures, write_report, write_tables

    for folder in (figures, tables):
        if folder is not None:
            require_folder(folder)
    is_recommended = holds_recommendation(run)
    page = write_report(run, others) if has_tested_trials(run) or not is_recommended else None
    if is_recommended:
        found = read_recommendation(run)
        say(found, err=True)
        say(found.report())
    else:
        say(answers(run), err=True)
    if page:
        say(page)
    for path in write_figures(run, figures, file_format, others) if figures else []:
        say(path)
    for path in write_tables(run, tables, others) if tables else []:
        say(path)
