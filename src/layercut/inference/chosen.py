"""Choose which of a study's kept models to use: the recommended condition's, or that of a named condition."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd

from layercut.artifacts import KeptTrial, kept_trials
from layercut.artifacts.reading import read_kept
from layercut.artifacts.writing import CARD
from layercut.errors import CheckpointError, DataError, UserError, did_you_mean, few
from layercut.figures.words import condition_name, fraction_label
from layercut.ledger import LEDGER_NAME
from layercut.stats import best_cuts
from layercut.stats.choice import BestCut
from layercut.stats.design import FACTOR, cut_of
from layercut.stats.tables import load_results

FINAL = "model"
"""The folder in an output directory with the one model that was made to be used, where there is one."""

_NAMED_BY = ("source", "target", "model", "strategy", "cut", "fraction", "replicate", "condition", "key")
"""Columns of a results table that tell trials apart, beside factors."""


class KeptModel(NamedTuple):
    """A folder with weights and a card, and what it is."""

    folder: Path
    card: dict[str, Any]
    why: str
    """Why this one, in a few words."""

    @property
    def title(self) -> str:
        """Return what it is in a line.

        Example:
            >>> card = {"strategy": "freeze", "cut": 3, "cutless": False, "target": "photos", "fraction": 1.0}
            >>> KeptModel(Path("."), card | {"model": "plain_cnn", "replicate": 0}, "").title
            'plain_cnn, freeze at cut 3, 100 % of photos, replicate 0'
        """
        card = self.card
        name = condition_name(card["strategy"], cut_of(card))
        data = f"{fraction_label(card['fraction'])} of {card['target']}"
        return f"{card['model']}, {name}, {data}, replicate {card['replicate']}"


def find_model(
    path: Path, condition: Mapping[str, str] | None = None, train: Callable[[str], None] | None = None
) -> KeptModel:
    """Return the kept model of an output directory to use, or that of a folder with a card.

    Of an output directory: the one in its folder `model`, if there is one and nothing is asked for; else the condition
    with the highest mean validation accuracy at the largest fraction of the data, among those that `condition` leaves.
    Of its replicates the first with kept weights: the best one would be the luckiest.

    Args:
        path: an output directory, a folder with card and weights, or the weight file in it.
        condition: columns of the results table and the values that are wanted.
        train: called with the key of the chosen condition where no weights of it were kept; to be as `runner.refit`.

    Raises:
        UserError: the condition names no trial, or several targets.
        CheckpointError: no weights of it were kept.
        DataError: there is no model, or its card is damaged.
    """
    folder = path if path.is_dir() else path.parent
    is_run = (folder / LEDGER_NAME).is_file() and not (path.is_file() and path.suffix == ".safetensors")
    if not is_run and (folder / CARD).is_file():
        if condition:
            raise UserError(
                f"{folder} holds a single model, so a condition cannot select another; give the run that it came from"
            )
        return _of_folder(folder, "the model in this folder")
    if not is_run:
        raise DataError(
            f"{path}: expected the folder of a kept trial with a {CARD}, or the output directory of a study; got "
            f"{'neither' if path.exists() else 'nothing'}"
        )
    if not condition and (folder / FINAL / CARD).is_file():
        return _of_folder(folder / FINAL, "the final model of this run")
    return _of_run(folder, condition or {}, train)


def _of_folder(folder: Path, why: str) -> KeptModel:
    return KeptModel(folder, read_kept(folder).card, why)


def _of_run(run: Path, condition: Mapping[str, str], train: Callable[[str], None] | None) -> KeptModel:
    everything = load_results(run)
    table = _chosen_rows(everything, condition)
    if table["test_accuracy"].isna().all():
        raise UserError(
            f"no trial of {run} has been tested, as in a recommendation, so a condition has nothing to be chosen by: "
            f"omit it for the recommended model, or test all trials first with `layercut run {run}`"
        )
    best = _recommended(table)
    own = table[(table["strategy"] == best.strategy) & (table["cut"] == best.cut)]
    own = own[own["fraction"] == best.fraction]
    for column, value in best.context.by_column().items():
        if column in own.columns and column != "study":
            own = own[own[column] == value]
    keys = list(own.sort_values("replicate")["key"])
    found = _first_kept(run, keys)
    if found is None and train is not None and not everything.attrs["imported"]:
        train(str(own["condition"].iloc[0]))
        found = _first_kept(run, keys)
    if found is None:
        raise CheckpointError(_nothing_kept(run, best, kept_trials(run)))
    among = f"best on validation images among {best.num_candidates} conditions"
    why = "the only condition" if best.num_candidates == 1 else among
    name = {"strategy": best.strategy, "cut": best.cut, "cutless": best.cutless}  # a merged trial has several
    return KeptModel(found.folder, found.card | name, why + _unfinished(everything))


def _first_kept(run: Path, keys: Sequence[str]) -> KeptTrial | None:
    """Return the first of some trials whose weights were kept."""
    kept = {str(trial.card.get("key")): trial for trial in kept_trials(run)}
    return next((kept[key] for key in keys if key in kept and "weights" in kept[key].card["kept"]), None)


def _unfinished(table: pd.DataFrame) -> str:
    """Say where the study is not done: the best so far need not be the best."""
    planned = int((table.attrs.get("plan") or {}).get("trials_distinct") or 0)
    done = table["key"].nunique()
    return f"; the study is not finished: {done:,} of {planned:,} trials have run" if done < planned else ""


def _chosen_rows(table: pd.DataFrame, condition: Mapping[str, str]) -> pd.DataFrame:
    """Return the finished trials that have the values."""
    names = [*_NAMED_BY, *(str(column) for column in table.columns if str(column).startswith(FACTOR))]
    table = table[table["status"] == "finished"]
    if table.empty:
        raise DataError("no trial of this run has finished: run the study first")
    for column, value in condition.items():
        if column not in names:
            raise UserError(
                f"no column {column!r}{did_you_mean(column, names)}; a condition is named by {few(names, 20)}"
            )
        found = table[_equal(table[column], value)]
        if found.empty:
            there = list(dict.fromkeys(map(str, table[column])))
            raise UserError(
                f"no finished trial has {column}={value}{did_you_mean(value, there)}; there are {few(there, 8)}"
            )
        table = found
    return table


def _equal(column: pd.Series[Any], value: str) -> pd.Series[bool]:
    if not pd.api.types.is_numeric_dtype(column):
        return column == value
    try:
        number = float(value)
    except ValueError:
        number = math.nan
    return (column.astype(float) - number).abs() < 1e-12


def _recommended(table: pd.DataFrame) -> BestCut:
    targets = list(dict.fromkeys(map(str, table["target"])))
    if len(targets) > 1:
        raise UserError(f"expected a condition with one target (target=NAME); the run has {few(targets, 8)}")
    found = best_cuts(table, with_rivals=False)
    if not found:
        raise UserError(
            "nothing to choose by: no condition has a validation accuracy in every replicate; name one, "
            "such as strategy=finetune and fraction=1"
        )
    largest = max(best.fraction for best in found)
    at_it = [best for best in found if best.fraction == largest]
    return max(at_it, key=lambda best: -math.inf if math.isnan(best.mean_validation) else best.mean_validation)


def _nothing_kept(run: Path, best: BestCut, kept: Sequence[KeptTrial]) -> str:
    wanted = condition_name(*best.point)
    with_weights = [
        f"strategy={trial.card['strategy']} cut={trial.card['cut']} fraction={trial.card['fraction']:g}"
        for trial in kept
        if "weights" in trial.card["kept"]
    ]
    others = f"; weights are kept of {few(with_weights, 4, ' | ')}" if with_weights else ""
    return (
        f"{run} keeps no weights of {wanted} at {fraction_label(best.fraction)} of the data{others}. Write "
        f"`keep: [weights]` in the study file, or run `layercut run {run} --set 'keep=[weights]'`: the trials "
        "run again, their records stay as they are"
    )
