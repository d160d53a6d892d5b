"""A board to judge a predictor on: the candidates of one strategy at one fraction, with their accuracies."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from layercut.errors import UserError
from layercut.stats.design import finished, level_columns

Array = NDArray[np.float64]


class SourceCut(NamedTuple):
    """What a predictor may choose."""

    source: str
    model: str
    cut: int


class Board(NamedTuple):
    """The candidates of one strategy at one fraction."""

    names: dict[str, Any]
    """What the board is about: the first columns of the scoreboard."""
    candidates: list[SourceCut]
    accuracies: Array
    """Test accuracy, float64 "k r"; NaN where a trial failed."""
    replicates: list[int]

    @property
    def means(self) -> Array:
        """Return each candidate's mean accuracy."""
        return np.asarray(np.nanmean(self.accuracies, axis=1), dtype=np.float64)


def boards(results: pd.DataFrame) -> Iterator[Board]:
    """Yield every strategy and fraction with at least two cuts, per source and model, then over all of a target."""
    done = finished(results)
    done = done[~done["cutless"]]
    levels = level_columns(done)
    for scope, columns in (("cut", ["source", "target", "model"]), ("source", ["target"])):
        about = [*columns, *levels, "strategy", "fraction"]
        for values, rows in done.groupby(about, sort=False, dropna=False):
            several = rows.groupby(["source", "model"]).ngroups > 1
            if rows["cut"].nunique() + several < 2 or (scope == "source" and not several):
                continue
            named = dict(zip(about, values, strict=True))
            names = {"scope": scope, "source": "", "model": ""} | named
            wide = rows.pivot_table(index=list(SourceCut._fields), columns="replicate", values="score")
            candidates = [SourceCut(str(source), str(model), int(cut)) for source, model, cut in wide.index]
            yield Board(names, candidates, wide.to_numpy(dtype=np.float64), [int(r) for r in wide.columns])


def directions_of(probes: pd.DataFrame) -> dict[str, Mapping[str, str]]:
    """Return the direction of each score of each probe; the first one stands for the probe.

    Raises:
        UserError: the table does not say: a probe judged by the wrong direction would look bad.
    """
    if probes.empty:
        return {}
    if "directions" not in probes:
        raise UserError("expected a table of probes as `load_probes` returns it; got one without `directions`")
    told = probes[["probe", "directions"]].drop_duplicates("probe")
    return {str(label): json.loads(text) for label, text in zip(told["probe"], told["directions"], strict=True)}


def scored_rows(rows: pd.DataFrame, target: str, fraction: float) -> pd.DataFrame:
    """Return the rows of a probe that may predict trials: scores on training or validation images of the target.

    Scores at the trials' fraction, else those of the largest sample that was looked at.
    """
    seen = rows[rows["dataset"].isin(["target", "none"]) & ~rows["split"].isin(["test"])]
    seen = seen[seen["target"].isin([target, ""])]
    at = np.isclose(seen["fraction"], fraction)
    return seen[at] if at.any() else seen[seen["fraction"] == seen["fraction"].max()]


def why_unordered(scores: Array, truth: Array, least: int = 3) -> str:
    """Return why scores and truth have no rank correlation; empty where they have one."""
    if len(scores) < least:
        return f"{len(scores)} candidates have a score: nothing to order"
    if np.ptp(scores) < 1e-12:
        return "the same score everywhere"
    return "the same accuracy everywhere" if np.ptp(truth) < 1e-12 else ""
