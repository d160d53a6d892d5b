"""What `layercut recommend` loses of the best of studies that were run as a whole, at a share of their seconds.

    python -m benchmarks.recommend --runs RUNS --cifar FOLDER --photographs FOLDER --weights FILE --data-dir DATA
    python -m benchmarks.recommend RUN ...       # recommendations of your own, finished with `layercut run RUN`

The first runs what is missing of the studies in `studies.py`, resumably, and replays them. Each decision is taken anew
from the records, by their measured seconds, one trial at a time, under a prior that was built without any study of the
same data set or of the same model; a RUN of your own is judged with the table that layercut ships. Solved heads come
first and are paid for whatever the share is.

Beside it: the prior alone (what it expects to be best after the solved heads, trained unjudged), solved heads alone,
trainings in a random order, paired successive halving, discarding after one epoch, a solved head at the cut that a
probe likes best, the condition that was best in the other studies, and everything. Each is replayed for six users: the
orders of the replicates.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.machine import describe_machine, write_result
from benchmarks.real_images import add_real_images
from benchmarks.recommend.folders import Places
from benchmarks.recommend.judging import best_fixed, judge, over_studies
from benchmarks.recommend.measure import measure
from benchmarks.recommend.measured import Measured, of_recommendation
from benchmarks.recommend.probed import probe
from benchmarks.recommend.rules import RULES, probes_choice
from benchmarks.recommend.studies import STUDIES
from layercut.priors.learned import learned_from
from layercut.priors.losses import Loss, write_losses
from layercut.priors.table import Gain, Gains, shipped_gains, write_gains

SHARES = (0.05, 0.1, 0.2, 0.5)


def main() -> None:
    """Measure what is missing, replay, print the table, write it down."""
    arguments = parse_arguments()
    machine = describe_machine()
    studies, gains = read_all(arguments)
    rows = [
        judge(study, *_known(study, studies, gains), share) for share in arguments.shares for study in studies.values()
    ]
    summary = {str(share): over_studies(_at(rows, share)) for share in arguments.shares}
    print(render(rows, summary))
    if arguments.gains:
        write_gains(arguments.gains, [gain for own in gains.values() for gain in own])
    if arguments.losses:
        losses = [Loss(row["study"], row["images"], row["share"], row["rules"]["recommend"]["regret"]) for row in rows]
        write_losses(arguments.losses, losses)
    print(f"written to {write_result('recommend', {'over_studies': summary, 'rows': rows}, arguments.output, machine)}")


def parse_arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("own", type=Path, nargs="*", metavar="RUN", help="recommendations of your own, finished")
    parser.add_argument("--runs", type=Path, help="where the studies lie, or are to be run")
    add_real_images(parser, required=False)
    parser.add_argument("--data-dir", type=Path, help="folder with MNIST in torchvision's layout")
    parser.add_argument("--only", nargs="+", help="studies of these names")
    parser.add_argument("--finished", action="store_true", help="replay what is there, and run nothing")
    parser.add_argument("--shares", type=float, nargs="+", default=list(SHARES))
    parser.add_argument("--gains", type=Path, help="also write what all studies teach, the shipped table")
    parser.add_argument("--losses", type=Path, help="also write what the answer of `layercut recommend` cites, a CSV")
    parser.add_argument("--output", type=Path)
    return parser.parse_args()


def read_all(arguments: argparse.Namespace) -> tuple[dict[str, Measured], dict[str, Gains]]:
    """Return the studies, and what each would teach others; of a user's own runs nothing."""
    places = Places(arguments.data_dir, arguments.cifar, arguments.photographs, arguments.weights)
    studies: dict[str, Measured] = {}
    gains: dict[str, Gains] = {}
    for study in STUDIES if arguments.runs else ():
        run = arguments.runs / study.name
        if (arguments.only and study.name not in arguments.only) or (
            arguments.finished and not (run / "finished").exists()
        ):
            continue
        run = measure(study, arguments.runs, places)
        found = of_recommendation(run, study.data, study.model)
        studies[study.name], gains[study.name] = _probed(found, run, places), learned_from([run])
    for run in arguments.own:
        studies[str(run)] = _probed(of_recommendation(run, "", ""), run, places)
    return studies, gains


def _probed(study: Measured, run: Path, places: Places) -> Measured:
    return study._replace(probed=probe(run, places.data_dir))


def _known(
    study: Measured, studies: Mapping[str, Measured], gains: Mapping[str, Gains]
) -> tuple[Sequence[Gain], dict[str, Any]]:
    """Return what a prior may know that judges a study, and the rules beside it."""
    rules = RULES | {name: probes_choice(name) for name in study.probed}
    if not study.data:
        return shipped_gains(), rules
    others = [name for name, other in studies.items() if name in gains and not _related(study, other)]
    fixed = {"best elsewhere": best_fixed([studies[name] for name in others])} if others else {}
    return [gain for name in others for gain in gains[name]], {**rules, **fixed}


def _related(one: Measured, other: Measured) -> bool:
    return one.data == other.data or one.model == other.model


def _at(rows: Sequence[Mapping[str, Any]], share: float) -> list[Mapping[str, Any]]:
    return [row for row in rows if row["share"] == share]


def render(rows: Sequence[Mapping[str, Any]], summary: Mapping[str, Any]) -> str:
    """Return the tables: regret in points of each rule by study, then over studies."""
    lines = []
    for share, over in summary.items():
        lines += ["", f"regret in points at {100 * float(share):g} % of the study's seconds"]
        lines.append(f"{'study':<32}" + "".join(f"{name:>20}" for name in over))
        for row in _at(rows, float(share)):
            cells = (f"{row['rules'][name]['regret']:.2f}" if name in row["rules"] else "" for name in over)
            lines.append(f"{row['study']:<32}" + "".join(f"{cell:>20}" for cell in cells))
        for what in ("mean", "greatest"):
            lines.append(f"{what:<32}" + "".join(f"{one[what]:>20.2f}" for one in over.values()))
        worst = max(_at(rows, float(share)), key=lambda row: row["rules"]["recommend"]["regret"])
        lines.append(
            f"the worst: {worst['study']}, where {worst['best']} is best and takes {worst['best_seconds']:.1f} s of "
            f"a budget of {worst['budget_seconds']:.1f} s; chosen was {worst['rules']['recommend']['chosen']}"
        )
    return "\n".join(lines)


if __name__ == "__main__":
    main()
