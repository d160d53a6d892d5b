"""Whole published studies on a GPU, replicates of a condition trained as one model.

    python -m benchmarks.gpu_studies --data-dir DATA [--cifar-folder IMAGES] [--only mnist] [--no-stack]

MNIST 0-4 -> 5-9 and CIFAR-10 vehicles -> animals with the protocol of the layer-freezing study (mp-tl-study):
strategy FR at cuts 0..6 and training from scratch, five fractions, 25, 25, 20, 5 and 5 replicates: 640 nominal
trials. Training the source counts; decoding the images and starting Python do not. `--cifar-folder` takes the images
from `train/CLASS/*` and `test/CLASS/*` instead of the original files.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path
from typing import Any

import torch

from benchmarks.level_clock import LevelClock
from benchmarks.machine import describe_machine, write_result
from layercut import load_results, run_study
from layercut.data.cache import default_cache_dir
from layercut.plan.preflight import plan_with_data
from layercut.plan.summary import summarize
from layercut.spec import StudySpec, parse_study

STUDY = """
name: {name}
seed: 0
source: {{{dataset}, classes: {source}}}
target: {{{dataset}, classes: {target}}}
model: {{name: plain_cnn, depth: 6, channels: 64, kernel_size: 3, pool_every: 2}}
pretraining: {{optimizer: adam, lr: 1e-3, epochs: 40, patience: 6, batch_size: 64}}
transfer:
  cuts: all
  strategies: [scratch, freeze_reinit]
  fractions: [0.001, 0.01, 0.1, 0.5, 1.0]
  replicates: {{up_to: {{0.01: 25, 0.1: 20, 1.0: 5}}}}
  validation: full
  training: {{optimizer: adam, lr: 1e-3, epochs: 40, patience: 6, batch_size: 64}}
"""
VEHICLES, ANIMALS = ["airplane", "automobile", "ship", "truck"], ["bird", "cat", "deer", "dog", "frog", "horse"]


def main() -> None:
    """Run the studies, print the times, write them down."""
    arguments = parse_arguments()
    if not torch.cuda.is_available():
        raise SystemExit("benchmarks.gpu_studies measures a GPU, and torch finds none on this machine")
    machine = describe_machine() | {"gpu": torch.cuda.get_device_name(), "cuda": torch.version.cuda}
    specs = {name: study(name, arguments.cifar_folder) for name in arguments.only}
    rows = [measure(spec, arguments) for spec in specs.values()]
    print(render(machine["gpu"], rows))
    print(f"written to {write_result('gpu_studies', {'studies': rows}, arguments.output, machine)}")


def parse_arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data-dir", type=Path, required=True, help="folder with MNIST in torchvision's layout")
    parser.add_argument("--cifar-folder", type=Path, help="CIFAR-10 as image files; else from --data-dir")
    parser.add_argument("--only", nargs="+", choices=["mnist", "cifar10"], default=["mnist", "cifar10"])
    parser.add_argument("--precision", choices=["float32", "bf16", "bf16_eval"], default="float32")
    parser.add_argument("--stack", action=argparse.BooleanOptionalAction, default=True)
    parser.add_argument("--workers", type=int, default=1, help="processes that share the GPU")
    parser.add_argument("--output", type=Path, help="instead of benchmarks/results/gpu_studies.json")
    return parser.parse_args()


def study(name: str, cifar_folder: Path | None = None) -> StudySpec:
    """Return one of the two studies."""
    if name == "mnist":
        halves = {"source": [0, 1, 2, 3, 4], "target": [5, 6, 7, 8, 9]}
        return parse_study(STUDY.format(name="gpu-mnist", dataset="dataset: mnist", **halves))
    images = f"dataset: folder, path: {cifar_folder.resolve()}" if cifar_folder else "dataset: cifar10"
    return parse_study(STUDY.format(name="gpu-cifar10", dataset=images, source=VEHICLES, target=ANIMALS))


def measure(spec: StudySpec, arguments: argparse.Namespace) -> dict[str, Any]:
    """Run a study in a new folder and return its times and accuracies."""
    checked = plan_with_data(
        spec, arguments.data_dir, default_cache_dir(), arguments.precision, stacked=arguments.stack
    )
    sizes = summarize(spec, checked.plan)
    clock = LevelClock()
    with tempfile.TemporaryDirectory() as output_dir:
        started = time.perf_counter()
        summary = run_study(
            spec,
            output_dir,
            device="cuda",
            precision=arguments.precision,
            stack=arguments.stack,
            workers=arguments.workers,
            data_dir=arguments.data_dir,
            progress=clock,
        )
        seconds = time.perf_counter() - started
        results = load_results(output_dir)
    means = results.groupby(["strategy", "cut", "fraction"])["test_accuracy"].mean()
    return {
        "study": spec.name,
        "precision": arguments.precision,
        "stacked": arguments.stack,
        "workers": arguments.workers,
        "trials_nominal": sizes["trials_nominal"],
        "trials_distinct": sizes["trials_distinct"],
        "jobs": sizes["jobs_by_level"][-1]["jobs"],
        "seconds": seconds,
        "seconds_by_level": clock.seconds,
        "num_finished": summary.num_finished,
        "failed": summary.failed,
        "epochs_run": int(results.loc[~results["merged"], "num_epochs"].sum()),
        "records_hash": summary.records_hash,
        "mean_test_accuracy": [
            {"strategy": strategy, "cut": cut, "fraction": fraction, "mean": mean}
            for (strategy, cut, fraction), mean in means.items()
        ],
    }


def render(gpu: str, rows: list[dict[str, Any]]) -> str:
    """Return the times as text."""
    lines = [gpu, "study          precision  stacked  trials  jobs   seconds  of it sources, features, trials"]
    for row in rows:
        levels = ", ".join(f"{row['seconds_by_level'].get(name, 0):.1f}" for name in ("sources", "features", "trials"))
        lines.append(
            f"{row['study']:<13}  {row['precision']:<9}  {'yes' if row['stacked'] else 'no':<7}  "
            f"{row['trials_nominal']:>6}  {row['jobs']:>4}  {row['seconds']:>8.1f}  {levels}"
        )
    return "\n".join(lines)


if __name__ == "__main__":
    main()
