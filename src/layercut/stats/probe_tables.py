"""Probes as a tidy table."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from os import PathLike
from typing import Any

import numpy as np
import pandas as pd

from layercut.ledger import open_results
from layercut.records import ProbeRecord
from layercut.stats.columns import attributes_of, integers, plain
from layercut.stats.tables import Results


def probes_of(given: Results) -> pd.DataFrame:
    """Return a table of probes itself, or that of a path; see `results_of`."""
    return given if isinstance(given, pd.DataFrame) else load_probes(given)


def load_probes(path: str | PathLike[str]) -> pd.DataFrame:
    """Return one row for each probe, layer, fraction and replicate that the study asks for, with one column per score.

    `probe` is the probe with its options as the study gives them, `name` its name alone (in ledgers of older
    versions, which do not tell, `probe` again). `cut` is the cut whose features were scored, missing after the last
    block. `kind` and `directions` say what each probe needs and what it promises: `directions` is a JSON object of its
    scores, `higher` or `lower`, the first of which stands for the probe. Rows are ordered by probe, as the study names
    them.

    Raises:
        LedgerError: there is no ledger, or it is damaged.
    """
    with open_results(path) as ledger:
        attributes = attributes_of(ledger)
        probes = list(ledger.probes(named=not attributes["imported"]))
        about = ledger.meta("probes") or _imported_probes(probes)
    frame = probe_table(probes, about)
    frame.attrs.update(attributes)
    return frame


def probe_table(probes: Sequence[ProbeRecord], about: Mapping[str, Any]) -> pd.DataFrame:
    """Return records as `load_probes` does; `about`: name, kind and directions of each probe, by label."""
    order = {label: place for place, label in enumerate(about)}
    probes = sorted((probe for probe in probes if probe.probe in order), key=lambda probe: order[probe.probe])
    columns = ["probe", "source", "target", "model", "dataset", "split", "layer", "fraction", "replicate"]
    scores = dict.fromkeys(name for probe in probes for name in probe.scores)
    table: dict[str, Any] = {c: plain([getattr(p, c) for p in probes], c) for c in columns}
    table["cut"] = integers(np.array([p.cut for p in probes], dtype=float))
    table["num_images"] = integers(np.array([p.num_images for p in probes], dtype=float))
    table |= {name: np.array([p.scores.get(name, np.nan) for p in probes], dtype=float) for name in scores}
    table["wall_seconds"] = np.array([p.wall_seconds for p in probes], dtype=float)
    table["key"] = plain([p.key for p in probes], "key")
    table["name"] = plain([about[p.probe].get("name", p.probe) for p in probes], "name")
    table["kind"] = plain([about[p.probe].get("kind", "") for p in probes], "kind")
    table["directions"] = plain([json.dumps(about[p.probe]["directions"]) for p in probes], "directions")
    return pd.DataFrame(table)


def _imported_probes(probes: Iterable[ProbeRecord]) -> dict[str, Any]:
    """Imported are agreements of clusters with classes only; the adjusted Rand index stands for them."""
    scores = {probe.probe: sorted(probe.scores, key=lambda name: name != "ari") for probe in probes}
    return {
        label: {"name": label, "kind": "labels", "directions": dict.fromkeys(names, "higher")}
        for label, names in scores.items()
    }
