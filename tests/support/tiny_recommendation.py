"""Recommendations on a tiny folder of images, by a clock that ticks when it is looked at."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

import layercut
from layercut.executors.serial import SerialExecutor
from layercut.ledger import Ledger
from layercut.metrics import ACCURACY
from layercut.recommending.arms import seen_in
from layercut.recommending.decision import decide, first_trials
from layercut.recommending.journal import Journal, read_journal
from layercut.recommending.outcome import Recommendation

SMALL = ("model.depth=2", "model.channels=4", "model.pool_every=2", "target.image_size=8")
FAST = (*SMALL, "transfer.training.epochs=1", "transfer.training.min_steps=null", "transfer.num_folds=2")


def ticking(seconds: float = 1.0) -> Callable[[], float]:
    """Return a clock on which each look takes so long."""
    return itertools.count(0.0, seconds).__next__


def recommend(output_dir: Path, data: Path, *overrides: str, **options: Any) -> Recommendation:
    given: dict[str, Any] = {"executor": SerialExecutor(), "workers": 1, "device": "cpu", "clock": ticking()} | options
    overrides = overrides or FAST
    return layercut.recommend("plain_cnn=random", data, output_dir=output_dir, overrides=overrides, **given)


def folder(root: Path, counts: dict[str, int], splits: tuple[str, ...] = ("train", "test")) -> Path:
    """Write images of noise: no choice is clear, so that much is worth trying."""
    generator = np.random.default_rng(0)
    for split in splits:
        for name, count in counts.items():
            place = root / split / name
            place.mkdir(parents=True)
            for number in range(count):
                pixels = generator.integers(0, 255, (8, 8, 3), dtype=np.uint8)
                Image.fromarray(pixels).save(place / f"{number}.png")
    return root


def journal_of(output_dir: Path) -> Journal:
    with Ledger(output_dir, read_only=True) as ledger:
        found = read_journal(ledger)
    assert found is not None
    return found


def require_decisions_to_follow(output_dir: Path) -> None:
    journal = journal_of(output_dir)
    assert journal.steps[0].trials == first_trials(journal.arms)
    with Ledger(output_dir, read_only=True) as ledger:
        for number, step in enumerate(journal.steps[1:], start=1):
            before = [trial for earlier in journal.steps[:number] for trial in earlier.trials]
            seen = seen_in([ledger], before, ACCURACY)
            assert decide(journal.setting(), seen, step.left_seconds).trials == step.trials


def journal_steps(output_dir: Path) -> list[Any]:
    """Return the trials of each decision; none where nothing was decided yet."""
    if not (output_dir / "ledger.sqlite").exists():
        return []
    with Ledger(output_dir, read_only=True) as ledger:
        found = read_journal(ledger)
    return [step.trials for step in found.steps] if found else []
