"""`layercut export`: results in formats that other programs read."""

from __future__ import annotations

from pathlib import Path

import click

from layercut.cli.options import HomePath
from layercut.cli.terminal import say

FORMATS = ("csv", "parquet", "mp-tl-study")


@click.command("export")
@click.argument("run", type=HomePath())
@click.option(
    "--format",
    "formats",
    multiple=True,
    type=click.Choice(FORMATS),
    help="May be repeated [default: all; parquet where pyarrow is installed].",
)
@click.option(
    "-o",
    "--output",
    type=HomePath(file_okay=False),
    help="Folder for the files [default: RUN/exports].",
)
def command(run: Path, formats: tuple[str, ...], output: Path | None) -> None:
    """Write the results in RUN as files for other programs.

    RUN is the output directory of a study, or a ledger file. Prints the path of every file written.

    \b
    csv          results.csv, a row for each trial and name of its condition;
                 sources.csv, a row for each checkpoint of a source with its
                 accuracy on its own task; class_scores.csv, a row for each
                 trial and class, where the study keeps such reports
    parquet      results.parquet, the same table with its types
    mp-tl-study  cuts_*.json and baselines_*.json of the study
                 "Exploring Layer Freezing in Transfer Learning", and its
                 NAME_cluster.json: layers as there where the study asks for
                 {name: clustering, at: before_activation}, else named
                 conv0.block; pairs of images counted as there with
                 self_pairs: true, else pairs of different images

    A merged trial has a row under every name; the column `merged` is false for one of them, so count
    trials with merged == False. Failed trials are rows without accuracy; see the column `status`.
    """
    from layercut.interop import export_study
    from layercut.ledger import ledger_path, open_results, parquet_available, write_csv, write_parquet
    from layercut.stats.details import load_class_scores, load_sources
    from layercut.stats.tables import load_results

    chosen = formats or tuple(name for name in FORMATS if name != "parquet" or parquet_available())
    folder = output or ledger_path(run).parent / "exports"
    if "csv" in chosen or "parquet" in chosen:
        table = load_results(run)
        if "csv" in chosen:
            say(write_csv(table, folder / "results.csv"))
            for name, details in (("sources", load_sources(run)), ("class_scores", load_class_scores(run))):
                if len(details):
                    say(write_csv(details, folder / f"{name}.csv"))
        if "parquet" in chosen:
            say(write_parquet(table, folder / "results.parquet"))
    if "mp-tl-study" in chosen:
        with open_results(run) as ledger:
            text = ledger.meta("study_text")
        for path in export_study(run, folder, study_content(text)):
            say(path)


def study_content(text: str | None) -> dict[str, object] | None:
    """Return the study file's content with every default filled in; None where there is no study file."""
    from layercut.spec import parse_study

    return None if text is None else parse_study(text).model_dump(mode="json")
