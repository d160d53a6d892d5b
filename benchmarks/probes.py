"""Seconds of every probe on activations of a network's size: seven places, 500 images.

    python -m benchmarks.probes

Places are 64 channels of 28 x 28, 28 x 28, 14 x 14, 14 x 14, 7 x 7 and 7 x 7, and a dense layer of 128 units, of ten
classes. `together`: all probes of a place one after the other, as a study runs them, so that matrices between images
are computed once; the first that needs one pays for it. `alone`: with nothing remembered. Medians over rounds.
Everything runs on one thread, torch, numpy and scikit-learn alike, as the probes of a study do: several libraries with
a pool of threads each wait for each other on a busy machine. Seconds of the processor stand beside those of the clock.
"""

from __future__ import annotations

import argparse
import statistics
import time
from pathlib import Path
from typing import Any

import torch
from threadpoolctl import threadpool_limits

from benchmarks.machine import describe_machine, write_result
from layercut.probes import PROBES
from layercut.probes.base import Activations

PLACES = {
    "conv0": (64, 28, 28),
    "conv1": (64, 28, 28),
    "conv2": (64, 14, 14),
    "conv3": (64, 14, 14),
    "conv4": (64, 7, 7),
    "conv5": (64, 7, 7),
    "dense": (128,),
}
MOST_SECONDS = 20.0
"""Of all probes on all places, on two cores."""
SEPARATION = 0.3
"""Of class means, in standard deviations of a unit."""


def main() -> None:
    """Time the probes, print the table, write it down."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=500)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=1, help="of every library")
    parser.add_argument("--only", nargs="+", choices=PROBES.names(), help="leave out other probes")
    parser.add_argument("--output", type=Path, help="instead of benchmarks/results/probes.json")
    arguments = parser.parse_args()
    machine = describe_machine()
    torch.set_num_threads(arguments.threads)
    names = arguments.only or PROBES.names()
    with threadpool_limits(arguments.threads):
        measured = measure(names, arguments.images, arguments.rounds)
    about = {"num_images": arguments.images, "threads": arguments.threads, "most_seconds": MOST_SECONDS}
    result = about | measured
    print(render(result))
    print(f"written to {write_result('probes', result, arguments.output, machine)}")


def measure(names: list[str], num_images: int, num_rounds: int) -> dict[str, Any]:
    """Return seconds by probe and place, in each way, and their totals."""
    places = {place: made_up(shape, num_images, seed) for seed, (place, shape) in enumerate(PLACES.items())}
    run(names, made_up((64, 7, 7), num_images, seed=0))  # imports and threads are there before anybody is timed
    together, alone, processor = [], [], []
    for _ in range(num_rounds):
        started = time.process_time()
        together.append({place: run(names, forgotten(given)) for place, given in places.items()})
        processor.append(time.process_time() - started)
        alone.append(
            {place: {name: run([name], forgotten(given))[name] for name in names} for place, given in places.items()}
        )
    return {
        "rounds": {"together": together, "alone": alone},
        "together": medians(names, together),
        "alone": medians(names, alone),
        "total_seconds": statistics.median(
            sum(sum(seconds.values()) for seconds in measured.values()) for measured in together
        ),
        "total_processor_seconds": statistics.median(processor),
    }


def run(names: list[str], given: Activations) -> dict[str, float]:
    """Return the seconds of each probe in turn."""
    seconds = {}
    for name in names:
        probe = PROBES[name]
        started = time.perf_counter()
        probe(given, probe.options())
        seconds[name] = time.perf_counter() - started
    return seconds


def forgotten(given: Activations) -> Activations:
    """Return the same values in new tensors, of which nothing is remembered."""
    assert given.reference is not None  # noqa: S101 - says so to the type checker
    return given._replace(features=given.features.clone(), reference=given.reference.clone())


def made_up(shape: tuple[int, ...], num_images: int, seed: int) -> Activations:
    """Return rectified Gaussian features about ten class means."""
    draw = torch.Generator().manual_seed(seed)
    labels = torch.arange(num_images) % 10
    means = SEPARATION * torch.randn(10, *shape, generator=draw)
    features, reference = (torch.relu(torch.randn(num_images, *shape, generator=draw) + means[labels]) for _ in "ab")
    logits = torch.randn(num_images, 10, generator=draw)
    return Activations(features, labels, 10, seed, logits, reference, {"weight": torch.randn(64, 576, generator=draw)})


def medians(names: list[str], rounds: list[dict[str, dict[str, float]]]) -> dict[str, dict[str, float]]:
    """Return the median seconds of each probe by place."""
    return {name: {place: statistics.median(r[place][name] for r in rounds) for place in PLACES} for name in names}


def render(result: dict[str, Any]) -> str:
    """Return the table, dearest probe first."""
    lines = [f"{'seconds':<24}" + "".join(f"{place:>8}" for place in PLACES) + f"{'all':>8}{'alone':>8}"]
    rows = sorted(result["together"].items(), key=lambda row: -sum(row[1].values()))
    for name, seconds in rows:
        whole, alone = sum(seconds.values()), sum(result["alone"][name].values())
        lines.append(
            f"{name:<24}" + "".join(f"{seconds[place]:>8.2f}" for place in PLACES) + f"{whole:>8.2f}{alone:>8.2f}"
        )
    lines.append(
        f"all probes, {result['threads']} thread(s): {result['total_seconds']:.1f} s, of the processor "
        f"{result['total_processor_seconds']:.1f} s (goal: {MOST_SECONDS:.0f} s on two cores)"
    )
    return "\n".join(lines)


if __name__ == "__main__":
    main()
