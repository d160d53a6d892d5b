"""The parts of a report that are lists: what was run, and all conditions."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import pandas as pd

from layercut.figures import words
from layercut.figures.names import strategies_in_order
from layercut.metrics import ACCURACY, NAMES
from layercut.report.facts import StudyFacts
from layercut.stats import Context
from layercut.stats.candidates import distinct
from layercut.stats.design import FACTOR, POINT, context_columns, context_of, cut_of, factor_columns, plain_rows
from layercut.stats.metric import metric_of

_MOST_NAMED = 8
"""Sources and targets that a card names one by one."""

_MEANING = {"balanced_accuracy": "the mean recall of the classes", "macro_f1": "the mean F1 of the classes"}

_LIBRARIES = ("torch", "torchvision", "numpy", "scipy", "pandas")


class Fact(NamedTuple):
    """One line of the card of what was run."""

    name: str
    value: str
    code: bool = False


@dataclass(frozen=True)
class Cell:
    """A table cell: what is shown, and what it is sorted by."""

    text: str
    order: float | str
    hint: str = ""


@dataclass(frozen=True)
class ConditionRow:
    """One line of the table of all conditions, or of the scoreboard."""

    context: int
    strategies: tuple[str, ...]
    """All by which it is found: a condition may have several names."""
    fraction: str
    cells: tuple[Cell, ...]
    on_request: bool = False
    """Not shown at first: a rule that takes the same cut everywhere."""
    muted: bool = False
    """Printed paler: not what the table is about."""


COLUMNS = (
    ("Strategy", "What is done to the blocks below and above the cut"),
    ("Cut", "Number of blocks kept from the source"),
    ("Data", "Fraction of the target's training images"),
    ("n", "Finished replicates"),
    ("Mean", "Mean test {metric}, per cent"),
    ("SD", "Standard deviation over replicates, percentage points"),
    ("Median", "Median test {metric}, per cent"),
    ("Difference", "Mean paired difference to scratch, percentage points"),
    (
        "95 % interval",
        "Of the difference, percentage points; the same test and adjustment as p; none with too few replicates",
    ),
    ("p (Holm)", "Exact Wilcoxon signed-rank test, adjusted within the strategy shown and fraction of the data"),
    ("Effect", "Matched-pairs rank-biserial correlation, −1 to 1"),
)


def explained_by(columns: Sequence[tuple[str, str]], metric: str) -> list[tuple[str, str]]:
    """Return titles and explanations of columns, the metric in its place."""
    return [(title, explanation.format(metric=metric)) for title, explanation in columns]


def run_facts(table: pd.DataFrame, facts: StudyFacts) -> list[Fact]:
    """Return the card: study, design, trials, images, time, machine, versions, hashes; only what is known."""
    return [
        fact
        for fact in (*_design(table, facts), *_trials(table, facts), *_environment(facts))
        if fact.value not in ("", words.NOTHING)
    ]


def _design(table: pd.DataFrame, facts: StudyFacts) -> Iterator[Fact]:
    yield Fact("Study", facts.name)
    yield Fact("Source", _named(table["source"].unique()))
    yield Fact("Target", _named(table["target"].unique()))
    blocks = ", ".join(str(int(number)) for number in sorted(table["num_blocks"].dropna().unique()))
    yield Fact("Model", "; ".join(map(str, table["model"].unique())) + (f" ({blocks} blocks)" if blocks else ""))
    for factor in factor_columns(table):
        yield Fact(factor.removeprefix(FACTOR), ", ".join(map(str, table[factor].unique())))
    yield Fact("Strategies", ", ".join(strategies_in_order(table["strategy"].unique())))
    yield Fact("Fractions of the data", ", ".join(words.fraction_label(f) for f in sorted(table["fraction"].unique())))
    metric = metric_of(table)
    yield Fact("Metric", "" if metric == ACCURACY else f"{NAMES[metric]}, {_MEANING[metric]}")
    if plan := facts.plan.get("learning_rates"):
        lists = "; ".join(", ".join(map(words.rate, rates)) for rates in plan["lists"])
        yield Fact("Learning rates", f"{lists}: one for each condition, chosen in pilots that are not reported")
    yield Fact("Seed", "" if facts.seed is None else str(facts.seed))
    if len(facts.pretrainings) > _MOST_NAMED:
        least, most = (end(accuracy for _, _, accuracy in facts.pretrainings) for end in (min, max))
        span = f"{words.percent(least)} to {words.percent(most)}"
        yield Fact("Source models", f"{len(facts.pretrainings)}, with {span} test accuracy on their own tasks")
        return
    for source, model, accuracy in facts.pretrainings:
        yield Fact("Source model", f"{source}, {model}: {words.percent(accuracy)} test accuracy on its own task")


def _named(names: Iterable[object]) -> str:
    """Return names; of very many the first ones, and how many there are."""
    listed = list(map(str, names))
    if len(listed) <= _MOST_NAMED:
        return "; ".join(listed)
    return f"{'; '.join(listed[: _MOST_NAMED // 2])} and {len(listed) - _MOST_NAMED // 2} more"


def _trials(table: pd.DataFrame, facts: StudyFacts) -> Iterator[Fact]:
    plan, counts = facts.plan, facts.counts
    nominal, distinct = plan.get("conditions_nominal"), plan.get("conditions_distinct")
    if nominal and distinct:
        yield Fact("Conditions", f"{nominal:,}, of which {distinct:,} distinct")
    failed = sum(counts.get("failed", {}).values())
    done = f"{counts.get('finished', 0):,} finished, {failed:,} failed"
    if plan.get("trials_nominal") and plan.get("trials_distinct"):
        merged = plan["trials_nominal"] - plan["trials_distinct"]
        done = f"{plan['trials_nominal']:,} asked for, {merged:,} merged with equivalent ones; {done}"
    yield Fact("Trials", done)
    if counts.get("pilots"):
        yield Fact("Pilots", f"{counts['pilots']:,} trainings to choose learning rates")
    replicates = table.groupby("fraction")["replicate"].nunique()
    yield Fact("Replicates", _span(replicates))
    for name, column in (("Training", "num_train"), ("Validation", "num_validation"), ("Test", "num_test")):
        images = table[f"{column}_images"].dropna()
        yield Fact(f"{name} images", _span(images[images > 0]))
    seconds = table.drop_duplicates("key")["wall_seconds"].sum()
    if seconds or facts.pretraining_seconds:
        yield Fact(
            "Time of trials", f"{words.duration(float(seconds))}, and {words.duration(facts.pretraining_seconds)} "
            "to train the sources (added up over workers)",
        )  # fmt: skip


def _environment(facts: StudyFacts) -> Iterator[Fact]:
    for environment in facts.environments:
        yield Fact("Device", f"{environment.device} ({words.count(environment.num_cores, 'core')})")
        yield Fact("System", environment.platform)
        versions = [f"layercut {environment.layercut_version}", f"Python {environment.python_version}"]
        versions += [f"{n} {environment.libraries[n]}" for n in _LIBRARIES if n in environment.libraries]
        yield Fact("Versions", ", ".join(versions))
        yield Fact("Code", environment.code_version, code=True)
    yield Fact("Records hash", facts.records_hash, code=True)


def _span(values: pd.Series) -> str:
    if values.empty:
        return ""
    low, high = int(values.min()), int(values.max())
    return f"{low:,}" if low == high else f"{low:,} to {high:,}"


def condition_rows(rows: pd.DataFrame, contrasts: pd.DataFrame, contexts: Sequence[Context]) -> list[ConditionRow]:
    """Return the table of all conditions, each once with all its names, best mean first within each fraction.

    A condition is called, and its p-value adjusted, as where it is the best (`stats.best_cuts`).
    """
    names = [*context_columns(rows), *POINT]
    fields = ["num_pairs", "mean_difference", "low", "high", "p_holm", "effect", "num_comparisons"]
    paired = contrasts[[*names, *fields]].rename(columns={"low": "difference_low", "high": "difference_high"})
    joined = rows.merge(paired, on=names, how="left")
    joined = joined.sort_values(
        ["fraction", "mean"], ascending=[True, False], kind="stable", na_position="last", ignore_index=True
    )
    index, columns = {context: place for place, context in enumerate(contexts)}, context_columns(rows)
    called: dict[tuple[Context, str], dict[str, None]] = {}
    strategies: dict[tuple[Context, str], dict[str, None]] = {}
    for row in plain_rows(rows[[*names, "condition", "cutless"]]):
        key = context_of(row, columns), str(row["condition"])
        called.setdefault(key, {})[words.condition_name(str(row["strategy"]), cut_of(row))] = None
        strategies.setdefault(key, {})[str(row["strategy"])] = None
    found = []
    for row in plain_rows(distinct(joined, columns)):
        key = context_of(row, columns), str(row["condition"])
        found.append(
            ConditionRow(
                context=index[key[0]],
                strategies=tuple(strategies[key]),
                fraction=words.fraction_label(row["fraction"]),
                cells=_cells(row, list(called[key])),
            )
        )
    return found


def _cells(row: Mapping[str, object], names: Sequence[str]) -> tuple[Cell, ...]:
    number = {name: float(value) for name, value in row.items() if isinstance(value, int | float)}
    failed = f"{int(number['num_failed'])} failed" if number["num_failed"] else ""
    strategy = str(row["strategy"])
    others = [name for name in names if name != words.condition_name(strategy, cut_of(row))]
    chosen = [] if math.isnan(number["lowest_rate"]) else [f"learning rate {words.rate(number['learning_rate'])}"]
    hint = "; ".join([*([f"also {', '.join(others)}"] if others else []), *chosen])
    tested = number["num_comparisons"] > 0 and not math.isnan(number["p_holm"])
    low, high = number["difference_low"], number["difference_high"]
    return (
        Cell(strategy, strategy, hint),
        Cell(words.NOTHING, -1) if row["cutless"] else Cell(str(int(number["cut"])), number["cut"]),
        Cell(words.fraction_label(number["fraction"]), number["fraction"]),
        Cell(str(int(number["num_replicates"])), number["num_replicates"], failed),
        _number(f"{100 * number['mean']:.1f}", number["mean"]),
        _number(f"{100 * number['sd']:.1f}", number["sd"]),
        _number(f"{100 * number['median']:.1f}", number["median"]),
        _number(words.signed(number["mean_difference"]), number["mean_difference"]),
        _number(f"{words.signed(low)} to {words.signed(high)}", low),
        _number(words.p_number(number["p_holm"]), number["p_holm"]),
        _number(f"{number['effect']:+.2f}".replace("-", "−"), number["effect"] if tested else math.nan),
    )


def _number(text: str, value: float) -> Cell:
    return Cell(words.NOTHING, "") if math.isnan(value) else Cell(text, value)
