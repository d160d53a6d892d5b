"""What `layercut recommend` loses of the best of a study that was run as a whole, at a share of its seconds.

    layercut recommend MODEL --data FOLDER -o RUN; layercut run RUN    # everything that could have been tried
    python -m benchmarks.recommend RUN ... [--shares 0.05 0.1]

Each decision is taken anew from the records, by their measured seconds, one trial at a time; solved heads come first
and are paid for whatever the share is. Beside it: solved heads alone, trainings in a random order for the same
seconds (mean of 20), and everything. Rules see held-out images of the trials they paid for. Regret is the mean
test accuracy of the best condition less that of the chosen one, over all replicates, in points: the best of many
means is in part the luckiest, which all rules pay alike.
"""

from __future__ import annotations

import argparse
import random
import statistics
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks.machine import describe_machine, write_result
from layercut.errors import UserError
from layercut.ledger import Ledger
from layercut.recommending.arms import Seen, Trial, seen_in
from layercut.recommending.curve import MOST_REPLICATES
from layercut.recommending.decision import Setting, decide, first_trials, leader
from layercut.recommending.journal import read_journal

NUM_ORDERS = 20


class Study(NamedTuple):
    """A study of which everything was run."""

    name: str
    setting: Setting
    trials: dict[Trial, Seen]
    accuracies: dict[str, float]
    """Mean test accuracy of each condition."""

    @property
    def seconds(self) -> float:
        """Return what all of it took."""
        return sum(one.seconds for one in self.trials.values())


class Choice(NamedTuple):
    """What a rule chose."""

    regret: float
    seconds: float


def read_study(run: Path) -> Study:
    """Return the study of a recommendation.

    Raises:
        UserError: it is none, or not all of it was run.
    """
    with Ledger(run, read_only=True) as ledger:
        journal = read_journal(ledger)
        if journal is None:
            raise UserError(f"{run} holds no recommendation; make one with `layercut recommend`")
        wanted = [Trial(arm.key, replicate) for arm in journal.arms for replicate in range(MOST_REPLICATES)]
        seen = seen_in([ledger], wanted)
        tests: dict[str, list[float]] = {}
        for record in ledger.trials():
            tests.setdefault(record.condition, []).append(record.test_accuracy)
    if len(seen) < len(wanted):
        raise UserError(f"{run}: {len(seen)} of {len(wanted)} trials were run; finish it with `layercut run {run}`")
    setting = journal.setting()._replace(num_workers=1)
    trials = {Trial(one.key, one.replicate): one for one in seen}
    return Study(run.name, setting, trials, {key: statistics.fmean(values) for key, values in tests.items()})


def replay(study: Study, budget_seconds: float) -> Choice:
    """Return what is recommended within a budget."""
    seen = [study.trials[trial] for trial in first_trials(study.setting.arms)]
    while True:
        left = budget_seconds - sum(one.seconds for one in seen)
        decision = decide(study.setting, seen, left)
        if not decision.trials:
            return _chosen(study, seen)
        seen += [study.trials[trial] for trial in decision.trials]


def at_random(study: Study, budget_seconds: float, seed: int) -> Choice:
    """Return what is chosen after the trainings that fit, in a random order, a replicate each."""
    seen = [study.trials[trial] for trial in first_trials(study.setting.arms)]
    order = [Trial(arm.key, 0) for arm in study.setting.arms if not arm.solved]
    random.Random(seed).shuffle(order)  # noqa: S311 - no secret
    for trial in order:
        if sum(one.seconds for one in seen) + study.trials[trial].seconds <= budget_seconds:
            seen.append(study.trials[trial])
    return _chosen(study, seen)


def judge(study: Study, share: float) -> dict[str, Any]:
    """Return what each rule loses at a share of the study's seconds."""
    budget = share * study.seconds
    draws = [at_random(study, budget, seed) for seed in range(NUM_ORDERS)]
    heads = [study.trials[trial] for trial in first_trials(study.setting.arms)]
    rules = {
        "recommend": replay(study, budget),
        "solved heads": _chosen(study, heads),
        "random order": Choice(*(statistics.fmean(values) for values in zip(*draws, strict=True))),
        "everything": _chosen(study, list(study.trials.values())),
    }
    return {
        "study": study.name,
        "share": share,
        "budget_seconds": budget,
        "rules": {name: choice._asdict() for name, choice in rules.items()},
    }


def _chosen(study: Study, seen: Sequence[Seen]) -> Choice:
    best = leader(study.setting, seen)
    if best is None:
        raise UserError(f"{study.name}: no trial has a held-out image to choose by")
    greatest = max(study.accuracies.values())
    return Choice(100 * (greatest - study.accuracies[best.key]), sum(one.seconds for one in seen))


def render(rows: Sequence[dict[str, Any]]) -> str:
    """Return a table: regret in points, and the seconds it took."""
    lines = [f"{'study':<24} {'share':>6}" + "".join(f"{name:>22}" for name in rows[0]["rules"])]
    for row in rows:
        cells = (f"{one['regret']:6.2f} ({one['seconds']:6.0f} s)" for one in row["rules"].values())
        lines.append(f"{row['study']:<24} {100 * row['share']:4.0f} %" + "".join(f"{cell:>22}" for cell in cells))
    return "\n".join(lines)


def main() -> None:
    """Replay, print the table, write it down."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", type=Path, nargs="+", metavar="RUN")
    parser.add_argument("--shares", type=float, nargs="+", default=[0.05, 0.1])
    parser.add_argument("--output", type=Path)
    arguments = parser.parse_args()
    machine = describe_machine()
    studies = [read_study(run) for run in arguments.runs]
    rows = [judge(study, share) for share in arguments.shares for study in studies]
    print(render(rows))
    print(f"written to {write_result('recommend', {'rows': rows}, arguments.output, machine)}")


if __name__ == "__main__":
    main()
