"""Which kept trials figures show: the recommended one and the one with the lowest mean, at the smallest and largest
fraction.
"""

from __future__ import annotations

from typing import NamedTuple

from layercut.artifacts import KeptTrial
from layercut.figures.names import fraction_label
from layercut.figures.study_tables import StudyTables
from layercut.figures.words import condition_name
from layercut.stats.design import FACTOR, cut_of, factor_columns


class Shown(NamedTuple):
    """A kept trial and how its panel is called."""

    trial: KeptTrial
    title: str
    fraction: str
    """Label of its fraction of the data."""
    class_names: tuple[str, ...]


def shown_trials(tables: StudyTables) -> list[Shown]:
    """Return the first replicate with kept predictions of the recommended condition and of that of lowest mean.

    Where the recommended one was not kept, that of highest mean test accuracy stands in its place. One a fraction where
    only one condition is kept there. The means are seen on test data: what to look at, not what to choose.
    """
    kept = _first_replicates(tables)
    means = dict(zip(map(str, tables.estimates["condition"]), tables.estimates["mean"], strict=True))
    fractions = sorted({float(trial.card["fraction"]) for trial in kept.values()})
    recommended = _recommended(tables)
    found = []
    for fraction in dict.fromkeys([*fractions[:1], *fractions[-1:]]):
        own = [name for name, trial in kept.items() if float(trial.card["fraction"]) == fraction]
        own.sort(key=lambda name: float(means[name]))
        chosen = recommended.get(fraction)
        first, rank = (chosen, "recommended") if chosen in own else (own[-1], "highest mean")
        found.append(_shown(kept[first], rank, fraction))
        found += [_shown(kept[name], "lowest mean", fraction) for name in own[:1] if name != first]
    return found


def _recommended(tables: StudyTables) -> dict[float, str]:
    """Return the key of the condition that is recommended at each fraction."""
    names = tables.estimates.set_index(["fraction", "strategy", "cut"])["condition"]
    return {best.fraction: str(names[best.fraction, best.strategy, best.cut]) for best in tables.best}


def extreme_trials(whole: StudyTables) -> list[Shown]:
    """Return the first replicate with kept predictions of the best and of the worst condition of a whole study."""
    kept = _first_replicates(whole)
    means = dict(zip(map(str, whole.estimates["condition"]), whole.estimates["mean"], strict=True))
    order = sorted(kept, key=lambda name: (round(float(means[name]), 12), name))  # sums differ in their last bits
    ends = [("highest mean", order[-1]), ("lowest mean", order[0])] if len(order) > 1 else []
    found = []
    for rank, name in ends:
        shown = _shown(kept[name], rank, float(kept[name].card["fraction"]))
        row = whole.results[whole.results["condition"] == name].iloc[0]
        setting = [str(row["source"]), str(row["model"])]
        setting += [f"{factor.removeprefix(FACTOR)}: {row[factor]}" for factor in factor_columns(whole.results)]
        found.append(shown._replace(title=f"{shown.title}, {', '.join(setting)}", fraction=""))
    return found


def _first_replicates(tables: StudyTables) -> dict[str, KeptTrial]:
    """Return the first replicate with kept predictions of each condition."""
    kept: dict[str, KeptTrial] = {}
    for trial in sorted(tables.kept, key=lambda trial: int(trial.card["replicate"])):
        if "predictions" in trial.card["kept"]:
            kept.setdefault(str(trial.card["condition"]), trial)
    return kept


def _shown(trial: KeptTrial, rank: str, fraction: float) -> Shown:
    name = condition_name(str(trial.card["strategy"]), cut_of(trial.card))
    accuracy = 100 * float(trial.card["metrics"]["test_accuracy"])
    label = fraction_label(fraction)
    title = f"{rank} at {label}: {name} (here\u00a0{accuracy:.1f}\u00a0%)"  # in one line
    return Shown(trial, title, label, tuple(map(str, trial.card["class_names"])))
