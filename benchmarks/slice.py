"""The slice of work that contenders are compared on: MNIST 0-4 -> 5-9 from published weights, 1 % of the images.

Strategy FR at some cuts, and training from scratch; the protocol of the layer-freezing study (mp-tl-study).
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np

from benchmarks.rivals.trials import Images, Job, Trial
from layercut.data.cache import default_cache_dir, load_dataset
from layercut.data.splits import sample_split
from layercut.data.subset import Task, select_task
from layercut.spec import StudySpec, parse_study

TARGET_CLASSES = [5, 6, 7, 8, 9]
STRATEGIES = ("scratch", "freeze_reinit")
SPREAD_CUTS = (4, 1, 6, 2, 5, 0, 3)
"""Order in which a rival runs whole trials where it does not run all: cheap and dear cuts alternate."""

STUDY = """
name: side-by-side
seed: 0
source: {{checkpoint: {weights}, dataset: mnist, classes: [0, 1, 2, 3, 4]}}
target: {{dataset: mnist, classes: {classes}}}
model: {{name: plain_cnn, depth: 6, channels: 64, kernel_size: 3, pool_every: 2}}
transfer:
  cuts: {cuts}
  strategies: [scratch, freeze_reinit]
  fractions: [{fraction}]
  replicates: {replicates}
  validation: full
  val_split: 0.1
  training:
    {{optimizer: adam, lr: {lr}, epochs: {epochs}, patience: {patience}, batch_size: {batch_size},
     validate_epochs: {validate_epochs}}}
"""


class Slice(NamedTuple):
    """What is run; the defaults are the comparison that is reported."""

    data_dir: Path
    weights: Path
    cuts: tuple[int, ...] = (0, 1, 2, 3, 4, 5, 6)
    with_scratch: bool = True
    replicates: int = 3
    fraction: float = 0.01
    epochs: int = 40
    patience: int = 6
    batch_size: int = 64
    lr: float = 1e-3
    validate_epochs: str = "as_needed"
    """Of layercut; rivals validate every epoch in full, as scripts do."""

    def study_text(self) -> str:
        """Return the study file that layercut runs."""
        text = STUDY.format(
            weights=self.weights.resolve(),
            classes=TARGET_CLASSES,
            cuts=list(self.cuts),
            fraction=self.fraction,
            replicates=self.replicates,
            lr=self.lr,
            epochs=self.epochs,
            patience=self.patience,
            batch_size=self.batch_size,
            validate_epochs=self.validate_epochs,
        )
        return text if self.with_scratch else text.replace("[scratch, freeze_reinit]", "[freeze_reinit]")

    def study(self) -> StudySpec:
        """Return the study that layercut runs."""
        return parse_study(self.study_text())

    def conditions(self) -> list[tuple[str, int]]:
        """Return every strategy and cut."""
        scratch = [("scratch", 0)] if self.with_scratch else []
        return [*scratch, *(("freeze_reinit", cut) for cut in self.cuts)]

    def num_trials(self) -> int:
        """Return the trials of the design; a rival runs each of them."""
        return len(self.conditions()) * self.replicates


def all_trials(work: Slice) -> list[Trial]:
    """Return every trial of the slice, as a script's nested loops would run them."""
    return [
        Trial(strategy, cut, replicate, work.epochs, True)
        for strategy, cut in work.conditions()
        for replicate in range(work.replicates)
    ]


def sampled_trials(work: Slice, round_index: int, num_rounds: int, num_whole: int) -> list[Trial]:
    """Return the trials of one round of a rival that does not run all.

    One epoch of every condition (two of the first, which warms up), and this round's share of `num_whole` trials.
    """
    timed = [Trial(strategy, cut, 0, 1 + (i == 0), False) for i, (strategy, cut) in enumerate(work.conditions())]
    cuts = [cut for cut in SPREAD_CUTS if cut in work.cuts]
    spread = [Trial("freeze_reinit", cut, r, work.epochs, True) for r in range(work.replicates) for cut in cuts]
    return [*timed, *spread[:num_whole][round_index::num_rounds]]


def rival_job(work: Slice, trials: list[Trial]) -> Job:
    """Return a rival's job: the images of each replicate are those that layercut draws."""
    task = open_target(work.data_dir)
    return Job(
        work.data_dir.resolve(),
        work.weights.resolve(),
        TARGET_CLASSES,
        work.lr,
        work.batch_size,
        work.patience,
        trials,
        {replicate: replicate_images(work, task, replicate) for replicate in {trial.replicate for trial in trials}},
    )


def open_target(data_dir: Path) -> Task:
    """Return the target's images as layercut sees them."""
    return select_task(load_dataset("mnist", {}, data_dir, default_cache_dir(), download=False), TARGET_CLASSES)


def replicate_images(work: Slice, task: Task, replicate: int) -> Images:
    """Return the positions in MNIST of one replicate's images."""
    transfer = work.study().transfer
    split = sample_split(
        task.train_labels,
        task.num_classes,
        work.fraction,
        replicate,
        work.study().seed,
        validation=transfer.validation,
        val_split=transfer.val_split,
    )
    return Images(task.train_index[split.train], task.train_index[split.validation], np.asarray(task.test_index))
