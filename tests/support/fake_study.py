"""A study's tables, made up: results with curves and probes, for tests of figures."""

from __future__ import annotations

import pandas as pd

from layercut.figures.study_tables import Measured, StudyTables
from support.fake_kept import fake_images, fake_kept
from support.fake_probes import fake_probes, with_directions
from support.fake_representations import fake_representations

NUM_EPOCHS = 6
LAYERS = ("conv0", "conv1", "fc")


class FakeMeasured(Measured):
    """Curves of every trial of a results table, two probes of every source, and a kept trial of every condition."""

    def __init__(self, results: pd.DataFrame, fractions: tuple[float, ...] = (0.01, 1.0)) -> None:
        super().__init__()
        self.__dict__["curves"] = fake_curves(results)
        self.__dict__["probes"] = fake_study_probes(results, fractions)
        self.__dict__["pilots"] = fake_pilots(results)
        self.__dict__["sources"] = fake_sources(results)
        self.__dict__["class_scores"] = fake_class_scores(results)
        self.__dict__["kept"] = fake_kept(results)
        self.__dict__["images"] = fake_images(results)
        self.__dict__["representations"] = fake_representations(results)


def fake_study(results: pd.DataFrame) -> StudyTables:
    """Return the tables of a study with these results."""
    return StudyTables(results, FakeMeasured(results))


def fake_pilots(results: pd.DataFrame) -> pd.DataFrame:
    """Return `load_pilots`: three rates of every condition, the middle one taken; the highest diverges at cut 0."""
    design = ["source", "target", "model", "strategy", "cut", "fraction"]
    points = results[[*design, "cutless", *(c for c in results.columns if c.startswith("factor_"))]].drop_duplicates()
    tried = pd.DataFrame(
        {
            "learning_rate": [1e-3, 1e-2, 1e-1, 1e-2],
            "taken": [False, True, False, True],
            "replicate": [-1, -1, -1, -2],
            "judged": [0.5, 0.7, 0.6, 0.8],
        }
    )
    found = points.merge(tried, how="cross")
    return found.assign(diverged=(found["cut"] == 0) & (found["learning_rate"] == 1e-1))


def fake_sources(results: pd.DataFrame) -> pd.DataFrame:
    """Return `load_sources`: two seeds of every source of a results table, at two moments."""
    return pd.DataFrame(
        [
            {"source": f"{source} seed {seed} @ {checkpoint}", "entry": source, "seed": seed, "model": model,
             "checkpoint": checkpoint, "test_accuracy": accuracy + 0.01 * seed}
            for source, model in results[["source", "model"]].drop_duplicates().itertuples(index=False)
            for seed in (0, 1)
            for checkpoint, accuracy in (("batch 10", 0.5), ("last", 0.9))
        ],
        columns=["source", "entry", "seed", "model", "checkpoint", "test_accuracy"],
    )  # fmt: skip


def fake_class_scores(results: pd.DataFrame) -> pd.DataFrame:
    """Return `load_class_scores` of two classes of every finished trial."""
    done = results[results["status"] == "finished"].drop_duplicates("key")
    return pd.DataFrame(
        [
            {"key": key, "condition": condition, "replicate": replicate, "class_name": name, "f1": accuracy * share}
            for key, condition, replicate, accuracy in done[
                ["key", "condition", "replicate", "test_accuracy"]
            ].itertuples(index=False)
            for name, share in (("five", 1.0), ("six", 0.5))
        ],
        columns=["key", "condition", "replicate", "class_name", "f1"],
    )


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


def fake_study_probes(results: pd.DataFrame, fractions: tuple[float, ...]) -> pd.DataFrame:
    """Return `load_probes`: a clustering and an effective rank, by layer, fraction and replicate."""
    own = results[results["fraction"].isin(fractions)]
    tables = []
    for label, score in (("clustering", "ari"), ("effective_rank", "effective_rank")):
        table = fake_probes(own, {label: lambda cut, fraction, replicate: 0.2 * cut + 0.01 * replicate + fraction})
        table["score"] += 0.003 * pd.factorize(table["source"], sort=True)[0]  # sources differ
        tables.append(table.rename(columns={"score": score}))
    both = pd.concat(tables, ignore_index=True)
    told = {"clustering": {"ari": "higher"}, "effective_rank": {"effective_rank": "higher"}}
    return with_directions(both, told)
