"""What probes say of the cuts of a measured study, computed once and kept in its ledger."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

import layercut
from benchmarks.recommend.measured import Probed
from layercut.ledger import Ledger
from layercut.spec.load import make_study

PROBES = ("logistic_regression", "logme")
"""The one by which `layercut probe` decides, and the one that was published for choosing models."""


def probe(run: Path, data_dir: Path | None) -> Probed:
    """Return what each probe says of each cut of a study and the seconds that it took; compute what is missing."""
    found = _probed(run)
    if not set(PROBES) <= set(found):
        with Ledger(run, read_only=True) as ledger:
            content: dict[str, Any] = yaml.safe_load(ledger.meta("study_text"))
        spec = make_study(content | {"probes": [{"name": name, "replicates": 1} for name in PROBES]})
        layercut.run_study(spec, run, workers=1, device="cpu", data_dir=data_dir)
        found = _probed(run)
    return found


def _probed(run: Path) -> Probed:
    table = layercut.load_probes(run)
    if table.empty:
        return {}
    table = table[table["cut"].notna() & table["name"].isin(PROBES)]
    values = table["accuracy"].fillna(table["evidence"])
    return {
        str(name): (
            {int(cut): float(values[at]) for at, cut in own["cut"].items() if not values.isna()[at]},
            float(own["wall_seconds"].sum()),
        )
        for name, own in table.groupby("name")
    }
