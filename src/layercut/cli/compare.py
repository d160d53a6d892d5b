"""`layercut compare`."""

from __future__ import annotations

import json
from collections.abc import Hashable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from layercut.cli.options import HomePath, NamedValue, json_option
from layercut.cli.terminal import say
from layercut.metrics import METRICS, Metric

if TYPE_CHECKING:
    from layercut.stats import StudyComparison


@click.command("compare")
@click.argument("study", type=HomePath())
@click.argument("baseline", type=HomePath())
@click.option(
    "--across",
    multiple=True,
    type=click.Choice(["source", "target", "model"]),
    help="Compare studies that differ in this, of which each must have exactly one; may be repeated.",
)
@click.option("--strategy", "strategies", metavar="NAME", multiple=True, help="Only this strategy; may be repeated.")
@click.option(
    "--fraction",
    "fractions",
    metavar="FRACTION",
    type=float,
    multiple=True,
    help="Only this fraction; may be repeated.",
)
@click.option(
    "--level",
    "levels",
    type=NamedValue("factor=level", "rate=1e-3"),
    metavar="FACTOR=LEVEL",
    multiple=True,
    callback=lambda ctx, param, values: dict(values),
    help="Only this level of a training factor; needed where only one of the studies has the factor. May be repeated.",
)
@click.option(
    "--metric",
    type=click.Choice(METRICS),
    help="Metric to compare; by default the one that STUDY chooses by. Every study records all three.",
)
@json_option
def command(
    study: Path,
    baseline: Path,
    across: tuple[str, ...],
    strategies: tuple[str, ...],
    fractions: tuple[float, ...],
    levels: dict[str, str],
    metric: Metric | None,
    as_json: bool,
) -> None:
    """Compare the test accuracies of STUDY with those of BASELINE; both are output directories.

    Conditions with the same source, target, model, factors, strategy, cut and fraction are compared. Where both
    studies drew the same images in a replicate, the replicates are paired (exact Wilcoxon signed-rank test);
    otherwise they are independent samples (exact Mann-Whitney test). p-values are Holm-adjusted over the whole
    table, so a question about fewer conditions needs fewer replicates: choose the conditions before you look.

    \b
    Examples:
        layercut compare runs/new runs/old
        layercut compare runs/new runs/old --strategy freeze --fraction 0.01
        layercut compare runs/tuned runs/old --level rate=1e-3
        layercut compare runs/wide runs/narrow --across model --json
    """
    from layercut.cli.columns import filled
    from layercut.stats import compare_studies

    found = compare_studies(study, baseline, across, strategies, fractions, metric, levels)
    if as_json:
        say(json.dumps(_values(found), indent=2))
        return
    for line in _lines(found):
        say(line)
    say(filled(found.summary))
    for note in found.notes:
        say(filled(f"note: {note}"))


def _values(found: StudyComparison) -> dict[str, object]:
    return {
        "study": found.study,
        "baseline": found.baseline,
        "metric": found.metric,
        "num_only_in_study": found.num_only_in_study,
        "num_only_in_baseline": found.num_only_in_baseline,
        "notes": list(found.notes),
        "rows": json.loads(found.rows.to_json(orient="records", double_precision=15)),  # NaN becomes null
    }


def _lines(found: StudyComparison) -> Iterator[str]:
    """Yield one line per condition, and above each group of them in what they differ from the others."""
    from layercut.cli.columns import Column, filled, tables
    from layercut.figures import words

    rows = found.rows
    first = list(rows.columns[: list(rows.columns).index("strategy")])
    varied = [column for column in first if rows[column].nunique() > 1]
    yield filled(f"A: {found.study}", hanging="   ")
    yield filled(f"B: {found.baseline}", hanging="   ")
    for _, group in rows.groupby(varied, sort=False) if varied else [((), rows)]:
        records = group.to_dict("records")
        yield ""
        if varied:
            yield filled(", ".join(f"{column} {records[0][column]}" for column in varied))
        columns = [
            Column("cut", [str(row["cut"]) for row in records]),
            Column("data", [words.fraction_label(row["fraction"]) for row in records]),
            Column("A, %", [words.percent_number(row["mean"]) for row in records]),
            Column("B, %", [words.percent_number(row["mean_baseline"]) for row in records]),
            Column("A − B", [words.signed(row["mean_difference"]) for row in records]),
            Column("95 % interval", [words.span(row["low"], row["high"]) for row in records]),
            Column("p\n(Holm)", [words.p_number(row["p_holm"]) for row in records]),
            Column("n", [_num_pairs(row) for row in records]),
        ]
        names = Column("strategy", [str(row["strategy"]) for row in records], left=True)
        for lines in tables([names], columns):
            yield from lines
    yield filled("n: pairs of replicates; where two numbers, replicates of A and of B, which are not paired")


def _num_pairs(row: dict[Hashable, Any]) -> str:
    own, other = int(row["num_replicates"]), int(row["num_replicates_baseline"])
    return str(own) if row["paired"] else f"{own}, {other}"
