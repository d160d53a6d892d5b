"""Peak memory of a study whose features are larger than the budget: `--memory` bounds it, results stay equal.

    python -m benchmarks.memory --data-dir DATA --weights regular_classes.pth

MNIST 0-4 -> 5-9, freeze_reinit at cuts 2..6, whose features take about a gigabyte. The study runs with no
budget (the base: what workers need without stored features), a small one and a large one. Peak memory is the
greatest sum over all processes, pages shared by several counted once, mapped features included.
"""

from __future__ import annotations

import argparse
import re
import sys
import tempfile
from pathlib import Path
from typing import Any

from benchmarks.children import Child
from benchmarks.layercut_study import run_layercut
from benchmarks.machine import describe_machine, write_result
from layercut.data.cache import default_cache_dir
from layercut.plan.preflight import plan_with_data
from layercut.spec import load_study

MEBIBYTE = 2**20
SLACK = 0.1
"""Share of the base by which a peak may scatter from run to run."""

STUDY = """
name: memory
seed: 0
source: {{checkpoint: {weights}}}
target: {{dataset: mnist, classes: [5, 6, 7, 8, 9]}}
model: {{name: plain_cnn, depth: 6, channels: 64, kernel_size: 3, pool_every: 2}}
transfer:
  cuts: {cuts}
  strategies: [freeze_reinit]
  fractions: [{fraction}]
  replicates: {replicates}
  validation: full
  training: {{optimizer: adam, lr: 1e-3, epochs: {epochs}, batch_size: 64}}
"""


def main() -> None:
    """Run the study under each budget, print the peaks, write them down."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data-dir", type=Path, required=True, help="folder with MNIST in torchvision's layout")
    parser.add_argument("--weights", type=Path, required=True, help="regular_classes.pth of the published study")
    parser.add_argument("--budgets", type=int, nargs="+", default=[0, 128, 4096], help="in MiB")
    parser.add_argument("--cuts", type=int, nargs="+", default=[2, 3, 4, 5, 6])
    parser.add_argument("--fraction", type=float, default=0.02)
    parser.add_argument("--replicates", type=int, default=2)
    parser.add_argument("--epochs", type=int, default=2)
    parser.add_argument("--output", type=Path, help="instead of benchmarks/results/memory.json")
    arguments = parser.parse_args()
    machine = describe_machine()
    with tempfile.TemporaryDirectory() as name:
        study = Path(name) / "study.yaml"
        study.write_text(study_text(arguments), encoding="utf-8")
        children = {}
        for budget in arguments.budgets:
            run = Path(name) / f"run-{budget}"
            child = run_layercut(study, run, arguments.data_dir, "--memory", f"{budget}M")
            print(f"budget {budget} MiB: {child.seconds:.1f} s", file=sys.stderr)
            children[budget] = (child, stored_bytes(run))
        result = summarize(children, feature_bytes(study, arguments.data_dir))
    print(render(result))
    print(f"written to {write_result('memory', result, arguments.output, machine)}")


def study_text(arguments: argparse.Namespace) -> str:
    """Return the study file."""
    return STUDY.format(
        weights=arguments.weights.resolve(),
        cuts=arguments.cuts,
        fraction=arguments.fraction,
        replicates=arguments.replicates,
        epochs=arguments.epochs,
    )


def feature_bytes(study: Path, data_dir: Path) -> int:
    """Return the size of all features that the study could store."""
    plan = plan_with_data(load_study(study), data_dir, default_cache_dir(), "float32").plan
    return sum(cost.num_bytes for _, costs in plan.feature_sets.values() for cost in costs)


def stored_bytes(run: Path) -> dict[str, int]:
    """Return the bytes of stored features by cut."""
    sizes: dict[str, int] = {}
    for path in sorted((run / "features").rglob("cut-*")):
        cut = re.match(r"cut-\d+", path.name)
        if cut:
            sizes[cut.group()] = sizes.get(cut.group(), 0) + path.stat().st_size
    return {cut: size for cut, size in sizes.items() if size}


def summarize(children: dict[int, tuple[Child, dict[str, int]]], whole_bytes: int) -> dict[str, Any]:
    """Return the peaks; each may exceed the first one's by its budget and a little scatter."""
    base = next(iter(children.values()))[0].peak_memory_bytes
    rows = [
        {
            "budget_bytes": budget * MEBIBYTE,
            "stored_bytes": sum(stored.values()),
            "stored_cuts": list(stored),
            "peak_memory_bytes": child.peak_memory_bytes,
            "peak_anonymous_bytes": child.peak_anonymous_bytes,
            "largest_process_bytes": child.largest_process_bytes,
            "seconds": child.seconds,
            "bounded": child.peak_memory_bytes <= base * (1 + SLACK) + budget * MEBIBYTE
            and sum(stored.values()) <= budget * MEBIBYTE,
            "records_hash": child.answer["records_hash"],
        }
        for budget, (child, stored) in children.items()
    ]
    return {
        "feature_bytes": whole_bytes,
        "runs": rows,
        "records_equal": len({row["records_hash"] for row in rows}) == 1,
    }


def render(result: dict[str, Any]) -> str:
    """Return the peaks as text."""
    lines = [
        f"features of all cuts: {result['feature_bytes'] / MEBIBYTE:,.0f} MiB",
        "budget MiB  stored MiB  peak MiB  of it anonymous  seconds  within base + budget",
    ]
    for row in result["runs"]:
        sizes = [row[f"{name}_bytes"] / MEBIBYTE for name in ("budget", "stored", "peak_memory", "peak_anonymous")]
        lines.append(
            f"{sizes[0]:>10,.0f}  {sizes[1]:>10,.0f}  {sizes[2]:>8,.0f}  {sizes[3]:>15,.0f}  {row['seconds']:>7.1f}  "
            f"{'yes' if row['bounded'] else 'NO'}"
        )
    lines.append(f"records equal under every budget: {result['records_equal']}")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
