"""A probes table as `load_probes` gives it, made up beside `fake_results`."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping

import numpy as np
import pandas as pd


def fake_probes(
    results: pd.DataFrame, scores: Mapping[str, Callable[[int, float, int], float]], lower: tuple[str, ...] = ()
) -> pd.DataFrame:
    """Return a score for every source, target, model, cut, fraction and replicate of a results table.

    `scores`: label -> function of cut, fraction and replicate; NaN leaves the row out.
    """
    points = ["source", "target", "model", "cut", "fraction", "replicate"]
    rows = []
    for _, point in results[points].drop_duplicates().iterrows():
        for label, score in scores.items():
            value = score(int(point["cut"]), float(point["fraction"]), int(point["replicate"]))
            if not np.isnan(value):
                about = {"probe": label, "dataset": "target", "split": "train", "layer": f"conv{point['cut'] - 1}"}
                rows.append({**point, **about, "score": value, "wall_seconds": 0.1, "key": "k", "num_images": 100})
    columns = ["probe", *points, "dataset", "split", "layer", "score", "wall_seconds", "key", "num_images"]
    table = pd.DataFrame(rows, columns=columns)
    table["cut"] = table["cut"].astype("Int64")
    directions = {label: json.dumps({"score": "lower" if label in lower else "higher"}) for label in scores}
    table["name"] = [label.partition("(")[0] for label in table["probe"]]
    table["kind"], table["directions"] = "labels", table["probe"].map(directions)
    return table


def with_directions(table: pd.DataFrame, directions: Mapping[str, Mapping[str, str]]) -> pd.DataFrame:
    """Return the table with other scores: directions by label and score."""
    told = {label: json.dumps(found) for label, found in directions.items()}
    return table.assign(directions=table["probe"].map(told))
