"""`layercut scoreboard`: would a probe have chosen the right cut?"""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import click

from layercut.cli.options import HomePath, json_option
from layercut.cli.terminal import plain, say


@click.command("scoreboard")
@click.argument("run", type=HomePath())
@click.option(
    "--null",
    "others",
    multiple=True,
    type=HomePath(),
    metavar="RUN",
    help="Another study, whose mean by cut probes must beat; may be repeated.",
)
@click.option("--all", "each_board", is_flag=True, help="Also print every strategy and share of the data.")
@json_option
def command(run: Path, others: tuple[Path, ...], each_board: bool, as_json: bool) -> None:
    """Compare the probes of the study in RUN with the accuracies that were measured.

    For each strategy and share of the data: rank correlation of a probe's score with mean test accuracy over cuts
    (and over sources and models, where there are several), and the accuracy lost by taking the cut it scores best.
    Beside the probes stand rules that never look at the target; a probe that loses to one is shown to lose.
    Where a target has four sources or more (checkpoints and seeds count), also how well each probe orders them,
    layer by layer.

    \b
    Examples:
        layercut scoreboard runs/mnist-halves
        layercut scoreboard runs/mnist-halves --null runs/fashion-halves --null runs/cifar-halves --all
    """
    from layercut.errors import UserError
    from layercut.stats import load_probes, load_results, rank_by_layer, scoreboard, standings

    results, scores = load_results(run), load_probes(run)
    board = scoreboard(results, scores, [load_results(other) for other in others])
    if board.empty or board["is_null"].all():
        raise UserError(
            f"{run} has no probe scores to judge: name some under `probes:` in the study file and run it again "
            "(`layercut list probes`); a strategy needs two cuts"
        )
    table, by_layer = standings(board), rank_by_layer(results, scores)
    if as_json:
        content = {"standings": _records(table), "boards": _records(board), "by_layer": _records(by_layer)}
        say(json.dumps(content, indent=2, default=str))
        return
    _print_standings(table)
    if len(by_layer):
        _print_by_layer(by_layer, each_board)
    if each_board:
        _print_boards(board)


def _console() -> Any:
    """Return a console wide enough that nothing is cut, on a terminal or in a file."""
    from rich.console import Console

    return Console(width=max(Console().width, 150))


def _records(table: Any) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = json.loads(table.to_json(orient="records", double_precision=15))
    return rows


def _print_standings(table: Any) -> None:
    from rich.table import Table

    for scope, rows in table.groupby("scope", sort=False):
        what = "cuts" if scope == "cut" else "cuts, sources and models"
        shown = Table(title=f"Choosing among {what}: all strategies and shares of the data", title_justify="left")
        shown.add_column("predictor")
        for name in ("boards", "rank correlation", "weighted tau", "points lost", "at worst"):
            shown.add_column(name, justify="right")
        shown.add_column("loses to")
        for row in rows.to_dict("records"):
            name = f"[{row['predictor']}]" if row["is_null"] else row["predictor"]
            numbers = [_signed(row["spearman"]), _signed(row["weighted_tau"]), *map(_points, _losses(row))]
            shown.add_row(plain(name), str(row["boards"]), *numbers, plain(_few(row["loses_to"]) or "–"))
        _console().print(shown)
    say("[in brackets]: never looks at the target's features, or is the probe to beat (knn)")


def _few(names: str, most: int = 2) -> str:
    """Return the first of some names, which are the rules that lose least, and how many others there are."""
    first = names.split(", ")
    return names if len(first) <= most + 1 else f"{', '.join(first[:most])} and {len(first) - most} others"


def _print_boards(board: Any) -> None:
    from rich.table import Table

    about = list(board.columns[: list(board.columns).index("predictor")])
    for values, rows in board.groupby(about, sort=False, dropna=False):
        named = dict(zip(about, values, strict=True))
        title = f"{named['strategy']}, {100 * named['fraction']:g} % of the data: {named['source'] or 'all sources'} "
        shown = Table(title=plain(f"{title}→ {named['target']}"), title_justify="left")
        shown.add_column("predictor")
        for name in ("Spearman", "95 %", "Fisher 95 %", "p", "Kendall", "weighted tau", "points lost", "95 %"):
            shown.add_column(name, justify="right")
        shown.add_column("chosen")
        for row in rows.to_dict("records"):
            name = f"[{row['predictor']}]" if row["is_null"] else row["predictor"]
            shown.add_row(plain(name), *_board_cells(row), plain(row["chosen"]))
        _console().print(shown)


def _print_by_layer(table: Any, each_score: bool) -> None:
    from rich.table import Table

    about = list(table.columns[: list(table.columns).index("probe")])
    for values, rows in table.groupby(about, sort=False, dropna=False):
        named = dict(zip(about, values, strict=True))
        truth = "area under validation accuracy" if rows["truth"].iloc[0] == "log_area" else "mean test accuracy"
        title = (
            f"Which source? Rank correlation with {truth} over {rows['num_candidates'].max()} sources: "
            f"{named['strategy']} at cut {named['cut']}, {100 * named['fraction']:g} % of {named['target']}, "
            f"{named['model']}"
        )
        shown = Table(title=plain(title), title_justify="left")
        shown.add_column("probe (+: higher is better)")
        layers = list(dict.fromkeys(rows["layer"]))
        for layer in layers:
            shown.add_column(plain(layer), justify="right")
        for (probe, score), own in rows.groupby(["probe", "score"], sort=False):
            first = score == rows.loc[rows["probe"] == probe, "score"].iloc[0]
            if first or each_score:
                cells = {row["layer"]: _correlated(row) for row in own.to_dict("records")}
                sign = "+" if own["direction"].iloc[0] == "higher" else "−"
                label = f"{probe} ({sign})" if first else f"{probe}, {score} ({sign})"
                shown.add_row(plain(label), *(cells.get(layer, "") for layer in layers))
        _console().print(shown)
    say("Fisher 95 % interval below each; * p < 0.05 by permutation")


def _correlated(row: dict[str, Any]) -> str:
    if row["undefined"]:
        return "–"
    return (
        f"{_signed(row['spearman'])}{'*' if row['p'] < 0.05 else ' '}\n{_signed(row['low'])} to {_signed(row['high'])}"
    )


def _board_cells(row: dict[str, Any]) -> list[str]:
    if row["undefined"]:
        ranks = [row["undefined"] if not row["is_null"] else "–", "", "", "", "", ""]
    else:
        ranks = [
            _signed(row["spearman"]),
            _span(row, "spearman"),
            _span(row, "fisher"),
            f"{row['p']:.3f}",
            _signed(row["kendall"]),
            _signed(row["weighted_tau"]),
        ]
    low, high = _points(row["regret_low"]), _points(row["regret_high"])
    return [*ranks, _points(row["regret"]), f"{low} to {high}"]


def _losses(row: dict[str, Any]) -> tuple[float, float]:
    return row["regret"], row["max_regret"]


def _signed(value: float) -> str:
    return "–" if math.isnan(value) else f"{value:+.2f}".replace("-", "−")


def _span(row: dict[str, Any], name: str) -> str:
    low, high = row[f"{name}_low"], row[f"{name}_high"]
    return "–" if math.isnan(low) else f"{_signed(low)} to {_signed(high)}"


def _points(value: float) -> str:
    return "–" if math.isnan(value) else f"{100 * value:.1f}"
