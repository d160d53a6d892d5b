"""Where an epoch of fine-tuning a real model goes, in layercut and in a plain PyTorch loop, by operator.

    python -m benchmarks.zoo_profile [--model vit_small_patch16_224]

The epoch is that of `benchmarks.zoo`, under `torch.profiler`, after one that warms up. Shares are of the time of all
operators, each without those that it calls; seconds of the clock, so on a busy machine only the shares say something.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable
from pathlib import Path

import torch
from torch.profiler import ProfilerActivity, profile

from benchmarks.machine import describe_machine, write_result
from benchmarks.rivals.zoo import Setting, plain_epoch
from benchmarks.zoo import Layercut, write_photographs

SHOWN = 12
"""Operators, the longest first."""


def shares(epoch: Callable[[], object]) -> dict[str, float]:
    """Return the share of each operator of an epoch's time, the largest first."""
    epoch()
    with profile(activities=[ProfilerActivity.CPU]) as profiled:
        epoch()
    own = {row.key: float(row.self_cpu_time_total) for row in profiled.key_averages()}
    total = sum(own.values())
    return {name: own[name] / total for name in sorted(own, key=lambda name: -own[name])}


def main() -> None:
    """Profile both, print them side by side, write them down."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="vit_small_patch16_224")
    parser.add_argument("--image-size", type=int, default=224)
    parser.add_argument("--batch-size", type=int, default=8)
    parser.add_argument("--output", type=Path)
    arguments = parser.parse_args()
    machine = describe_machine()
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_photographs(folder / "photographs")
        setting = Setting(
            folder / "photographs", arguments.model, arguments.image_size, arguments.batch_size, 1e-4, epochs=1
        )
        ours = shares(Layercut(setting, folder / "layercut").epoch)
        plain = shares(lambda: plain_epoch(setting))
    print(f"{'operator':<60}layercut   plain")
    for operator in list(ours)[:SHOWN]:
        print(f"{operator:<60}{100 * ours[operator]:>6.1f} %{100 * plain.get(operator, 0.0):>6.1f} %")
    kept = {"layercut": dict(list(ours.items())[:SHOWN]), "plain": dict(list(plain.items())[:SHOWN])}
    print(f"written to {write_result('zoo_profile', {'model': arguments.model, **kept}, arguments.output, machine)}")


if __name__ == "__main__":
    main()
