"""Real models at 224 pixels: layercut, a plain PyTorch loop and Lightning side by side, on one thread each.

    python -m benchmarks.zoo [--rounds 3] [--models resnet18 ...]

Two pieces of work on a folder of photographs: one epoch of fine-tuning with its validation, and a frozen trial, a new
head on the whole frozen model, from building to the test. Models of timm without published weights: speed does not
depend on values. layercut's trial counts its features, which a study computes once for all of its trials, and which
those after it find stored: `frozen_again` is a trial that does. Images lie decoded in layercut's cache, which a study
fills once; `decoding` is what that takes.

Contenders alternate within each round. Processor seconds are compared, for a machine is seldom idle; wall seconds
stand beside them.
"""

from __future__ import annotations

import argparse
import dataclasses
import statistics
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from benchmarks.machine import describe_machine, write_result
from benchmarks.rivals.zoo import (
    Setting,
    Stopwatch,
    Timed,
    lightning_epoch,
    lightning_frozen,
    plain_epoch,
    plain_frozen,
)
from layercut.data.cache import default_data_dir
from layercut.plan.jobs import Condition
from layercut.plan.preflight import CheckedPlan, plan_with_data
from layercut.plan.schedule import extract_jobs
from layercut.spec import parse_study
from layercut.stages.context import RunContext
from layercut.stages.extract import run_extract
from layercut.stages.inputs import trial_inputs
from layercut.stages.source import run_source
from layercut.stages.transfer import run_trial
from layercut.stages.trial import Trial, prepare_trial
from layercut.training.batches import Examples, chunk_size
from layercut.training.loop import train

MODELS = ("tf_efficientnet_lite0", "resnet18", "vit_small_patch16_224")
IMAGES = {"train": 24, "val": 12, "test": 12}
SIZE = (320, 256)
"""Width and height of the photographs."""

STUDY = """
name: zoo
source: {{random: true}}
target: {{dataset: folder, path: {folder}, image_size: {image_size}}}
model: {{name: timm/{model}}}
transfer:
  cuts: stages
  strategies: [freeze_reinit, finetune]
  replicates: 1
  training: {{lr: {lr}, epochs: {epochs}, patience: null, batch_size: {batch_size}}}
"""


class Contender(NamedTuple):
    """How someone does the two pieces of work."""

    epoch: Callable[[], Timed]
    frozen: Callable[[], Timed]
    frozen_again: Callable[[], Timed] | None = None


def write_photographs(folder: Path, seed: int = 0) -> None:
    """Write JPEG files of smooth noise, two classes."""
    generator = np.random.default_rng(seed)
    for split, number in IMAGES.items():
        for place in range(number):
            own = folder / split / ("even", "odd")[place % 2]
            own.mkdir(parents=True, exist_ok=True)
            coarse = generator.integers(0, 256, (8, 10, 3), dtype=np.uint8)
            Image.fromarray(coarse).resize(SIZE, Image.Resampling.BICUBIC).save(own / f"{place}.jpg", quality=90)


class Layercut:
    """One model of a study, its conditions run as a worker runs them."""

    def __init__(self, setting: Setting, folder: Path) -> None:
        """Plan the study, which decodes the images, and draw the source's values."""
        self._folder, self._num_runs = folder, 0
        text = STUDY.format(**setting._asdict())
        watch = Stopwatch()
        self._checked: CheckedPlan = plan_with_data(parse_study(text), default_data_dir(), folder / "cache", "float32")
        self.decoding = watch.read()
        self._finetune, self._frozen = (self._condition(name) for name in ("finetune", "freeze_reinit"))
        self._last = self._new_context()

    def epoch(self) -> Timed:
        """Time one epoch of training everything, with its validation."""
        condition = dataclasses.replace(self._finetune, training=dataclasses.replace(self._finetune.training, epochs=1))
        trial = prepare_trial(condition, 0, "zoo", self._last)
        training, validation = (self._examples(trial, name) for name in ("train", "validation"))
        watch = Stopwatch()
        train(trial.parts.body, training, validation, condition.training, trial.seeds.order, trial.parts.handling)
        return watch.read()

    def frozen(self) -> Timed:
        """Time a whole trial of a new head on a frozen model whose features nobody has computed."""
        self._last = self._new_context()
        watch = Stopwatch()
        for job in extract_jobs(
            self._checked.plan,
            {self._frozen.feature_set.key: [self._frozen.trunk]},
            {self._frozen.key},  # type: ignore[union-attr]
        ):
            for failure in run_extract(job, self._last):
                raise RuntimeError(failure)
        run_trial(self._frozen, 0, "zoo", self._last)
        return watch.read()

    def frozen_again(self) -> Timed:
        """Time the same trial where the features are stored."""
        watch = Stopwatch()
        run_trial(self._frozen, 0, "zoo", self._last)
        return watch.read()

    def trial_split(self, part: str) -> NDArray[np.int64]:
        """Return the positions of one part of the images that are trained on."""
        split = prepare_trial(self._finetune, 0, "zoo", self._last).split
        return {"train": split.train, "validation": split.validation}[part]

    def _condition(self, strategy: str) -> Condition:
        plan = self._checked.plan
        last = max(name.cut for name in plan.names)
        (name,) = [name for name in plan.names if (name.strategy, name.cut) == (strategy, last)]
        return next(condition for condition in plan.conditions if condition.key == name.condition)

    def _new_context(self) -> RunContext:
        self._num_runs += 1
        output_dir = self._folder / f"run{self._num_runs}"
        context = RunContext(output_dir, "cpu", self._checked.datasets, "environment", reraise=True)
        for job in self._checked.plan.sources:
            list(run_source(job, context))
        return context

    def _examples(self, trial: Trial, part: str) -> Examples:
        positions = getattr(trial.split, part)
        config, chunk = trial.condition.training, chunk_size(trial.condition.model.largest_features(0))
        inputs = trial_inputs(self._last, trial.task, config, "train", positions, None)
        return Examples(inputs, torch.as_tensor(trial.task.train_labels[positions]), chunk)


def measure(models: list[str], rounds: int, epochs: int, batch_size: int, image_size: int) -> list[dict[str, Any]]:
    """Return the seconds of each model, contender and piece of work, all rounds of it."""
    rows = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_photographs(folder / "photographs")
        for model in models:
            setting = Setting(folder / "photographs", model, image_size, batch_size, 1e-4, epochs)
            ours = Layercut(setting, folder / model)
            rows.append({"model": model, "decoding": ours.decoding._asdict()} | _rounds(setting, ours, rounds))
    return rows


def _rounds(setting: Setting, ours: Layercut, rounds: int) -> dict[str, Any]:
    contenders = {
        "layercut": Contender(ours.epoch, ours.frozen, ours.frozen_again),
        "plain": Contender(lambda: plain_epoch(setting), lambda: plain_frozen(setting)),
        "lightning": Contender(lambda: lightning_epoch(setting), lambda: lightning_frozen(setting)),
    }
    order = list(contenders)
    taken: dict[str, dict[str, list[Timed]]] = {}
    for number in range(-1, rounds):  # the first warms up
        for name in [*order[number % 3 :], *order[: number % 3]]:
            for work, run in contenders[name]._asdict().items():
                if run is not None and (number >= 0 or work == "epoch"):
                    timed = run()
                    if number >= 0:
                        taken.setdefault(work, {}).setdefault(name, []).append(timed)
    return {work: {name: _spread(timed) for name, timed in by_name.items()} for work, by_name in taken.items()}


def _spread(timed: list[Timed]) -> dict[str, Any]:
    cpu, wall = [one.cpu_seconds for one in timed], [one.seconds for one in timed]
    return {"cpu_seconds": statistics.median(cpu), "seconds": statistics.median(wall), "rounds": [*map(list, timed)]}


def render(rows: list[dict[str, Any]]) -> str:
    """Return a table of processor seconds, and how many times as many rivals take."""
    lines = [f"{'model':<24}{'work':<14}{'layercut':>10}{'plain':>18}{'lightning':>18}"]
    for row in rows:
        for work in ("epoch", "frozen", "frozen_again"):
            cells, ours = row[work], row[work]["layercut"]["cpu_seconds"]
            rivals = {name: row[work.removesuffix("_again")][name]["cpu_seconds"] for name in ("plain", "lightning")}
            told = "".join(f"{seconds:>10.2f} ({seconds / ours:4.1f})" for seconds in rivals.values())
            lines.append(f"{row['model']:<24}{work:<14}{cells['layercut']['cpu_seconds']:>10.2f}{told}")
    return "\n".join(lines)


def main() -> None:
    """Measure, print the table, write it down."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", nargs="+", default=list(MODELS))
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--epochs", type=int, default=5, help="Of the frozen trial.")
    parser.add_argument("--batch-size", type=int, default=8)
    parser.add_argument("--image-size", type=int, default=224)
    parser.add_argument("--output", type=Path)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    machine = describe_machine()
    rows = measure(arguments.models, arguments.rounds, arguments.epochs, arguments.batch_size, arguments.image_size)
    print(render(rows))
    what = {"images": IMAGES, "epochs": arguments.epochs, "batch_size": arguments.batch_size}
    path = write_result("zoo", what | {"image_size": arguments.image_size, "models": rows}, arguments.output, machine)
    print(f"written to {path}")


if __name__ == "__main__":
    main()
