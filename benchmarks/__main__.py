"""layercut and its rivals on the same trials, side by side: seconds, memory, accuracy, and the arithmetic floor.

    python -m benchmarks --data-dir DATA --weights regular_classes.pth

Each contender is a child process; contenders alternate (A B C, A B C, ...) so that what else the machine does
strikes all of them. Without `--full` a rival runs few whole trials, and in each round an epoch of every
condition; its study is extrapolated (see comparison.py), which the table says.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from importlib.util import find_spec
from pathlib import Path

from benchmarks.children import Child, run_child
from benchmarks.floor import Work, run_work
from benchmarks.layercut_study import run_layercut
from benchmarks.machine import describe_machine, write_result
from benchmarks.rivals import RIVALS
from benchmarks.rivals.trials import write_job
from benchmarks.slice import Slice, all_trials, rival_job, sampled_trials
from benchmarks.table import Measurements, render, summarize


def main() -> None:
    """Run the contenders, print the table, write it down."""
    arguments = parse_arguments()
    machine = describe_machine()
    work = Slice(
        arguments.data_dir,
        arguments.weights,
        cuts=tuple(arguments.cuts),
        with_scratch=not arguments.without_scratch,
        replicates=arguments.replicates,
        fraction=arguments.fraction,
        epochs=arguments.epochs,
        validate_epochs=arguments.validate_epochs,
    )
    started = time.perf_counter()
    measured = measure(work, arguments)
    result = summarize(work, measured)
    result["total_minutes"] = (time.perf_counter() - started) / 60
    print(render(result))
    print(f"written to {write_result('side_by_side', result, arguments.output, machine)}")


def parse_arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data-dir", type=Path, required=True, help="folder with MNIST in torchvision's layout")
    parser.add_argument("--weights", type=Path, required=True, help="regular_classes.pth of the published study")
    parser.add_argument("--cuts", type=int, nargs="+", default=[0, 1, 2, 3, 4, 5, 6])
    parser.add_argument("--without-scratch", action="store_true")
    parser.add_argument("--replicates", type=int, default=3)
    parser.add_argument("--fraction", type=float, default=0.01)
    parser.add_argument("--epochs", type=int, default=40)
    parser.add_argument(
        "--validate-epochs", choices=["all", "as_needed"], default="as_needed", help="of layercut; rivals validate all"
    )
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--only", nargs="+", choices=["layercut", *RIVALS], help="leave out other rivals")
    parser.add_argument(
        "--precision",
        nargs="+",
        choices=["float32", "bf16", "bf16_eval"],
        default=["float32"],
        help="of layercut; rivals compute in float32",
    )
    parser.add_argument("--workers", type=int, help="of layercut; a core each by default")
    parser.add_argument("--rival-trials", type=int, default=1, help="whole trials of each rival, spread over rounds")
    parser.add_argument("--full", action="store_true", help="rivals run every trial; nothing is extrapolated (hours)")
    parser.add_argument("--output", type=Path, help="instead of benchmarks/results/side_by_side.json")
    arguments = parser.parse_args()
    arguments.rivals = [name for name in RIVALS if arguments.only is None or name in arguments.only]
    if "lightning" in arguments.rivals and find_spec("lightning") is None:
        parser.error("the lightning rival needs the extra: pip install -e '.[bench]' (or leave it out with --only)")
    return arguments


def measure(work: Slice, arguments: argparse.Namespace) -> Measurements:
    """Run every contender in every round; the peak of the machine is measured before and after them."""
    ours: dict[str, list[Child]] = {precision: [] for precision in arguments.precision}
    rivals: dict[str, list[Child]] = {name: [] for name in arguments.rivals}
    floors: dict[str, Work] = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "study.yaml").write_text(work.study_text(), encoding="utf-8")
        rival_job(work, all_trials(work)[:1])  # the decoded dataset is in the cache before anybody is timed
        peaks = [_tell("the machine's peak", run_child("benchmarks.peak")).answer]
        for index in range(arguments.rounds):
            for precision, children in ours.items():
                run = folder / f"run-{precision}-{index}"
                children.append(_run_layercut(run, folder / "study.yaml", precision, work, arguments))
                if precision not in floors:
                    floors[precision] = run_work(run, work.data_dir)[0]
            for rival, children in rivals.items():
                children.append(_run_rival(rival, folder, index, work, arguments))
        peaks.append(_tell("the machine's peak", run_child("benchmarks.peak")).answer)
    return Measurements(ours, rivals, floors, peaks)


def _run_layercut(run: Path, study: Path, precision: str, work: Slice, arguments: argparse.Namespace) -> Child:
    workers = ["--workers", str(arguments.workers)] if arguments.workers else []
    child = run_layercut(study, run, work.data_dir, "--precision", precision, *workers)
    return _tell(f"layercut {precision}", child)


def _run_rival(rival: str, folder: Path, index: int, work: Slice, arguments: argparse.Namespace) -> Child:
    sample = sampled_trials(work, index, arguments.rounds, arguments.rival_trials)
    write_job(folder, rival_job(work, all_trials(work) if arguments.full else sample))
    return _tell(rival, run_child(RIVALS[rival], "--job", folder))


def _tell(name: str, child: Child) -> Child:
    print(f"{name}: {child.seconds:.1f} s", file=sys.stderr)
    return child


if __name__ == "__main__":
    main()
