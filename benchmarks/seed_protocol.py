"""MNIST 0-4 -> 5-9 from the published weights, with the published protocol, against the published means.

The layer-freezing study (mp-tl-study) reports mean accuracies for strategy FR, cuts 0..6, measured on the target's
training images. layercut runs the same protocol from the same weights and reports accuracy on MNIST's test images.
A mean agrees where it lies within three of its own standard errors, or 0.03, of the published one.

    python -m benchmarks.seed_protocol --data-dir DATA --weights regular_classes.pth --replicates 6
"""

from __future__ import annotations

import argparse
from pathlib import Path

import pandas as pd
from scipy.stats import spearmanr

from benchmarks.machine import RESULTS, describe_machine, write_result
from layercut import load_results, run_study
from layercut.spec import parse_study

PUBLISHED = {
    0.001: [0.657, 0.684, 0.706, 0.778, 0.818, 0.813, 0.779],
    0.01: [0.813, 0.790, 0.807, 0.878, 0.933, 0.916, 0.875],
}

STUDY = """
name: seed-protocol
seed: 0
source: {{checkpoint: {weights}, dataset: mnist, classes: [0, 1, 2, 3, 4]}}
target: {{dataset: mnist, classes: [5, 6, 7, 8, 9]}}
model: {{name: plain_cnn, depth: 6, channels: 64, kernel_size: 3, pool_every: 2}}
transfer:
  cuts: all
  strategies: [freeze_reinit]
  fractions: [0.001, 0.01]
  replicates: {replicates}
  validation: full
  training: {{optimizer: adam, lr: 1e-3, epochs: 40, patience: 6, batch_size: 4096}}
"""


def main() -> None:
    """Run the study (or finish it), print the table, write it down."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data-dir", type=Path, required=True, help="folder with MNIST in torchvision's layout")
    parser.add_argument("--weights", type=Path, required=True, help="regular_classes.pth of the published study")
    parser.add_argument("--replicates", type=int, default=6)
    parser.add_argument("--precision", choices=["float32", "bf16", "bf16_eval"], default="float32")
    parser.add_argument("--workers", type=int)
    parser.add_argument("--output-dir", type=Path, default=Path("runs/seed-protocol"))
    arguments = parser.parse_args()

    text = STUDY.format(weights=arguments.weights.resolve(), replicates=arguments.replicates)
    run_study(
        parse_study(text),
        arguments.output_dir,
        workers=arguments.workers,
        data_dir=arguments.data_dir,
        device="cpu",
        precision=arguments.precision,
    )
    table = compare(load_results(arguments.output_dir))
    text = table.to_string(index=False, float_format=lambda value: f"{value:.3f}")
    correlations = {
        fraction: spearmanr(rows["mean"], rows["published"]).statistic for fraction, rows in table.groupby("fraction")
    }
    lines = [
        text,
        *(f"rank correlation over cuts at {fraction:g}: {value:.2f}" for fraction, value in correlations.items()),
    ]
    print("\n".join(lines))
    result = {
        "replicates": arguments.replicates,
        "precision": arguments.precision,
        "rank_correlation": {f"{fraction:g}": value for fraction, value in correlations.items()},
        "rows": table.to_dict("records"),
    }
    path = RESULTS / f"seed_protocol_{arguments.precision}.json"
    print(f"written to {write_result('seed_protocol', result, path, describe_machine())}")


def compare(results: pd.DataFrame) -> pd.DataFrame:
    """Return one row a fraction and cut: our mean and its standard error beside the published mean."""
    rows = []
    for (fraction, cut), trials in results.groupby(["fraction", "cut"]):
        accuracy = trials["test_accuracy"]
        published = PUBLISHED[float(fraction)][int(cut)]
        difference = accuracy.mean() - published
        rows.append(
            {
                "fraction": fraction,
                "cut": cut,
                "n": len(trials),
                "mean": accuracy.mean(),
                "standard_error": accuracy.sem(),
                "published": published,
                "difference": difference,
                "agrees": bool(abs(difference) <= max(3 * accuracy.sem(), 0.03)),
            }
        )
    return pd.DataFrame(rows)


if __name__ == "__main__":
    main()
