"""What Ray adds to worker processes: the same study by both, alternating, on a cluster of two nodes of this machine.

    python -m benchmarks.ray_overhead

Each node has one core and `processes` has two workers. Jobs are single trials of a second and more on scikit-learn's
digits. The cluster is up before the clock starts, as it is on a real one; connecting to it, checking its nodes and
starting workers there (each imports torch) count, and so does starting the worker processes.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.level_clock import LevelClock
from benchmarks.machine import describe_machine, write_result
from layercut import load_results, run_study
from layercut.spec import StudySpec, parse_study

MOST_OVERHEAD = 0.10

STUDY = """
name: ray-overhead
seed: 0
source: {{random: true}}
target: {{dataset: digits}}
model: {{name: plain_cnn, depth: 4, channels: 64, kernel_size: 3, pool_every: 2}}
transfer:
  cuts: all
  strategies: [reinit]
  fractions: [1.0]
  replicates: {replicates}
  training: {{lr: 1e-3, epochs: {epochs}, batch_size: 64}}
"""


def main() -> None:
    """Run the study by both executors, print the table, write it down."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3, help="runs of each executor")
    parser.add_argument("--replicates", type=int, default=8)
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--output", type=Path, help="JSON file; benchmarks/results/ray_overhead.json by default")
    arguments = parser.parse_args()
    machine = describe_machine()
    result = measure(
        parse_study(STUDY.format(replicates=arguments.replicates, epochs=arguments.epochs)), arguments.rounds
    )
    print(render(result))
    print(f"written to {write_result('ray_overhead', result, arguments.output, machine)}")


def measure(spec: StudySpec, num_rounds: int) -> dict[str, Any]:
    """Run the study by each executor so many times, the order changing from round to round."""
    from ray.cluster_utils import Cluster

    started = time.perf_counter()
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False})
    try:
        cluster.add_node(num_cpus=1)
        cluster_seconds = time.perf_counter() - started
        runs = []
        for number in range(num_rounds):
            contenders: list[tuple[str, str | None]] = [("processes", None), ("ray", cluster.address)]
            for executor, address in contenders if number % 2 == 0 else reversed(contenders):
                runs.append({"round": number, "executor": executor, **run_once(spec, executor, address)})
    finally:
        cluster.shutdown()
    medians = {
        name: {part: median(runs, name, part) for part in ("seconds", "trials_seconds", "seconds_a_trial")}
        for name in ("processes", "ray")
    }
    return {
        "num_trials": runs[0]["num_trials"],
        "cluster_start_seconds": cluster_seconds,
        "medians": medians,
        "overhead": {
            part: medians["ray"][part] / medians["processes"][part] - 1 for part in ("seconds", "trials_seconds")
        },
        "equal_records": len({run["records_hash"] for run in runs}) == 1,
        "runs": runs,
    }


def run_once(spec: StudySpec, executor: str, address: str | None) -> dict[str, Any]:
    """Run the study into a new folder."""
    clock = LevelClock()
    with tempfile.TemporaryDirectory() as folder:
        started = time.perf_counter()
        summary = run_study(spec, folder, executor=executor, address=address, workers=2, device="cpu", progress=clock)
        seconds = time.perf_counter() - started
        trials = load_results(folder).drop_duplicates("key")
        seconds_a_trial = float(trials["wall_seconds"].mean())
    return {
        "seconds": seconds,
        "trials_seconds": clock.seconds["trials"],
        "seconds_a_trial": seconds_a_trial,
        "num_trials": summary.num_finished,
        "records_hash": summary.records_hash,
    }


def median(runs: list[dict[str, Any]], executor: str, part: str) -> float:
    """Return the median over an executor's runs."""
    return statistics.median(run[part] for run in runs if run["executor"] == executor)


def render(result: dict[str, Any]) -> str:
    """Return the table."""
    lines = [f"{'':12}{'whole run':>12}{'trials':>12}{'a trial':>12}   (median seconds)"]
    for name, row in result["medians"].items():
        lines.append(f"{name:12}{row['seconds']:12.1f}{row['trials_seconds']:12.1f}{row['seconds_a_trial']:12.2f}")
    whole, trials = result["overhead"]["seconds"], result["overhead"]["trials_seconds"]
    lines.append(f"{'overhead':12}{whole:12.1%}{trials:12.1%}   at most {MOST_OVERHEAD:.0%}")
    lines.append(
        f"{result['num_trials']} trials a run; records {'equal' if result['equal_records'] else 'DIFFER'}; "
        f"starting the cluster took {result['cluster_start_seconds']:.1f} s, not counted"
    )
    return "\n".join(lines)


if __name__ == "__main__":
    main()
