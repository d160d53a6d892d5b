"""Which source transfers: how well a probe's score at each layer ranks many sources, checkpoints and seeds.

Candidates are all sources of one target under one condition: model, factors, strategy, cut and fraction. Truth is the
area under validation accuracy at log-spaced points (`log_area`), where every candidate's trials have it, else mean test
accuracy.

Reference:
    "Transferability in DNN" (`studies/`): Spearman's correlation by layer, 95 % interval from Fisher's transformation,
    significance by permutation. We differ in counting candidates for their number only: checkpoints of one training
    resemble each other, so that the interval is too narrow where most candidates are such.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from layercut.seeding import derive_seed
from layercut.stats.boards import directions_of, scored_rows, why_unordered
from layercut.stats.design import SCRATCH, finished, level_columns
from layercut.stats.metric import column_on_test, metric_of
from layercut.stats.probe_tables import probes_of
from layercut.stats.rank_agreement import agreement, fisher_interval, permutation_p
from layercut.stats.tables import Results, results_of

LEAST_SOURCES = 4
"""Fewer have no interval."""

_KEYS = ["target", "model"]

_DIGITS = 12
"""Of means that are ranked: the last bits depend on the order of rows, and would break ties."""


class _Sources(NamedTuple):
    """All sources under one condition, and what each was worth."""

    names: dict[str, Any]
    truth: str
    """The column of results that `values` are means of."""
    values: pd.Series[float]
    """By source."""


def rank_by_layer(results: Results, probes: Results) -> pd.DataFrame:
    """Return one row per condition, probe, score and layer; empty with fewer than four sources.

    Columns: target, model, study, factors, strategy, cut, fraction; `probe`, `score`, `direction`, `layer`; `truth`
    (the column of results that is predicted), `num_candidates`; `spearman` as it is (not turned by the direction),
    `low` and `high` (Fisher, 95 %), `p` (permutation, two-sided); `undefined`: why there is no correlation, else empty.

    Args:
        results: `load_results`.
        probes: `load_probes`; scores on source or test images are left out.
    """
    results, probes = results_of(results), probes_of(probes)
    rows = [row for condition in _conditions(results) for row in _rows(condition, probes)]
    return pd.DataFrame(rows)


def _conditions(results: pd.DataFrame) -> Iterator[_Sources]:
    done = finished(results)
    repeated = done["cutless"] & (done["cut"] != done.groupby("strategy")["cut"].transform("min"))
    done = done[(done["strategy"] != SCRATCH) & ~repeated]
    about = [*_KEYS, *level_columns(done), "strategy", "cut", "fraction"]
    for values, rows in done.groupby(about, dropna=False):
        if rows["source"].nunique() >= LEAST_SOURCES:
            has_area = "log_area" in rows and rows["log_area"].notna().all()
            truth = "log_area" if has_area else column_on_test(metric_of(done))
            names = dict(zip(about, values, strict=True))
            yield _Sources(names, truth, rows.groupby("source")[truth].mean().round(_DIGITS))


def _rows(sources: _Sources, probes: pd.DataFrame) -> Iterator[dict[str, Any]]:
    names = sources.names
    for label, directions in directions_of(probes).items():
        seen = scored_rows(probes[probes["probe"] == label], names["target"], names["fraction"])
        seen = seen[seen["source"].isin(sources.values.index) & seen["model"].isin([names["model"], ""])]
        if seen["cut"].notna().all():
            seen = seen.sort_values("cut", kind="stable")
        for score, direction in directions.items():
            if score not in seen:
                continue
            for layer, rows in seen.groupby("layer", sort=False):
                means = rows.groupby("source")[score].mean().round(_DIGITS).dropna()
                yield {
                    **names, "probe": label, "score": score, "direction": direction, "layer": str(layer),
                    "truth": sources.truth, **_correlation(means, sources, f"{label} {score} {layer}"),
                }  # fmt: skip


def _correlation(scores: pd.Series[float], sources: _Sources, what: str) -> dict[str, Any]:
    point, truth = (_numbers(values) for values in (scores, sources.values[scores.index]))
    why = why_unordered(point, truth, LEAST_SOURCES)
    if why:
        none = dict.fromkeys(("spearman", "low", "high", "p"), math.nan)
        return {"num_candidates": len(point), **none, "undefined": why}
    found = float(agreement(point, truth).spearman[0])
    low, high = fisher_interval(found, len(point))
    seed = derive_seed(0, "rank by layer", what, *(str(value) for value in sources.names.values()))
    p = permutation_p(point, truth, np.random.default_rng(seed))
    return {"num_candidates": len(point), "spearman": found, "low": low, "high": high, "p": p, "undefined": ""}


def _numbers(values: pd.Series[float]) -> NDArray[np.float64]:
    numbers: NDArray[np.float64] = np.asarray(values, dtype=np.float64)
    return numbers
