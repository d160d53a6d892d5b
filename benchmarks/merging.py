"""What merging equal trials saves: all strategies at all cuts, with merging and with merging switched off.

    python -m benchmarks.merging [--data-dir DATA --weights regular_classes.pth]

36 design points: freeze_reinit, freeze, reinit, finetune and freeze_truncate at cuts 0..6, and scratch. Switched
off, every design point is a condition of its own; nothing else changes, stored features included. On
scikit-learn's digits from random weights, or on MNIST 0-4 -> 5-9 from published weights where they are given.
The accuracies of all 36 points must be the same in every bit either way.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any
from unittest.mock import patch

from benchmarks.children import Child, run_child
from benchmarks.layercut_study import finished_trials
from benchmarks.machine import describe_machine, write_result
from layercut import load_study, run_study
from layercut.strategies import STRATEGIES
from layercut.strategies.grid import GridStrategy

STUDY = """
name: merging
seed: 0
source: {source}
target: {target}
model: {{name: plain_cnn, depth: 6, channels: {channels}, kernel_size: 3, pool_every: 2}}
transfer:
  cuts: all
  strategies: [scratch, freeze_reinit, freeze, reinit, finetune, freeze_truncate]
  fractions: [{fraction}]
  replicates: {replicates}
  training: {{optimizer: adam, lr: 1e-3, epochs: {epochs}, patience: null, batch_size: 64}}
"""


def main() -> None:
    """Run both ways, alternating, and print the comparison; with `--switched-off` be one of the children."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    if "--study" in sys.argv:
        return _be_child(parser)
    parser.add_argument("--data-dir", type=Path, help="folder with MNIST in torchvision's layout")
    parser.add_argument("--weights", type=Path, help="regular_classes.pth of the published study")
    parser.add_argument("--replicates", type=int, default=2)
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--channels", type=int, default=64, help="of every convolution; 64 where weights are given")
    parser.add_argument("--fraction", type=float, help="of the training images [1.0 of digits, 0.05 of MNIST]")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--output", type=Path, help="instead of benchmarks/results/merging.json")
    arguments = parser.parse_args()
    machine = describe_machine()
    with tempfile.TemporaryDirectory() as name:
        study = Path(name) / "study.yaml"
        study.write_text(study_text(arguments), encoding="utf-8")
        rounds = [_round(study, Path(name), index, arguments.data_dir) for index in range(arguments.rounds)]
    result = compare([merged for merged, _ in rounds], [separate for _, separate in rounds])
    result["data"] = "mnist" if arguments.weights else "digits"
    print(render(result))
    print(f"written to {write_result('merging', result, arguments.output, machine)}")
    return None


def study_text(arguments: argparse.Namespace) -> str:
    """Return the study file."""
    mnist = arguments.weights is not None
    return STUDY.format(
        source=f"{{checkpoint: {arguments.weights.resolve()}}}" if mnist else "{random: true}",
        target="{dataset: mnist, classes: [5, 6, 7, 8, 9]}" if mnist else "{dataset: digits}",
        channels=64 if mnist else arguments.channels,
        fraction=arguments.fraction or (0.05 if mnist else 1.0),
        replicates=arguments.replicates,
        epochs=arguments.epochs,
    )


@contextmanager
def merging_switched_off() -> Iterator[None]:
    """Give every design point a condition of its own."""
    names = {id(STRATEGIES[name]): name for name in STRATEGIES.names()}

    def as_written(self: GridStrategy, cut: int, num_blocks: int, keep_hidden: bool) -> tuple[str, int, bool]:
        return names[id(self)], cut, True

    with patch.object(GridStrategy, "canonical", as_written):
        yield


def compare(merged: list[Child], separate: list[Child]) -> dict[str, Any]:
    """Return trials, seconds and whether all accuracies are equal."""
    ratios = [off.answer["run_seconds"] / on.answer["run_seconds"] for on, off in zip(merged, separate, strict=True)]
    return {
        "design_points": len({(row["strategy"], row["cut"]) for row in merged[0].answer["trials"]}),
        "merged": _side(merged),
        "switched_off": _side(separate),
        "times": {"median": statistics.median(ratios), "least": min(ratios), "greatest": max(ratios)},
        "accuracies_equal": _accuracies(merged[0]) == _accuracies(separate[0]),
    }


def render(result: dict[str, Any]) -> str:
    """Return the comparison as text."""
    times = result["times"]
    lines = [f"{result['design_points']} design points on {result['data']}"]
    for name in ("merged", "switched_off"):
        side = result[name]
        lines.append(f"  {name:<13} {side['trials_run']:>5} trials run  {side['seconds']:>8.1f} s")
    lines.append(f"  merging is {times['median']:.2f} times faster ({times['least']:.2f} - {times['greatest']:.2f})")
    lines.append(f"  accuracies of all design points equal: {result['accuracies_equal']}")
    return "\n".join(lines)


def _round(study: Path, folder: Path, index: int, data_dir: Path | None) -> tuple[Child, Child]:
    data: list[str | Path] = ["--data-dir", data_dir] if data_dir else []
    children = []
    for name, switch in (("merged", []), ("separate", ["--switched-off"])):
        output = folder / f"{name}-{index}"
        children.append(run_child("benchmarks.merging", "--study", study, "--output-dir", output, *data, *switch))
    return children[0], children[1]


def _be_child(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--study", type=Path, required=True)
    parser.add_argument("--output-dir", type=Path, required=True)
    parser.add_argument("--data-dir", type=Path)
    parser.add_argument("--switched-off", action="store_true")
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    spec = load_study(arguments.study)
    started = time.perf_counter()
    with merging_switched_off() if arguments.switched_off else nullcontext():
        summary = run_study(spec, arguments.output_dir, device="cpu", data_dir=arguments.data_dir)
    answer = {
        "run_seconds": time.perf_counter() - started,
        "num_trials": summary.num_trials,
        "trials": finished_trials(arguments.output_dir),
    }
    arguments.out.write_text(json.dumps(answer), encoding="utf-8")


def _side(children: list[Child]) -> dict[str, Any]:
    return {
        "trials_run": children[0].answer["num_trials"],
        "seconds": statistics.median(child.answer["run_seconds"] for child in children),
        "all_seconds": [child.answer["run_seconds"] for child in children],
    }


def _accuracies(child: Child) -> dict[tuple[str, int, int], tuple[float, float]]:
    return {
        (row["strategy"], row["cut"], row["replicate"]): (row["train_accuracy"], row["test_accuracy"])
        for row in child.answer["trials"]
    }


if __name__ == "__main__":
    main()
