"""A study's tables, made up: results with curves and probes, for tests of figures."""

from __future__ import annotations

import numpy as np
import pandas as pd

from layercut.figures.study_tables import Measured, StudyTables

NUM_EPOCHS = 6
LAYERS = ("conv0", "conv1", "fc")


class FakeMeasured(Measured):
    """Curves of every trial of a results table, and two probes of every source."""

    def __init__(self, results: pd.DataFrame, fractions: tuple[float, ...] = (0.01, 1.0)) -> None:
        super().__init__()
        self.__dict__["curves"] = fake_curves(results)
        self.__dict__["probes"] = fake_probes(sorted(set(results["source"])), fractions)


def fake_study(results: pd.DataFrame) -> StudyTables:
    """Return the tables of a study with these results."""
    return StudyTables(results, FakeMeasured(results))


def fake_curves(results: pd.DataFrame) -> pd.DataFrame:
    """Return `load_curves` of a study whose trials all learn alike; replicate 0 stops after half of the epochs."""
    rows = [
        {
            "key": key,
            "condition": condition,
            "replicate": replicate,
            "epoch": epoch,
            "train_loss": (1 + 0.1 * replicate) / epoch,
            "train_accuracy": 1 - 0.5 / epoch,
            "validation_loss": 1.2 / epoch,
            "validation_accuracy": accuracy * (1 - 0.4 / epoch),
        }
        for key, condition, replicate, accuracy in results.drop_duplicates("key")[
            ["key", "condition", "replicate", "test_accuracy"]
        ].itertuples(index=False)
        for epoch in range(1, (NUM_EPOCHS if replicate else NUM_EPOCHS // 2) + 1)
    ]
    columns = ["key", "condition", "replicate", "epoch", "train_loss", "validation_loss", "validation_accuracy"]
    return pd.DataFrame(rows) if rows else pd.DataFrame(columns=columns)


def fake_probes(sources: list[str], fractions: tuple[float, ...], num_replicates: int = 5) -> pd.DataFrame:
    """Return `load_probes`: a clustering and an effective rank, by layer, fraction and replicate."""
    generator = np.random.default_rng(0)
    rows = [
        {
            "probe": probe,
            "source": source,
            "dataset": "target",
            "split": "train",
            "layer": layer,
            "fraction": fraction,
            "replicate": replicate,
            **{score: 0.2 * (place + 1) + generator.normal(0, 0.01) for score in scores},
            "wall_seconds": 0.1,
            "key": f"{probe}{source}{layer}{fraction}{replicate}",
        }
        for probe, scores in (("clustering", ("accuracy", "ari")), ("effective_rank", ("effective_rank",)))
        for source in sources
        for place, layer in enumerate(LAYERS)
        for fraction in fractions
        for replicate in range(num_replicates)
    ]
    columns = ["probe", "source", "dataset", "split", "layer", "fraction", "replicate"]
    frame = pd.DataFrame(rows) if rows else pd.DataFrame(columns=columns)
    last = [name for name in ("wall_seconds", "key") if name in frame]
    return frame[[name for name in frame if name not in last] + last]
