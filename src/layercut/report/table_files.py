"""The report's tables as files: CSV with every digit for programs, Markdown as printed for texts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import pandas as pd

from layercut.figures import words
from layercut.files import explained, written_whole
from layercut.report.answers import answer, no_answer
from layercut.report.sections import Cell, ConditionRow
from layercut.report.verdicts import Known
from layercut.stats import BestCut, Context, Contrast, Undecided
from layercut.stats.design import POINT, context_columns

_BEST_FIELDS = (
    "fraction",
    "strategy",
    "cut",
    "num_blocks",
    "chosen_on",
    "num_candidates",
    "num_replicates",
    "mean_validation",
    "mean_test",
    "mean_scratch",
    "p_holm",
    "num_comparisons",
)


def full_conditions(estimates: pd.DataFrame, contrasts: pd.DataFrame) -> pd.DataFrame:
    """Return one row per condition: what `stats.estimates` and `stats.contrasts_to_scratch` found."""
    names = [*context_columns(estimates), *POINT]
    measured = estimates.rename(columns={"low": "mean_low", "high": "mean_high"})
    fields = [*Contrast._fields, "p_holm", "num_comparisons"]
    paired = contrasts[[*names, *fields]].rename(columns={"low": "difference_low", "high": "difference_high"})
    return measured.merge(paired, on=names, how="left")


def full_best(best: Iterable[BestCut]) -> pd.DataFrame:
    """Return one row per context and fraction: the chosen condition, its difference to scratch, and its equals."""
    rows = []
    for found in best:
        contrast = found.contrast or Contrast(0, *[float("nan")] * (len(Contrast._fields) - 1))
        same = [words.condition_name(*name) for name in found.indistinguishable]
        rows.append(
            {
                **found.context.by_column(),
                **{field: getattr(found, field) for field in _BEST_FIELDS},
                **contrast._asdict(),
                "indistinguishable": "; ".join(same),
            }
        )
    first = ["source", "target", "model", "study", *_BEST_FIELDS, *Contrast._fields, "indistinguishable"]
    return pd.DataFrame(rows) if rows else pd.DataFrame(columns=first)


def full_scoreboard(board: pd.DataFrame) -> pd.DataFrame:
    """Return `stats.scoreboard` with what each predictor takes, and the best of all, as texts."""
    rows = list(zip(board["scope"], board["chosen"], board["best"], strict=True))
    chosen = [words.taken(scope, cuts) for scope, cuts, _ in rows]
    return board.assign(chosen=chosen, best=[words.taken(scope, (best,)) for scope, _, best in rows])


def rows_markdown(columns: Sequence[tuple[str, str]], rows: Sequence[ConditionRow], labels: Sequence[str]) -> str:
    """Return the table of all conditions, or the scoreboard, as it stands in the report."""
    several = len(labels) > 1
    head = [*(["Context"] if several else []), *(name for name, _ in columns)]
    body = [[*([labels[row.context]] if several else []), *map(_printed, row.cells)] for row in rows]
    return markdown(head, body)


def best_markdown(
    best: Sequence[BestCut], known: Known, left: Sequence[Undecided], labels: Sequence[str], order: Sequence[Context]
) -> str:
    """Return the answers of the report, one row per context and fraction; `left`: where nothing is chosen."""
    several = len(labels) > 1
    head = [*(["Context"] if several else []), "Data", "Verdict", "Answer"]
    if known.unfinished:
        return markdown(head, [[*([""] if several else []), "", "not finished", known.unfinished]])
    body = []
    for found in best:
        said = answer(found, known)
        context = [labels[order.index(found.context)]] if several else []
        body.append([*context, said.fraction, said.label, said.sentence])
    for one in left:
        context = [labels[order.index(one.context)]] if several else []
        body.append([*context, words.fraction_label(one.fraction), "no choice", no_answer(one)])
    return markdown(head, body)


def markdown(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a Markdown table; what would end a cell or begin markup in it is escaped.

    Example:
        >>> print(markdown(["a"], [["x|y"]]), end="")
        | a |
        | --- |
        | x\\|y |
    """
    lines = [head, ["---"] * len(head), *rows]
    cells = (" | ".join(line if line == "---" else _escaped(line) for line in texts) for texts in lines)
    return "".join(f"| {text} |\n" for text in cells)


def write_markdown(text: str, path: Path) -> Path:
    """Write a text in UTF-8.

    Raises:
        UserError: the file cannot be written.
    """
    with explained(path), written_whole(path) as unfinished:
        unfinished.write_text(text, encoding="utf-8")
    return path


def _printed(cell: Cell) -> str:
    return f"{cell.text} ({cell.hint})" if cell.hint else cell.text


def _escaped(text: str) -> str:
    for mark in ("\\", "|", "*", "<", "`", "[", "_"):
        text = text.replace(mark, f"\\{mark}")
    return " ".join(text.split())
