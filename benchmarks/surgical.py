"""Which single block, trained alone, adapts best to changed inputs, and which to changed classes?

    python -m benchmarks.surgical [--replicates 20] [--images 40]

Lee et al. 2023, "Surgical Fine-Tuning Improves Adaptation to Distribution Shifts", report early blocks for changed
images and late ones for changed labels. Here a small CNN learns scikit-learn's digits 0-4, white on black; one target
is other images of the same digits in other colours (inputs), the other the digits 5-9 in the same colours (outputs).
Each block is trained alone with a new head (`train_block`), beside the head alone and everything, each at the learning
rate that pilots chose for it. Differences are paired by replicate, with the interval of the signed-rank test.

We differ from the paper in the head, which is new and always trained: what it can mend alone needs no block.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from PIL import Image
from sklearn.datasets import load_digits

from benchmarks.machine import describe_machine, write_result
from layercut import load_results, run_study
from layercut.spec import parse_study
from layercut.stats.contrast import paired_contrast

PAPER, INK = (255, 214, 0), (20, 20, 160)
"""Colours of the changed inputs."""

DEPTH = 4
STUDY = """
name: surgical
source: {{dataset: folder, path: {folder}/source}}
target:
  - {{dataset: folder, path: {folder}/inputs}}
  - {{dataset: folder, path: {folder}/outputs}}
model: {{name: plain_cnn, depth: {depth}, channels: 16, pool_every: 2}}
pretraining: {{lr: 3e-3, epochs: 40, batch_size: 32, threads: 1}}
transfer:
  cuts: all
  strategies: [train_block, finetune]
  fractions: [{fraction}]
  replicates: {replicates}
  validation: full
  val_split: 0.3
  training: {{lr: {rates}, epochs: 40, patience: 10, batch_size: 16}}
"""


def write_images(folder: Path, seed: int = 0) -> int:
    """Write source and targets as folders of PNG files; return how many images a target trains on at the most."""
    digits = load_digits()
    generator = np.random.default_rng(seed)
    shades = digits.images / 16.0
    order = generator.permutation(len(shades))
    low = [place for place in order if digits.target[place] < 5]
    high = [place for place in order if digits.target[place] >= 5]
    half = len(low) // 2
    plain: dict[str, tuple[list[int], bool]] = {
        "source": (low[:half], False),
        "inputs": (low[half:], True),
        "outputs": (high[:half], False),
    }
    for name, (places, coloured) in plain.items():
        for rank, place in enumerate(places):
            split = "test" if rank % 2 else "train"
            own = folder / name / split / str(digits.target[place])
            own.mkdir(parents=True, exist_ok=True)
            Image.fromarray(_pixels(shades[place], coloured)).save(own / f"{place}.png")
    return sum(1 for _ in (folder / "inputs" / "train").glob("*/*"))


def _pixels(shade: NDArray[np.float64], coloured: bool) -> NDArray[np.uint8]:
    paper, ink = (PAPER, INK) if coloured else ((0, 0, 0), (255, 255, 255))
    mixed = (1 - shade[..., None]) * np.array(paper) + shade[..., None] * np.array(ink)
    return mixed.round().astype(np.uint8)


def judge(table: pd.DataFrame) -> list[dict[str, Any]]:
    """Return each condition of each target with its mean, and its paired difference to the head alone."""
    rows = []
    for target, part in table.groupby("target", sort=False):
        accuracies = {name: own.sort_values("replicate")["test_accuracy"] for name, own in _named(part)}
        for name, own in accuracies.items():
            told = {
                "target": Path(str(target)).name,
                "trained": name,
                "mean": float(own.mean()),
                "replicates": len(own),
            }
            if name != "head":
                contrast = paired_contrast(own, accuracies["head"])
                told |= {"difference": contrast.mean_difference, "low": contrast.low, "high": contrast.high}
                told |= {"p": contrast.p}
            rows.append(told)
    return rows


def _named(part: pd.DataFrame) -> list[tuple[str, pd.DataFrame]]:
    blocks = part[part["strategy"] == "train_block"]
    named = [("head" if cut == 0 else f"block {cut}", own) for cut, own in blocks.groupby("cut")]
    everything = part[(part["strategy"] == "finetune") & (part["cut"] == part["cut"].max())]
    return [*named, ("everything", everything)]


def render(rows: list[dict[str, Any]]) -> str:
    """Return a table in per cent and points."""
    lines = [f"{'target':<10}{'trained':<12}{'test':>8}{'over the head alone':>28}"]
    for row in rows:
        interval = (
            f"{100 * row['difference']:+.1f} ({100 * row['low']:+.1f} to {100 * row['high']:+.1f})"
            if "p" in row
            else ""
        )
        lines.append(f"{row['target']:<10}{row['trained']:<12}{100 * row['mean']:>6.1f} %{interval:>28}")
    return "\n".join(lines)


def main() -> None:
    """Run the study, print the table, write it down."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--replicates", type=int, default=20)
    parser.add_argument("--images", type=int, default=40, help="Training images of a target.")
    parser.add_argument("--rates", type=float, nargs="+", default=[1e-3, 3e-3, 1e-2])
    parser.add_argument("--output", type=Path)
    arguments = parser.parse_args()
    machine = describe_machine()
    rows = measure(arguments.replicates, arguments.images, arguments.rates)
    print(render(rows))
    what = {"replicates": arguments.replicates, "images": arguments.images, "rates": arguments.rates}
    print(f"written to {write_result('surgical', what | {'rows': rows}, arguments.output, machine)}")


def measure(replicates: int, num_images: int, rates: list[float]) -> list[dict[str, Any]]:
    """Return the rows of `judge`."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        whole = write_images(folder)
        fraction = round(num_images / (0.7 * whole), 4)  # the rest of the 30 % are validation images
        text = STUDY.format(folder=folder, depth=DEPTH, fraction=fraction, replicates=replicates, rates=rates)
        run_study(parse_study(text), folder / "run", executor="serial")
        return judge(load_results(folder / "run"))


if __name__ == "__main__":
    main()
