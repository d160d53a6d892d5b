"""A results table as `load_results` gives it, made up: tests of stats, figures and report need no ledger."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

STRATEGIES = ("scratch", "freeze_reinit", "freeze", "reinit", "finetune", "freeze_truncate", "truncate")


def fake_results(
    *,
    num_blocks: int = 4,
    strategies: Sequence[str] = STRATEGIES,
    fractions: Sequence[float] = (0.01, 0.1, 1.0),
    num_replicates: int | Mapping[float, int] = 10,
    sources: Sequence[str] = ("digits[0,1,2,3,4]",),
    targets: Sequence[str] = ("digits[5,6,7,8,9]",),
    models: Sequence[str] = ("plain_cnn",),
    factors: Mapping[str, Sequence[str]] | None = None,
    validation: bool = True,
    failed: Sequence[int] = (),
    seed: int = 0,
) -> pd.DataFrame:
    """Return all cuts of all strategies; the trials of the rows `failed` diverged; equivalent trials are merged."""
    generator = np.random.default_rng(seed)
    columns = [f"factor_{factor}" for factor in factors or {}]
    levels = [dict(zip(columns, names, strict=True)) for names in itertools.product(*(factors or {}).values())]
    rows: list[dict[str, Any]] = []
    for source, target, model, level, fraction in itertools.product(sources, targets, models, levels, fractions):
        context = {"study": "fake", "source": source, "target": target, "model": model, **level}
        replicates = num_replicates if isinstance(num_replicates, int) else num_replicates[fraction]
        paired = generator.normal(0, 0.02, replicates)
        measured: dict[str, list[tuple[float, float]]] = {}
        for strategy in strategies:
            for cut in range(1 if strategy == "scratch" else num_blocks + 1):
                point = _condition(strategy, cut, num_blocks)
                condition = f"{source}|{target}|{model}|{level}|{fraction}|{point}"
                merged = condition in measured
                if not merged:
                    mean = _mean(*point, num_blocks, fraction)
                    measured[condition] = [_accuracies(mean + shift, fraction, generator) for shift in paired]
                for replicate, (test, within) in enumerate(measured[condition]):
                    rows.append(
                        {
                            **context,
                            "strategy": strategy,
                            "cut": cut,
                            "fraction": fraction,
                            "replicate": replicate,
                            "num_blocks": num_blocks,
                            "merged": merged,
                            "cutless": strategy in ("scratch", "finetune"),
                            "transfers": point not in (("scratch", 0), ("truncate", 0)),
                            "treatment": f"{strategy} the blocks up to {cut}",
                            "status": "finished",
                            "train_accuracy": 1.0,
                            "validation_accuracy": within if validation else np.nan,
                            "test_accuracy": test,
                            "test_loss": 1 - test,
                            "best_epoch": 7.0,
                            "num_epochs": 12.0,
                            "num_train_images": round(900 * fraction),
                            "num_validation_images": round(100 * fraction) * validation,
                            "num_test_images": 450.0,
                            "num_trained_parameters": _num_trained(*point, num_blocks),
                            "num_parameters": 5000.0,
                            "wall_seconds": 0.25,
                            "frozen_unchanged": True,
                            "key": f"{condition}|{replicate}",
                            "condition": condition,
                        }
                    )
    table = pd.DataFrame(rows)
    if len(failed):
        lost = table["key"].isin(table.loc[list(failed), "key"])
        table.loc[lost, "status"] = "diverged"
        table.loc[lost, ["train_accuracy", "validation_accuracy", "test_accuracy", "test_loss"]] = np.nan
    table.attrs = {"study": "fake", "imported": False, "plan": {}, "path": "runs/fake"}
    return table


def _accuracies(mean: float, fraction: float, generator: np.random.Generator) -> tuple[float, float]:
    """Return test and validation accuracy, each of 450 images."""
    noise = generator.normal(0, 0.03 / (1 + 5 * fraction), 2)
    test, within = np.round(np.clip(mean + noise, 0, 1) * 450) / 450.0
    return test, within


def _condition(strategy: str, cut: int, num_blocks: int) -> tuple[str, int]:
    """Return the one name of equivalent conditions."""
    if strategy == "scratch" or (cut == 0 and strategy in ("freeze_reinit", "reinit")):
        return "scratch", 0
    if strategy == "finetune" or (cut == 0 and strategy == "freeze"):
        return "finetune", 0
    if cut == 0:
        return "truncate", 0
    if cut == num_blocks:
        return ("freeze_reinit", cut) if strategy.startswith("freeze") else ("finetune", 0)
    return strategy, cut


def _mean(strategy: str, cut: int, num_blocks: int, fraction: float) -> float:
    scratch = 0.93 + 0.14 * np.log10(fraction) / 2
    depth = cut / num_blocks
    gain = {
        "scratch": 0.0,
        "freeze_reinit": 0.42 * depth * (1 - depth) * (0.2 - np.log10(fraction)) - 0.03 * depth * fraction,
        "freeze": 0.05 - 0.02 * depth,
        "reinit": 0.08 * depth * (1.1 - fraction),
        "finetune": 0.06 * (1.1 - fraction),
        "freeze_truncate": -0.3 * (1 - depth) ** 2 + 0.02 * depth,
        "truncate": -0.25 * (1 - depth) ** 2 + 0.04 * depth,
    }[strategy]
    return float(scratch + gain)


def _num_trained(strategy: str, cut: int, num_blocks: int) -> float:
    frozen = cut if strategy.startswith("freeze") else 0
    kept = cut if strategy.endswith("truncate") else num_blocks
    return 200.0 + 1200.0 * (kept - frozen)
