"""Regret of every rule of choice on measured studies, at equal measured cost.

    python -m benchmarks.choice --cifar FOLDER --photographs FOLDER --weights FILE --data-dir DATA --runs RUNS

Each study is run with each way to validate, and stays in RUNS: run again, the command only replays. A replay draws
which replicates a user has run; a rule sees their validation values. With `folds` these are `--seen` replicates, with
the other ways as many as take the same seconds. The truth is the mean test accuracy of each condition over the
replicates that no rule has seen, of all ways to validate; regret is what the choice loses of its greatest. Where a way
to validate leaves no image to validate on, its rules are worth a draw among all conditions.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks.choice.measure import measure
from benchmarks.choice.rules import RULES, Rule, means_of, of_others, place
from benchmarks.choice.studies import studies
from benchmarks.machine import describe_machine, write_result
from benchmarks.real_images import add_real_images

NUM_REPLAYS = 100


def main() -> None:
    """Run what is missing, replay, print the tables, write them down."""
    arguments = parse_arguments()
    machine = describe_machine()
    chosen = [
        study
        for study in studies(str(arguments.cifar), str(arguments.photographs), str(arguments.weights))
        if arguments.only is None or any(f"{study.name}-".startswith(f"{name}-") for name in arguments.only)
    ]
    tables = {study.name: measure(study, arguments.runs, arguments.data_dir, arguments.workers) for study in chosen}
    result = replay_all(tables, arguments.seen)
    print(render(result))
    print(f"written to {write_result('choice', {'seen': arguments.seen, **result}, arguments.output, machine)}")


def parse_arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_real_images(parser, required=True)
    parser.add_argument("--data-dir", type=Path, help="folder with MNIST in torchvision's layout")
    parser.add_argument("--runs", type=Path, default=Path("runs/choice"), help="where the studies lie")
    parser.add_argument("--only", nargs="+", help="studies of these names, or whose names begin so, as `digits`")
    parser.add_argument("--seen", type=int, nargs="+", default=[1, 2], help="replicates with folds that a user has run")
    parser.add_argument("--workers", type=int)
    parser.add_argument("--output", type=Path)
    return parser.parse_args()


def replay_all(tables: Mapping[str, pd.DataFrame], seen: list[int]) -> dict[str, object]:
    """Return regrets in points by number of replicates, study and rule, and what they come to over studies."""
    by_seen = {}
    for num_seen in seen:
        regrets = {}
        for name, table in tables.items():
            others = gains({other: rows for other, rows in tables.items() if family(other) != family(name)})
            rules = {**RULES, "mean of other studies": Rule("folds", of_others(others), by_validation=False)}
            regrets[name] = replay(table, rules, num_seen)
        by_seen[str(num_seen)] = {"by_study": regrets, "by_rule": over_studies(regrets)}
    return {"regret_points": by_seen}


def family(name: str) -> str:
    """Return the data set, which begins a study's name: studies of one tell too much about each other."""
    return name.partition("-")[0]


def replay(table: pd.DataFrame, rules: Mapping[str, Rule], num_seen: int) -> dict[str, float]:
    """Return each rule's mean regret in points over replays; a rule whose validation was not measured is left out."""
    modes = dict(list(table.groupby("mode")))
    seconds = {mode: rows.groupby("replicate")["wall_seconds"].sum().mean() for mode, rows in modes.items()}
    budget = num_seen * seconds["folds"]
    number = {mode: max(1, round(budget / cost)) for mode, cost in seconds.items()}
    replicates = {mode: np.sort(rows["replicate"].unique()) for mode, rows in modes.items()}
    random = np.random.default_rng(0)
    lost: dict[str, list[float]] = {name: [] for name, rule in rules.items() if rule.mode in modes}
    for _ in range(NUM_REPLAYS):
        order = random.permutation(max(len(all_of) for all_of in replicates.values()))
        drawn = {mode: [r for r in order if r in set(all_of)] for mode, all_of in replicates.items()}
        seen = {mode: some[: min(number[mode], len(some) - 1)] for mode, some in drawn.items()}
        met = set().union(*seen.values())
        unseen = [rows[~rows["replicate"].isin(met)] for rows in modes.values()]
        truth = pd.concat(unseen).groupby(["strategy", "cut"])["test_accuracy"].mean()
        for name, values in lost.items():
            rows = modes[rules[name].mode]
            known = rows[rows["replicate"].isin(seen[rules[name].mode])].drop(columns="test_accuracy")
            values.append(100 * (truth.max() - _found(rules[name], known, truth)))
    return {name: float(np.mean(values)) for name, values in lost.items()}


def _found(rule: Rule, known: pd.DataFrame, truth: pd.Series) -> float:
    """Return the accuracy of what a rule chooses; of a draw among all, where it has nothing to choose by."""
    if rule.by_validation and known["validation_accuracy"].isna().all():
        return float(truth.mean())
    return float(truth[rule.choose(means_of(known), known)])


def gains(tables: Mapping[str, pd.DataFrame]) -> dict[tuple[str, float], float]:
    """Return the mean test accuracy of each strategy and depth over some studies, less each study's mean."""
    parts = []
    for rows in tables.values():
        mean = rows.groupby(["strategy", "cut", "num_blocks"])["test_accuracy"].mean().reset_index()
        where = [
            place((row.strategy, row.cut), row.num_blocks)
            for row in mean.itertuples()  # a condition a row
        ]
        parts.append(pd.Series((mean["test_accuracy"] - mean["test_accuracy"].mean()).to_numpy(), index=where))
    together = pd.concat(parts) if parts else pd.Series(dtype=float)
    return together.groupby(level=0).mean().to_dict()


def over_studies(regrets: Mapping[str, Mapping[str, float]]) -> dict[str, dict[str, float]]:
    """Return mean, 90 % quantile and greatest regret of each rule over the studies that it was judged on."""
    table = pd.DataFrame(regrets).T
    return {
        str(rule): {
            "mean": float(values.mean()),
            "quantile_90": float(values.quantile(0.9)),
            "greatest": float(values.max()),
            "studies": len(values),
        }
        for rule, values in ((rule, table[rule].dropna()) for rule in table)
    }


def render(result: Mapping[str, object]) -> str:
    """Return the tables as text."""
    lines = []
    for num_seen, found in result["regret_points"].items():
        lines += ["", f"regret in points, {num_seen} replicates with folds or what takes as long"]
        table = pd.DataFrame(found["by_rule"]).T.round(2)
        lines.append(table.sort_values("mean").to_string())
        lines.append(pd.DataFrame(found["by_study"]).round(1).to_string())
    return "\n".join(lines)


if __name__ == "__main__":
    main()
