"""Scores as `layercut probe` prints them: one row per layer, as many probes side by side as fit on a line."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import pandas as pd

from layercut.cli.columns import Column, shortened, tables
from layercut.figures.probe_layers import layers_of, shown_scores

_MOST_NAME = 24
"""Characters of a layer's name."""


def layer_tables(table: pd.DataFrame, source: str) -> Iterator[list[str]]:
    """Yield the tables of one model as lines that fit a terminal: the cut, the layer, and probes."""
    own = table[table["source"] == source]
    layers = layers_of(own[own["dataset"] != "none"]) or layers_of(own)
    cuts = {str(layer): cut for layer, cut in zip(own["layer"], own["cut"], strict=True)}
    numbers = ["" if pd.isna(cuts[layer]) else str(int(cuts[layer])) for layer in layers]
    names = [shortened(layer, _MOST_NAME) for layer in layers]
    yield from tables([Column("cut", numbers), Column("after", names, left=True)], list(_probes(own, layers)))


def _probes(own: pd.DataFrame, layers: Sequence[str]) -> Iterator[Column]:
    for scores in shown_scores(own):
        means = scores.rows.groupby("layer", sort=False)[scores.score].mean()
        values = {str(layer): float(value) for layer, value in means.items()}
        best = best_layers(values, scores.direction)
        cells = [f"{number(values[name])}{'*' if name in best else ' '}" if name in values else "" for name in layers]
        sign = "+" if scores.direction == "higher" else "−"
        yield Column(f"{in_lines(scores.label)} {sign} ", cells)


def in_lines(label: str) -> str:
    """Return a probe's name in several short lines."""
    return label.replace("_", "_\n").replace(", ", ",\n")


def best_layers(values: dict[str, float], direction: str) -> set[str]:
    """Return the layers with the best score; none where all have the same, or none has one."""
    if not values:
        return set()
    top = (max if direction == "higher" else min)(values.values())
    best = {layer for layer, value in values.items() if equal(value, top)}
    return best if len(best) < len(values) else set()


def equal(one: float, other: float) -> bool:
    """Tell a tie, or the rounding noise of sums in another order, from a difference."""
    return math.isclose(one, other, rel_tol=1e-9, abs_tol=1e-12)


def number(value: float) -> str:
    """Return a score in three digits."""
    return "–" if math.isnan(value) else f"{value:.3g}".replace("-", "−")
