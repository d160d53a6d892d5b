"""What every rival is given and what it answers with.

A folder holds `job.json` (the protocol and the trials, one after the other) and `splits.npz` (which images of
torchvision's MNIST each replicate uses). The answer is a JSON file with an outcome for each trial.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

Positions = NDArray[np.int64]


class Trial(NamedTuple):
    """One training from new or transferred weights."""

    strategy: str
    """`scratch` or `freeze_reinit`."""
    cut: int
    replicate: int
    epochs: int
    """At the most."""
    complete: bool
    """False where only the time of an epoch is wanted: few epochs, and no evaluation at the end."""


class Images(NamedTuple):
    """Positions in torchvision's MNIST: training and validation in its training images, test in its test images."""

    train: Positions
    validation: Positions
    test: Positions


class Job(NamedTuple):
    """The protocol and the trials to run under it."""

    data_dir: Path
    weights: Path
    """Source weights in the published study's format."""
    classes: list[int]
    """Target classes, relabelled 0, 1, ... in this order."""
    lr: float
    batch_size: int
    patience: int
    trials: list[Trial]
    images: dict[int, Images]
    """By replicate."""

    @property
    def depth(self) -> int:
        """Return the number of convolutions in the weight file."""
        state = torch.load(self.weights, map_location="cpu", weights_only=True)
        return sum(name.startswith("conv") and name.endswith(".weight") for name in state)


class Outcome(NamedTuple):
    """What came of one trial; accuracies are shares, times in seconds."""

    num_epochs: int
    best_epoch: int
    epoch_seconds: list[float]
    """Training and validation of each epoch."""
    train_accuracy: float | None
    validation_accuracy: float
    test_accuracy: float | None
    num_train_images: int
    num_validation_images: int
    num_test_images: int


RunTrial = Callable[[Trial], Outcome]


def write_job(folder: Path, job: Job) -> Path:
    """Write a job where `read_job` finds it."""
    values = {
        name: [trial._asdict() for trial in value] if name == "trials" else value
        for name, value in job._asdict().items()
        if name != "images"
    }
    (folder / "job.json").write_text(json.dumps(values, default=str), encoding="utf-8")
    arrays = {
        f"{name}_{replicate}": part
        for replicate, images in job.images.items()
        for name, part in images._asdict().items()
    }
    np.savez(folder / "splits.npz", **arrays)
    return folder


def read_job(folder: Path) -> Job:
    """Read what `write_job` wrote."""
    values = json.loads((folder / "job.json").read_text(encoding="utf-8"))
    trials = [Trial(**trial) for trial in values.pop("trials")]
    data_dir, weights = Path(values.pop("data_dir")), Path(values.pop("weights"))
    with np.load(folder / "splits.npz") as arrays:
        images = {
            replicate: Images(*(arrays[f"{name}_{replicate}"] for name in Images._fields))
            for replicate in {trial.replicate for trial in trials}
        }
    return Job(data_dir=data_dir, weights=weights, trials=trials, images=images, **values)


def main(prepare: Callable[[Job], tuple[RunTrial, dict[str, Any]]]) -> None:
    """Run a rival from the command line: `--job FOLDER --out FILE`.

    `prepare` reads the data and returns how to run a trial, with what it chose for itself (`choice_seconds`: the
    time it took to find out, which is not held against it).
    """
    parser = argparse.ArgumentParser()
    parser.add_argument("--job", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    job = read_job(arguments.job)
    run_trial, choices = prepare(job)
    answer: dict[str, Any] = {"choice_seconds": choices.pop("choice_seconds", 0.0), "choices": choices, "trials": []}
    for trial in job.trials:
        torch.manual_seed(1000 + trial.replicate)
        started = time.perf_counter()
        outcome = run_trial(trial)
        seconds = time.perf_counter() - started
        answer["trials"].append({**trial._asdict(), **outcome._asdict(), "seconds": seconds})
        arguments.out.write_text(json.dumps(answer), encoding="utf-8")
