"""Every strategy at the learning rate that pilots chose for it, beside seven of them at one rate.

    python -m benchmarks.treatments --cifar FOLDER --photographs FOLDER --weights FILE [--only cifar ants-bees]

Two studies: CIFAR-10 as JPEG, vehicles to animals at 1 % of the images, with a small CNN pretrained here; and
photographs of ants and bees at 10 % (`--fraction` for another), from ImageNet weights. Each is run twice into one
output folder, so that equal trials are trained once: at the middle rate alone, and with a list of three. Of each
strategy the best cut on validation images is shown, with its accuracy on test images and a 95 % interval over
replicates. Three comparisons are paired by replicate: each strategy at its chosen rate with itself at the middle one,
cut by cut; and the best of the strategies that are newer than the seven (and no other name of one of their trials),
at chosen rates, with the best of the seven at the middle rate, both best on validation.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd

from benchmarks.machine import describe_machine, write_result
from benchmarks.real_images import add_real_images
from layercut import load_results, run_study
from layercut.spec.load import make_study
from layercut.stats.contrast import paired_contrast
from layercut.stats.estimate import estimates

SEVEN = ("scratch", "freeze_reinit", "freeze", "reinit", "finetune", "freeze_truncate", "truncate")
"""At one rate: what there is to choose from without a search."""

NEWER = (
    "linear_probe", "lp_finetune", "norm_only", "bias_only", "train_block", "layer_decay", "l2_sp", "gradual_unfreeze",
)  # fmt: skip

POINT = ["strategy", "cut"]


class Treated(NamedTuple):
    """One study, and the rates that its conditions choose from."""

    study: Mapping[str, Any]
    """Of any one rate."""
    rates: tuple[float, float, float]

    def narrowed(self, design: Mapping[str, Any]) -> Treated:
        """Return the study with other values of its design; None keeps its own."""
        told = {name: value for name, value in design.items() if value is not None}
        return self._replace(study={**self.study, "transfer": {**self.study["transfer"], **told}})

    def at(self, rates: float | Sequence[float]) -> dict[str, Any]:
        """Return the study of one rate, or of a list."""
        transfer = self.study["transfer"]
        told = rates if isinstance(rates, float) else list(rates)
        return {**self.study, "transfer": {**transfer, "training": {**transfer["training"], "lr": told}}}


def studies(cifar: Path, photographs: Path, weights: Path, pixels: int) -> dict[str, Treated]:
    """Return the studies by name; the arguments are folders of images, a file of weights, and the size of images."""
    vehicles = {"dataset": "folder", "path": str(cifar), "image_size": 32,
                "classes": ["airplane", "automobile", "ship", "truck"]}  # fmt: skip
    small = {
        "name": "cifar",
        "source": vehicles,
        "target": {**vehicles, "classes": ["bird", "cat", "deer", "dog", "frog", "horse"]},
        "model": {"name": "plain_cnn", "depth": 4, "channels": 16, "pool_every": 2},
        "pretraining": {"lr": 2e-3, "batch_size": 64, "epochs": 4},
        "transfer": {
            "cuts": [2, 4],
            "strategies": [*SEVEN, *NEWER],
            "fractions": [0.01],
            "validation": "within",
            "replicates": 8,
            "training": {"epochs": 15, "min_steps": 120, "patience": 5, "batch_size": 32},
        },
    }
    pretrained = {
        "name": "ants-bees",
        "source": {"checkpoint": str(weights)},
        "target": {"dataset": "folder", "path": str(photographs), "image_size": pixels},
        "model": {"name": "timm/tf_efficientnet_lite0"},
        "normalization": {"mean": 0.5, "std": 0.5},
        "transfer": {
            "cuts": [12, 17, 18],
            "strategies": [*SEVEN, *NEWER],
            "fractions": [0.1],
            "validation": "full",
            "val_split": 0.2,
            "replicates": 5,
            "training": {"epochs": 10, "patience": 4, "batch_size": 8},
        },
    }
    return {"cifar": Treated(small, (5e-4, 2e-3, 8e-3)), "ants-bees": Treated(pretrained, (3e-4, 1e-3, 3e-3))}


def main() -> None:
    """Run what is missing, print the tables, write them down."""
    arguments = parse_arguments()
    machine = describe_machine()
    found = studies(*(path.resolve() for path in (arguments.cifar, arguments.photographs, arguments.weights)),
                    arguments.pixels)  # fmt: skip
    narrowed = {
        "strategies": arguments.strategies,
        "replicates": arguments.replicates,
        "fractions": None if arguments.fraction is None else [arguments.fraction],
    }
    result = {
        name: measure(found[name].narrowed(narrowed), arguments.runs / name, not arguments.one_rate)
        for name in arguments.only
    }
    print(render(result))
    what = {"pixels": arguments.pixels, "fraction": arguments.fraction, "studies": result}
    print(f"written to {write_result('treatments', what, arguments.output, machine)}")


def parse_arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_real_images(parser, required=True)
    parser.add_argument("--pixels", type=int, default=224, help="width and height of the photographs")
    parser.add_argument("--only", nargs="+", default=["cifar", "ants-bees"], choices=["cifar", "ants-bees"])
    parser.add_argument("--strategies", nargs="+", help="some of both kinds; all by default")
    parser.add_argument("--replicates", type=int, help="another number than the study's")
    parser.add_argument("--fraction", type=float, help="another share of the images than the study's")
    parser.add_argument("--one-rate", action="store_true", help="every strategy at the middle rate, without pilots")
    parser.add_argument("--runs", type=Path, default=Path("runs/treatments"), help="where the studies lie")
    parser.add_argument("--output", type=Path)
    return parser.parse_args()


def measure(treated: Treated, folder: Path, searched: bool) -> dict[str, Any]:
    """Run a study at the middle rate and, where rates are searched, with its list, resumably; judge both."""
    tables = []
    for rates in (treated.rates[1], treated.rates) if searched else (treated.rates[1],):
        summary = run_study(make_study(treated.at(rates)), folder, executor="serial", device="cpu")
        if summary.failed:
            raise RuntimeError(summary.describe())
        tables.append(load_results(folder))
    return {"rates": list(treated.rates if searched else treated.rates[1:2]), **judge(tables[0], tables[-1])}


def judge(at_one: pd.DataFrame, chosen: pd.DataFrame) -> dict[str, Any]:
    """Return both tables by strategy, each choice against the middle rate, and the best newer one against the seven."""
    newest, known = _best(chosen[~chosen["merged"]], NEWER), _best(at_one, SEVEN)
    return {
        "at_chosen_rates": [_shown(chosen, name) for name in _strategies(chosen)],
        "at_one_rate": [_shown(at_one, name) for name in _strategies(at_one)],
        "chosen_against_one": [
            _difference(chosen, at_one, point, point)
            for point in _points(chosen)
            if not chosen.loc[_rows(chosen, point), "learning_rate"].isna().all()
        ],
        "best_newer_against_best_of_seven": _difference(chosen, at_one, newest, known),
    }


def _strategies(table: pd.DataFrame) -> list[str]:
    return list(dict.fromkeys(table["strategy"]))


def _points(table: pd.DataFrame) -> list[tuple[str, int]]:
    """Return one name of each condition: equal trials are compared once."""
    own = table[~table["merged"]]
    return list(dict.fromkeys(zip(own["strategy"], own["cut"], strict=True)))


def _rows(table: pd.DataFrame, point: tuple[str, int]) -> pd.Series:
    return (table["strategy"] == point[0]) & (table["cut"] == point[1])


def _best(table: pd.DataFrame, strategies: Sequence[str]) -> tuple[str, int]:
    """Return the design point with the best validation accuracy, of equal ones the lowest log loss."""
    own = estimates(table[table["strategy"].isin(strategies)])
    row = own.sort_values(["mean_validation", "mean_validation_loss"], ascending=[False, True]).iloc[0]
    return str(row["strategy"]), int(row["cut"])


def _shown(table: pd.DataFrame, strategy: str) -> dict[str, Any]:
    """Return what a strategy yields at its best cut on validation images."""
    point = _best(table, [strategy])
    rows = estimates(table[_rows(table, point)]).iloc[0]
    rate = rows["learning_rate"]
    return {
        "strategy": strategy,
        "cut": point[1],
        "rate": None if pd.isna(rate) else float(rate),
        "replicates": int(rows["num_replicates"]),
        **{name: float(rows[name]) for name in ("mean", "low", "high", "mean_validation")},
    }


def _difference(
    ours: pd.DataFrame, theirs: pd.DataFrame, point: tuple[str, int], other: tuple[str, int]
) -> dict[str, Any]:
    """Return the paired difference in test accuracy of a point of one table to a point of another."""
    mine, yours = (
        table[_rows(table, at)].drop_duplicates("replicate").set_index("replicate").sort_index()
        for table, at in ((ours, point), (theirs, other))
    )
    contrast = paired_contrast(mine["test_accuracy"], yours["test_accuracy"].loc[mine.index])
    told = {"strategy": point[0], "cut": point[1], "rate": _rate(mine), "against_rate": _rate(yours)}
    if point != other:
        told |= {"against": other[0], "against_cut": other[1]}
    found = {"difference": contrast.mean_difference, "low": contrast.low, "high": contrast.high, "p": contrast.p}
    return told | {name: None if pd.isna(value) else float(value) for name, value in found.items()}


def _rate(rows: pd.DataFrame) -> float | None:
    rate = rows["learning_rate"].iloc[0]
    return None if pd.isna(rate) else float(rate)


def render(result: Mapping[str, Any]) -> str:
    """Return the tables in per cent and points."""
    lines = []
    for name, found in result.items():
        lines += ["", f"{name}, rates {', '.join(f'{rate:g}' for rate in found['rates'])}"]
        lines.append(f"{'strategy':<18}{'cut':>4}{'rate':>9}{'test':>8}  95 % interval{'at one rate':>14}")
        fixed = {row["strategy"]: row for row in found["at_one_rate"]}
        for row in sorted(found["at_chosen_rates"], key=lambda row: -row["mean"]):
            rate = "solved" if row["rate"] is None else f"{row['rate']:g}"
            interval = f"{100 * row['low']:.1f} to {100 * row['high']:.1f}"
            other = fixed[row["strategy"]]
            lines.append(
                f"{row['strategy']:<18}{row['cut']:>4}{rate:>9}{100 * row['mean']:>6.1f} %  {interval:<13}"
                f"{100 * other['mean']:>10.1f} %"
            )
        changed = [row for row in found["chosen_against_one"] if row["rate"] != row["against_rate"]]
        lines += [f"{len(changed)} of {len(found['chosen_against_one'])} conditions have another rate than the middle"]
        lines += [f"  {row['strategy']} at cut {row['cut']}, {row['rate']:g}: {_points_of(row)}" for row in changed]
        best = found["best_newer_against_best_of_seven"]
        lines.append(
            f"{best['strategy']} at cut {best['cut']} against {best['against']} at cut {best['against_cut']}: "
            f"{_points_of(best)}"
        )
    return "\n".join(lines)


def _points_of(row: Mapping[str, Any]) -> str:
    if row["low"] is None:
        return f"{100 * row['difference']:+.1f} points"
    return f"{100 * row['difference']:+.1f} points ({100 * row['low']:+.1f} to {100 * row['high']:+.1f})"


if __name__ == "__main__":
    main()
