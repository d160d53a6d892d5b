"""What this machine's cores can do in a model's own convolutions: the best sustained rate.

    python -m benchmarks.peak --out FILE

One thread a core, all cores at once, channels last, every different convolution of the model, forward alone and
forward with backward, at several batch sizes; the best of them is the peak that `floor_fraction` refers to.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from multiprocessing.synchronize import Barrier
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import nn

from benchmarks.layers import ConvShape, conv_shapes
from layercut.models.plain_cnn import PLAIN_CNN, PlainCnnOptions

BATCH_SIZES = (16, 32, 64, 128, 256)
SECONDS = 0.25
"""How long each setting runs."""


class Setting(NamedTuple):
    """One thing to measure."""

    shape: ConvShape
    batch_size: int
    backward: bool
    precision: str


def main() -> None:
    """Measure and write the rates."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=SECONDS, help="how long each setting runs")
    parser.add_argument("--batch-sizes", type=int, nargs="+", default=list(BATCH_SIZES))
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    shapes = conv_shapes(PLAIN_CNN.build(PlainCnnOptions(), (1, 28, 28), 5), (1, 28, 28))
    arguments.out.write_text(json.dumps(measure_peak(shapes, arguments.batch_sizes, arguments.seconds), indent=2))


def measure_peak(shapes: list[ConvShape], batch_sizes: list[int], seconds: float) -> dict[str, Any]:
    """Return FLOP/s of all cores together: `float32` and `bfloat16` peaks, and the best rate of each convolution."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    settings = list(_settings(shapes, batch_sizes))
    context = multiprocessing.get_context("spawn")
    barrier = context.Barrier(cores)
    with ProcessPoolExecutor(cores, context, initializer=_start, initargs=(barrier,)) as pool:
        futures = [pool.submit(_measure_all, settings, seconds) for _ in range(cores)]
        rates = [sum(each) for each in zip(*(future.result() for future in futures), strict=True)]
    measured = list(zip(settings, rates, strict=True))
    best = {
        precision: max((row for row in measured if row[0].precision == precision), key=lambda row: row[1])
        for precision in ("float32", "bfloat16")
    }
    by_layer = {
        f"{shape} {direction} {precision}": max(
            rate
            for setting, rate in measured
            if (setting.shape, setting.backward, setting.precision) == (shape, direction == "backward", precision)
        )
        for shape in shapes
        for direction, precision in (("forward", "float32"), ("backward", "float32"), ("forward", "bfloat16"))
    }
    return {
        "cores": cores,
        "flops_per_second": {precision: rate for precision, (_, rate) in best.items()},
        "reached_by": {precision: describe(setting) for precision, (setting, _) in best.items()},
        "by_layer": by_layer,
    }


def describe(setting: Setting) -> str:
    """Return a setting in words."""
    direction = "forward and backward" if setting.backward else "forward"
    return f"{setting.shape}, {direction}, batch {setting.batch_size}"


def _settings(shapes: list[ConvShape], batch_sizes: list[int]) -> Iterator[Setting]:
    for shape in shapes:
        for batch_size in batch_sizes:
            yield Setting(shape, batch_size, False, "float32")
            yield Setting(shape, batch_size, True, "float32")
            yield Setting(shape, batch_size, False, "bfloat16")


_barrier: Barrier


def _start(barrier: Barrier) -> None:
    global _barrier  # noqa: PLW0603 - a pool's worker has no other place for it
    _barrier = barrier
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)


def _measure_all(settings: list[Setting], seconds: float) -> list[float]:
    """Return this core's FLOP/s for each setting, while every other core does the same one."""
    rates = []
    for setting in settings:
        step = _step(setting)
        step()
        _barrier.wait()
        count, started = 0, time.perf_counter()
        while (elapsed := time.perf_counter() - started) < seconds:
            step()
            count += 1
        passes = 3 if setting.backward else 1
        rates.append(count * passes * setting.shape.flops * setting.batch_size / elapsed)
    return rates


def _step(setting: Setting) -> Any:
    shape, dtype = setting.shape, getattr(torch, setting.precision)
    conv = nn.Conv2d(shape.in_channels, shape.out_channels, shape.kernel_size, padding=shape.padding)
    conv = conv.to(dtype=dtype, memory_format=torch.channels_last)
    images = torch.randn(setting.batch_size, shape.in_channels, shape.side, shape.side, dtype=dtype)
    images = images.to(memory_format=torch.channels_last)
    if not setting.backward:

        @torch.inference_mode()
        def forward() -> None:
            conv(images)

        return forward
    images.requires_grad_(True)
    gradient = torch.ones_like(conv(images))

    def forward_and_backward() -> None:
        conv(images).backward(gradient)
        images.grad = conv.weight.grad = conv.bias.grad = None

    return forward_and_backward


if __name__ == "__main__":
    main()
