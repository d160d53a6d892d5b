"""`layercut scoreboard`: would a probe have chosen the right cut?"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from layercut.cli.columns import Column, filled, shortened, tables
from layercut.cli.options import HomePath, json_option
from layercut.cli.terminal import say
from layercut.metrics import ACCURACY, NAMES


@click.command("scoreboard")
@click.argument("run", type=HomePath())
@click.option(
    "--null",
    "others",
    multiple=True,
    type=HomePath(),
    metavar="RUN",
    help="Another study whose mean accuracy by cut the probes must beat; may be repeated.",
)
@click.option("--all", "each_board", is_flag=True, help="Also print every strategy and fraction.")
@json_option
def command(run: Path, others: tuple[Path, ...], each_board: bool, as_json: bool) -> None:
    """Compare the probes of the study in RUN with the accuracies that were measured.

    For each strategy and fraction, it shows the rank correlation of a probe's score with mean test accuracy over
    cuts (and over sources and models, if there are several), and the accuracy lost by taking the cut that the probe
    scores best. Rules that never look at the target are shown beside the probes; a probe that does worse than one is
    marked. If a target has four sources or more (checkpoints and seeds count), it also shows how well each probe
    ranks them, layer by layer.

    \b
    Examples:
        layercut scoreboard runs/mnist-halves
        layercut scoreboard runs/mnist-halves --all
        layercut scoreboard runs/mnist-halves --null runs/fashion-halves
    """
    from layercut.errors import UserError
    from layercut.stats import load_probes, load_results, rank_by_layer, scoreboard, standings
    from layercut.stats.metric import metric_of

    results, scores = load_results(run), load_probes(run)
    board = scoreboard(results, scores, [load_results(other) for other in others])
    if board.empty or board["is_null"].all():
        raise UserError(
            f"{run} has no probe scores to judge: add `probes:` to the study file and run it again "
            "(`layercut list probes`); a strategy needs two cuts"
        )
    table, by_layer = standings(board), rank_by_layer(results, scores)
    if as_json:
        content = {"standings": _records(table), "boards": _records(board), "by_layer": _records(by_layer)}
        say(json.dumps(content, indent=2, default=str))
        return
    metric = metric_of(results)
    _print_standings(table, "" if metric == ACCURACY else f", by {NAMES[metric]}")
    if len(by_layer):
        _print_by_layer(by_layer, each_board)
    if each_board:
        _print_boards(board)


def _records(table: Any) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = json.loads(table.to_json(orient="records", double_precision=15))
    return rows


def _print_standings(table: Any, by: str) -> None:
    for scope, rows in table.groupby("scope", sort=False):
        what = "cuts" if scope == "cut" else "cuts, sources and models"
        say(filled(f"Choosing among {what}: all strategies and fractions of the data{by}"))
        records = rows.to_dict("records")
        columns = [
            Column("boards", [str(row["boards"]) for row in records]),
            Column("rank\ncorrelation", [_signed(row["spearman"]) for row in records]),
            Column("weighted\ntau", [_signed(row["weighted_tau"]) for row in records]),
            Column("points\nlost", [_points(row["regret"]) for row in records]),
            Column("at\nworst", [_points(row["max_regret"]) for row in records]),
        ]
        for lines in tables([_predictors(records)], columns):
            say("\n".join(lines))
        for row in records:
            if row["loses_to"]:
                say(filled(f"{row['predictor']} loses to {_few(row['loses_to'])}", hanging="  "))
        say("")
    say(filled("[in brackets]: never looks at the target's features, or is the probe to beat (knn)"))


def _predictors(records: Sequence[dict[str, Any]]) -> Column:
    names = [f"[{row['predictor']}]" if row["is_null"] else str(row["predictor"]) for row in records]
    return Column("predictor", names, left=True)


def _few(names: Sequence[str], most: int = 2) -> str:
    """Return the first of some names, which are the rules that lose least, and how many others there are."""
    some = ", ".join(names[:most])
    return ", ".join(names) if len(names) <= most + 1 else f"{some} and {len(names) - most} others"


def _print_boards(board: Any) -> None:
    from layercut.figures.words import fraction_label, taken

    about = list(board.columns[: list(board.columns).index("predictor")])
    for values, rows in board.groupby(about, sort=False, dropna=False):
        named = dict(zip(about, values, strict=True))
        title = (
            f"{named['strategy']}, {fraction_label(named['fraction'])} of the data: {named['source'] or 'all sources'} "
        )
        say("")
        say(filled(f"{title}→ {named['target']}"))
        records = rows.to_dict("records")
        cells = [_board_cells(row) for row in records]
        columns = [Column(title, [row[place] for row in cells]) for place, title in enumerate(_BOARD)]
        chosen = Column("chosen", [taken(str(named["scope"]), row["chosen"]) for row in records], left=True)
        for lines in tables([_predictors(records)], [*columns, chosen]):
            say("\n".join(lines))
        for row in records:
            if row["undefined"] and not row["is_null"]:
                say(filled(f"{row['predictor']} has no rank correlation: {row['undefined']}", hanging="  "))
    say(filled("The first two intervals of 95 % are of Spearman's correlation, the third is of the points lost."))


def _print_by_layer(table: Any, each_score: bool) -> None:
    from layercut.cli.probe_tables import in_lines
    from layercut.stats.metric import column_on_test

    about = list(table.columns[: list(table.columns).index("probe")])
    for values, rows in table.groupby(about, sort=False, dropna=False):
        named = dict(zip(about, values, strict=True))
        truths = {column_on_test(metric): f"mean test {name}" for metric, name in NAMES.items()}
        truth = truths.get(rows["truth"].iloc[0], "area under validation accuracy")
        say("")
        say(
            filled(
                f"Which source? Rank correlation with {truth} over {rows['num_candidates'].max()} sources: "
                f"{named['strategy']} at cut {named['cut']}, {100 * named['fraction']:g} % of {named['target']}, "
                f"{named['model']} (+: higher is better)"
            )
        )
        layers = [str(layer) for layer in dict.fromkeys(rows["layer"])]
        columns = []
        for (probe, score), own in rows.groupby(["probe", "score"], sort=False):
            first = score == rows.loc[rows["probe"] == probe, "score"].iloc[0]
            if first or each_score:
                cells = {str(row["layer"]): _correlated(row) for row in own.to_dict("records")}
                sign = "+" if own["direction"].iloc[0] == "higher" else "−"
                label = in_lines(str(probe) if first else f"{probe}, {score}")
                columns.append(Column(f"{label} {sign} ", [cells.get(layer, "") for layer in layers]))
        for lines in tables([Column("layer", [shortened(layer, 24) for layer in layers], left=True)], columns):
            say("\n".join(lines))
    say("Fisher 95 % interval below each; * p < 0.05 by permutation")


def _correlated(row: dict[str, Any]) -> str:
    if row["undefined"]:
        return "–"
    return (
        f"{_signed(row['spearman'])}{'*' if row['p'] < 0.05 else ' '}\n{_signed(row['low'])} to {_signed(row['high'])}"
    )


_BOARD = (
    "Spearman", "95 %\ninterval", "Fisher\n95 %", "p", "Kendall", "weighted\ntau", "points\nlost", "95 %\ninterval"
)  # fmt: skip


def _board_cells(row: dict[str, Any]) -> list[str]:
    if row["undefined"]:
        ranks = ["–", "", "", "", "", ""]
    else:
        ranks = [
            _signed(row["spearman"]),
            _span(row, "spearman"),
            _span(row, "fisher"),
            f"{row['p']:.3f}",
            _signed(row["kendall"]),
            _signed(row["weighted_tau"]),
        ]
    return [*ranks, _points(row["regret"]), f"{_points(row['regret_low'])} to {_points(row['regret_high'])}"]


def _signed(value: float) -> str:
    return "–" if math.isnan(value) else f"{value:+.2f}".replace("-", "−")


def _span(row: dict[str, Any], name: str) -> str:
    low, high = row[f"{name}_low"], row[f"{name}_high"]
    return "–" if math.isnan(low) else f"{_signed(low)} to {_signed(high)}"


def _points(value: float) -> str:
    return "–" if math.isnan(value) else f"{100 * value:.1f}"
