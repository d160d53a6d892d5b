"""What a finished study says of its conditions, as a recommendation sees them: held-out values, never test images."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping
from os import PathLike
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd

from layercut.errors import UserError
from layercut.ledger import Ledger, ledger_path
from layercut.plan.overrides import target_training
from layercut.priors.error import flattery
from layercut.priors.table import Gain, Gains
from layercut.spec import StudySpec
from layercut.spec.load import parse_study
from layercut.stats.design import FACTOR
from layercut.stats.tables import load_results
from layercut.strategies import STRATEGIES
from layercut.strategies.treatment import Treatment, treatment


class MeasuredArm(NamedTuple):
    """One condition, its replicates averaged."""

    key: str
    """Of the condition."""
    strategy: str
    cut: int
    num_blocks: int
    left: float
    """Share of the blocks that the model still has."""
    frozen: float
    """Share of the blocks that lie below everything that is trained."""
    rate: float | None
    """Learning rate of what comes from the source; None: only a head is fitted."""


class Row(NamedTuple):
    """Arms that were measured on the same images: one source, target, model and fraction of a study.

    Heads that were solved make those needless that were trained alone, on the same frozen features; where a study
    solved none, these stand for them.
    """

    study: str
    num_images: int
    """Labelled images, each held out once or in part."""
    num_parameters: int
    """Of the whole model."""
    is_out_of_fold: bool
    """Whether held-out images judge trainings that they did not stop."""
    arms: tuple[MeasuredArm, ...]
    trials: pd.DataFrame
    """One row a trial: `condition`, `replicate`, `accuracy` and `loss` on held-out images, `seconds`,
    `test_accuracy`."""


def read_rows(run: str | PathLike[str]) -> list[Row]:
    """Return what a ledger holds, a row for each source, target, model and fraction.

    Raises:
        UserError: it was imported, or is of no study.
        LedgerError: there is no ledger, or it is damaged.
    """
    path = ledger_path(run)
    with Ledger(path, read_only=True) as ledger:
        text = ledger.meta("study_text")
    if text is None:
        raise UserError(
            f"{run}: expected the directory of a study; got a ledger without the study file, which was imported, or "
            "is of several models: give models/NAME in it"
        )
    spec = parse_study(text, file=path)
    table = load_results(path)
    table = table[(table["status"] == "finished") & table["validation_accuracy"].notna()]
    wanted = ["source", "target", "model", "fraction"]
    return [
        row
        for values, rows in table.groupby(wanted, sort=False)
        if (row := _row(spec, Path(path).parent.name, dict(zip(wanted, values, strict=True)), rows)).arms
    ]


def gains_of(row: Row) -> list[Gain]:
    """Return by how much each trained arm beat the best solved head on at most as many blocks.

    Where held-out images stopped what they judge, what flatters it is taken off.
    """
    accuracy = row.trials.groupby("condition")["accuracy"].mean()
    number = row.trials.groupby("condition")["replicate"].nunique()
    heads = [arm for arm in row.arms if arm.rate is None]
    found = []
    for arm in row.arms:
        below = [accuracy[head.key] for head in heads if head.left <= arm.left]
        if arm.rate is not None and below:
            gain = float(accuracy[arm.key] - max(below))
            if not row.is_out_of_fold:
                gain -= flattery(max(below), row.num_images)
            where = (arm.strategy, arm.left, arm.frozen, arm.rate)
            found.append(Gain(row.study, row.num_images, *where, gain, int(number[arm.key]), row.num_parameters))
    return found


def _row(spec: StudySpec, name: str, values: Mapping[str, Any], rows: pd.DataFrame) -> Row:
    distinct = rows.sort_values("merged").drop_duplicates("condition")
    solved = set(distinct["condition"][distinct["penalty_strength"].notna()])
    arms = {arm.key: arm for one in distinct.to_dict("records") if (arm := _arm(spec, one)) is not None}
    heads = {key for key, arm in arms.items() if arm.rate is None}
    found = {key: arm for key, arm in arms.items() if key not in heads or key in solved or not heads & solved}
    own = rows[~rows["merged"] & rows["condition"].isin(found)]
    trials = pd.DataFrame(
        {
            "condition": own["condition"],
            "replicate": own["replicate"],
            "accuracy": own["validation_accuracy"],
            "loss": own["validation_loss"],
            "seconds": own["wall_seconds"],
            "test_accuracy": own["test_accuracy"],
        }
    ).reset_index(drop=True)
    num_images, num_parameters = int(rows["num_train_images"].max()), int(rows["num_parameters"].max())
    return Row(name, num_images, num_parameters, bool((rows["num_folds"] > 0).all()), tuple(found.values()), trials)


def _arm(spec: StudySpec, one: Mapping[Any, Any]) -> MeasuredArm | None:
    """Return a condition; None: it trains nothing that comes from the source, or the strategy is not known here."""
    if one["strategy"] not in STRATEGIES:
        return None
    strategy, cut, num_blocks = str(one["strategy"]), int(one["cut"]), int(one["num_blocks"])
    treated = treatment(STRATEGIES[strategy], cut, num_blocks)
    if not _head_alone(treated) and not treated.learns_from_kept:
        return None
    left, frozen = (value / max(1, num_blocks) for value in (treated.num_left, treated.trunk))
    rate = None if _head_alone(treated) else _rate(spec, one)
    return MeasuredArm(str(one["condition"]), strategy, cut, num_blocks, left, frozen, rate)


def _head_alone(treated: Treatment) -> bool:
    return treated.trunk == treated.num_left


def _rate(spec: StudySpec, one: Mapping[Any, Any]) -> float:
    """Return the learning rate of what comes from the source."""
    place = [target.label for target in spec.target].index(str(one["target"]))
    levels = [(name, str(one[FACTOR + name])) for name in spec.transfer.factors if one.get(FACTOR + name)]
    training = target_training(spec, place, levels)
    own = float(one["learning_rate"])
    rate = training.rates[0] if math.isnan(own) else own  # not written down before there were lists of rates
    return rate * training.kept_lr_scale


def learned_from(runs: Iterable[str | PathLike[str]]) -> Gains:
    """Return what finished studies teach: gains of all their rows, named after their directories.

    Raises:
        UserError: one has no row of which a solved head and something trained was measured.
        LedgerError: there is no ledger, or it is damaged.
    """
    found: list[Gain] = []
    names: Counter[str] = Counter()
    for run in runs:
        own = [gain for row in read_rows(run) for gain in gains_of(row)]
        if not own:
            raise UserError(
                f"{run} has nothing to learn from: expected a study in which both a head on frozen features and "
                "something trained from the source were measured on held-out images"
            )
        (name,) = {gain.study for gain in own}
        names[name] += 1
        found += own if names[name] == 1 else [gain._replace(study=f"{name} ({names[name]})") for gain in own]
    return tuple(found)
