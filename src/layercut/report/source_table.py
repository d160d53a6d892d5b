"""How well probes choose among all sources and cuts of a target: a table, and its message in words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import pandas as pd

from layercut.figures import words
from layercut.report.probe_table import PROBE_COLUMNS, probe_cells, probe_verdicts
from layercut.report.sections import ConditionRow
from layercut.stats.design import FACTOR, level_columns

SOURCE_COLUMNS = (*PROBE_COLUMNS[:-1], ("Takes", "Source and cut that it scores best; all of them where they tie"))

_MOST_LISTED = 2


class SourceTable(NamedTuple):
    """The scoreboard of a study with several sources, checkpoints or models."""

    labels: tuple[str, ...]
    """What tells targets, studies and factor levels apart; one empty label where there is one of each."""
    rows: tuple[ConditionRow, ...]
    verdicts: tuple[str, ...]


def source_table(board: pd.DataFrame) -> SourceTable | None:
    """Return the rows of `stats.scoreboard` that are about all sources of a target; None where there are none."""
    own = board[board["scope"] == "source"] if len(board) else board
    if own.empty:
        return None
    about = ["target", *level_columns(board)]
    places = list(dict.fromkeys(own[about].astype(str).itertuples(index=False, name=None)))
    rows = tuple(_row(row, places.index(tuple(str(row[name]) for name in about))) for row in own.to_dict("records"))
    labels = tuple(_label(place, about, places) for place in places)
    return SourceTable(labels, rows, tuple(probe_verdicts(board, "source")))


def _row(row: Mapping[Any, Any], place: int) -> ConditionRow:
    chosen = words.taken("source", row["chosen"], _MOST_LISTED)
    return ConditionRow(
        context=place,
        strategies=(str(row["strategy"]),),
        fraction=words.fraction_label(row["fraction"]),
        cells=probe_cells(row, chosen),
        on_request=row["kind"] == "fixed_cut",
        muted=bool(row["is_null"]),
    )


def _label(place: Sequence[str], about: Sequence[str], among: Sequence[Sequence[str]]) -> str:
    """Return what tells a target and its factor levels from the others."""
    parts = []
    for position, (name, value) in enumerate(zip(about, place, strict=True)):
        if len({other[position] for other in among}) > 1:
            parts.append(value if name == "target" else f"{name.removeprefix(FACTOR)}: {value}")
    return ", ".join(parts)
