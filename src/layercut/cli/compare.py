"""`layercut compare`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from layercut.cli.options import HomePath, json_option
from layercut.cli.terminal import say
from layercut.errors import visible

if TYPE_CHECKING:
    from rich.table import Table

    from layercut.stats import StudyComparison


@click.command("compare")
@click.argument("study", type=HomePath())
@click.argument("baseline", type=HomePath())
@click.option(
    "--across",
    multiple=True,
    type=click.Choice(["source", "target", "model"]),
    help="Compare although the studies differ in this; each must have one of it. May be repeated.",
)
@click.option("--strategy", "strategies", metavar="NAME", multiple=True, help="Only this strategy; may be repeated.")
@click.option(
    "--fraction", "fractions", metavar="SHARE", type=float, multiple=True, help="Only this one; may be repeated."
)
@json_option
def command(
    study: Path,
    baseline: Path,
    across: tuple[str, ...],
    strategies: tuple[str, ...],
    fractions: tuple[float, ...],
    as_json: bool,
) -> None:
    """Compare the test accuracies of STUDY with those of BASELINE, two output directories.

    Conditions with the same source, target, model, factors, strategy, cut and fraction are compared: in pairs
    where both drew the same images in a replicate (exact Wilcoxon signed-rank test), as independent samples
    where not (exact Mann-Whitney test). p-values are adjusted after Holm over the whole table, so a question
    asked of fewer conditions needs fewer replicates: choose them before you look.

    \b
    Examples:
        layercut compare runs/new runs/old
        layercut compare runs/new runs/old --strategy freeze_reinit --fraction 0.01
        layercut compare runs/wide runs/narrow --across model --json
    """
    from layercut.stats import compare_studies

    found = compare_studies(study, baseline, across, strategies, fractions)
    if as_json:
        say(json.dumps(_values(found), indent=2))
        return
    _print(_table(found))
    say(found.summary)
    for note in found.notes:
        say(f"note: {note}")


def _values(found: StudyComparison) -> dict[str, object]:
    return {
        "study": found.study,
        "baseline": found.baseline,
        "num_only_in_study": found.num_only_in_study,
        "num_only_in_baseline": found.num_only_in_baseline,
        "notes": list(found.notes),
        "rows": json.loads(found.rows.to_json(orient="records", double_precision=15)),  # NaN becomes null
    }


def _table(found: StudyComparison) -> Table:
    """Return one line a condition; columns in which all agree are left to the studies' own reports."""
    from rich.table import Table

    from layercut.report import words

    rows = found.rows
    first = list(rows.columns[: list(rows.columns).index("strategy")])
    varied = [column for column in first if rows[column].nunique() > 1]
    table = Table(*map(visible, varied), "strategy", header_style="bold")
    for title in (
        "cut",
        "data",
        visible(found.study),
        visible(found.baseline),
        "difference",
        "95 % interval",
        "p (Holm)",
        "replicates",
    ):
        table.add_column(title, justify="right", no_wrap=True)
    for row in rows.to_dict("records"):
        own, other = int(row["num_replicates"]), int(row["num_replicates_baseline"])
        interval = words.interval(row["low"], row["high"]).removeprefix("95 % interval ")
        table.add_row(
            *(visible(str(row[column])) for column in varied),
            visible(str(row["strategy"])),
            str(row["cut"]),
            words.fraction_label(row["fraction"]),
            words.percent(row["mean"]),
            words.percent(row["mean_baseline"]),
            words.signed(row["mean_difference"]),
            interval,
            words.p_value(row["p_holm"]).removeprefix("p ").removeprefix("= "),
            f"{own} pairs" if row["paired"] else f"{own} and {other}",
        )
    return table


def _print(table: Table) -> None:
    """Print as wide as the table is, unless a terminal is narrower."""
    from rich.console import Console

    console = Console(highlight=False, markup=False)
    if not console.is_terminal:
        console.width = max(console.width, 200)
    console.print(table)
