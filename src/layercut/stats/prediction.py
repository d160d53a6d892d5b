"""The scoreboard: would a probe have chosen the right cut, and would a rule that never looks at the target?

Truth is the mean test accuracy of each candidate over replicates; probes saw training images only. Candidates are
the cuts of one source and model (`scope` cut), and all cuts of all sources and models of one target (`scope` source)
where a study has several. Beside the probes stand nulls: each fixed cut, a cut at random, and the mean of other
studies; `knn` is the null among the probes.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any, Literal, TypeAlias

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from layercut.seeding import derive_seed
from layercut.stats.boards import Board, boards, directions_of, scored_rows, why_unordered
from layercut.stats.design import finished, level_columns
from layercut.stats.metric import metric_of
from layercut.stats.probe_tables import probes_of
from layercut.stats.rank_agreement import agreement, chosen_by, fisher_interval, permutation_p, regret
from layercut.stats.tables import Results, results_of

NUM_RESAMPLES = 999
NULL_PROBE = "knn"
"""The probe that others must beat, whatever its options."""

PredictorKind: TypeAlias = Literal["probe", "fixed_cut", "random_cut", "other_studies"]
"""A probe, or one of three rules that never look at the target's features."""

RANDOM_CUT = "a cut at random"
OTHER_STUDIES = "mean of other studies"

Array = NDArray[np.float64]


def scoreboard(results: Results, probes: Results, others: Sequence[Results] = ()) -> pd.DataFrame:
    """Return one row per board and predictor, best first within each board: least regret, then highest correlation.

    Columns: `scope`, source, target, model, study, factors, strategy, fraction; `predictor`, its `kind`
    (`PredictorKind`), `score`, `is_null`;
    `num_candidates`, `num_replicates`; `spearman`, `kendall`, `weighted_tau` (positive: as the probe's direction
    promises), each with `_low` and `_high` (95 % bootstrap over replicates, percentiles); `fisher_low`,
    `fisher_high`, `p` of Spearman's; the candidates (`boards.SourceCut`) `chosen`, all of them where they tie, and the
    `best`; `regret` with `_low` and `_high` (accuracy, 0..1);
    `undefined`: why there is no correlation, else empty.

    Args:
        results: `load_results`.
        probes: `load_probes`; scores on source or test images are left out.
        others: results of other studies, for the null.
    """
    results, probes = results_of(results), probes_of(probes)
    elsewhere = [finished(results_of(other), metric_of(results)) for other in others]
    rows = [row for board in boards(results) for row in _judged(board, probes, elsewhere)]
    table = pd.DataFrame(rows)
    if table.empty:
        return table
    about = ["scope", "source", "target", "model", *level_columns(results), "strategy", "fraction"]
    places = table.groupby(about, sort=False, dropna=False).ngroup()
    order = table.assign(_board=places, _rank=-table["spearman"].fillna(-2))
    table = order.sort_values(["_board", "regret", "_rank"], kind="stable").drop(columns=["_board", "_rank"])
    table = table.reset_index(drop=True)
    table.attrs = dict(results.attrs)
    return table


def standings(board_rows: pd.DataFrame) -> pd.DataFrame:
    """Return a row a scope and predictor over all boards, least mean regret first.

    Columns: `kind` of the predictor, `boards`, means over the boards where they are defined of `spearman`,
    `weighted_tau` and `regret`, `max_regret`, `undefined` (boards without a correlation), `loses_to`: the nulls with
    less mean regret over the boards that both have, the best of them first.
    """
    rows = []
    for scope, group in board_rows.groupby("scope", sort=False) if len(board_rows) else []:
        wide = group.pivot_table(index=_board_columns(group), columns="predictor", values="regret", dropna=False)
        wide = wide.dropna(how="all")
        losses = group[group["is_null"]].groupby("predictor", sort=False)["regret"].mean()
        nulls = list(losses.sort_values(kind="stable").index)
        for predictor, own in group.groupby("predictor", sort=False):
            rows.append(
                {
                    "scope": scope,
                    "predictor": predictor,
                    "kind": str(own["kind"].iloc[0]),
                    "is_null": bool(own["is_null"].iloc[0]),
                    "boards": len(own),
                    "spearman": float(own["spearman"].mean()),
                    "weighted_tau": float(own["weighted_tau"].mean()),
                    "regret": float(own["regret"].mean()),
                    "max_regret": float(own["regret"].max()),
                    "undefined": int(own["spearman"].isna().sum()),
                    "loses_to": tuple(_lost(wide, str(predictor), nulls)),
                }
            )
    table = pd.DataFrame(rows)
    return table.sort_values(["scope", "regret"], kind="stable").reset_index(drop=True) if rows else table


def _judged(board: Board, probes: pd.DataFrame, others: Sequence[pd.DataFrame]) -> Iterator[dict[str, Any]]:
    for label, directions in directions_of(probes).items():
        score, direction = next(iter(directions.items()))
        own = probes[probes["probe"] == label]
        scores = _scores_of(board, own, score)
        if scores is not None:
            signed = scores if direction == "higher" else -scores
            yield _row(board, "probe", label, signed, own["name"].iloc[0] == NULL_PROBE) | {"score": score}
    elsewhere = _scores_elsewhere(board, others)
    if elsewhere is not None:
        yield _row(board, "other_studies", OTHER_STUDIES, elsewhere, is_null=True)
    cuts = np.array([one.cut for one in board.candidates])
    for cut in np.unique(cuts):
        yield _row(board, "fixed_cut", f"always cut {cut}", np.where(cuts == cut, 1.0, 0.0)[:, None], is_null=True)
    yield _row(board, "random_cut", RANDOM_CUT, np.zeros((len(cuts), 1)), is_null=True)


def _scores_of(board: Board, rows: pd.DataFrame, score: str) -> Array | None:
    """Return a probe's scores of the candidates, float64 "k r"; None where it does not apply to the board."""
    seen = scored_rows(rows, board.names["target"], board.names["fraction"])
    if seen.empty or score not in seen:
        return None
    replicates = sorted(seen["replicate"].unique())
    if set(board.replicates) <= set(replicates):
        replicates = board.replicates
    by_point = {
        (source, model, layer_cut, replicate): value
        for source, model, layer_cut, replicate, value in zip(
            seen["source"], seen["model"], seen["cut"].fillna(-1).astype(int), seen["replicate"], seen[score],
            strict=True,
        )
    }  # fmt: skip
    everywhere = bool((seen["cut"].isna()).all())

    def value(source: str, model: str, cut: int, replicate: int) -> float:
        at_cut = -1 if everywhere else cut
        for name in (model, ""):
            if (source, name, at_cut, replicate) in by_point:
                return float(by_point[source, name, at_cut, replicate])
        return math.nan

    scores = np.array([[value(*candidate, replicate) for replicate in replicates] for candidate in board.candidates])
    return scores if np.isfinite(scores).any() else None


def _scores_elsewhere(board: Board, others: Sequence[pd.DataFrame]) -> Array | None:
    """Return for each cut by how much it was better than the mean cut in other studies, at this fraction."""
    gains: list[pd.Series] = []
    for done in others:
        done = done[(done["strategy"] == board.names["strategy"])]  # noqa: PLW2901 - of this board
        done = done[np.isclose(done["fraction"], board.names["fraction"])]  # noqa: PLW2901
        for _, rows in done.groupby(["source", "target", "model", *level_columns(done)], sort=False, dropna=False):
            means = rows.groupby("cut")["score"].mean()
            gains.append(means - means.mean())
    if not gains:
        return None
    mean = pd.concat(gains, axis=1).mean(axis=1)
    return np.array([[float(mean.get(cut, math.nan))] for _, _, cut in board.candidates])


def _row(board: Board, kind: PredictorKind, predictor: str, scores: Array, is_null: bool) -> dict[str, Any]:
    """Return the row of one predictor."""
    ranks = kind in ("probe", "other_studies")
    known: NDArray[np.bool_] = np.asarray(np.isfinite(scores).any(axis=1))
    seed = derive_seed(0, "scoreboard", predictor, str(board.names["strategy"]), f"{board.names['fraction']:g}")
    generator = np.random.default_rng(seed)
    point, truth = np.nanmean(scores[known], axis=1), board.means
    drawn_scores, drawn_truth = _resampled(scores[known], board.accuracies, generator)
    chosen = chosen_by(point)
    row: dict[str, Any] = {
        **board.names, "predictor": predictor, "kind": kind, "score": "", "is_null": is_null,
        "num_candidates": int(known.sum()), "num_replicates": len(board.replicates),
    }  # fmt: skip
    found = agreement(point, truth[known])
    drawn = agreement(drawn_scores, drawn_truth[:, known])
    single = len(board.replicates) < 2  # resampling one replicate gives it back: no interval
    why = why_unordered(point, truth[known]) if ranks else "picks a cut, orders none"
    for name, value, values in zip(found._fields, found, drawn, strict=True):
        low, high = (math.nan, math.nan) if why or single else _percentiles(values)
        row |= {name: math.nan if why else float(value[0]), f"{name}_low": low, f"{name}_high": high}
    row["fisher_low"], row["fisher_high"] = fisher_interval(row["spearman"], int(known.sum()))
    row["p"] = math.nan if why else permutation_p(point, truth[known], generator)
    lost = regret(chosen, truth[known][None, :], np.array([truth.max()]))
    drawn_lost = regret(chosen_by(drawn_scores), drawn_truth[:, known], drawn_truth.max(axis=1))
    own = [board.candidates[place] for place in np.flatnonzero(known)]
    taken = tuple(own[place] for place in np.flatnonzero(chosen))
    row["regret_low"], row["regret_high"] = (math.nan, math.nan) if single else _percentiles(drawn_lost)
    row |= {"regret": float(lost[0]), "chosen": taken, "undefined": why}
    return row | {"best": board.candidates[int(truth.argmax())]}


def _resampled(scores: Array, accuracies: Array, generator: np.random.Generator) -> tuple[Array, Array]:
    """Return means over resampled replicates, "b k" each; the same replicates of both where both have them.

    A candidate without a value in a resample keeps its mean over all replicates.
    """
    drawn = generator.integers(0, accuracies.shape[1], (NUM_RESAMPLES, accuracies.shape[1]))
    paired = scores.shape[1] == accuracies.shape[1]
    of_scores = drawn if paired else generator.integers(0, scores.shape[1], (NUM_RESAMPLES, scores.shape[1]))
    return _means(scores, of_scores), _means(accuracies, drawn)


def _means(values: Array, drawn: NDArray[np.int64]) -> Array:
    picked = values[:, drawn]
    there = np.isfinite(picked)
    counts = there.sum(axis=2)
    sums = np.where(there, picked, 0).sum(axis=2)
    whole = np.nanmean(values, axis=1)[:, None]
    means: Array = np.where(counts > 0, sums / np.maximum(counts, 1), whole).T
    return means


def _percentiles(values: Array) -> tuple[float, float]:
    if np.isnan(values).all():
        return math.nan, math.nan
    low, high = np.nanpercentile(values, [2.5, 97.5])
    return float(low), float(high)


def _board_columns(rows: pd.DataFrame) -> list[str]:
    columns = list(rows.columns)
    return columns[: columns.index("predictor")]


def _lost(wide: pd.DataFrame, predictor: str, nulls: Sequence[str]) -> Iterator[str]:
    for null in nulls:
        both = wide[[predictor, null]].dropna() if null != predictor else wide.iloc[:0]
        if len(both) and both[null].mean() < both[predictor].mean() - 1e-12:
            yield null
