"""Studies of which everything was run, as replays need them: what a decision sees, and the truth beside it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

import numpy as np

from layercut.errors import UserError
from layercut.ledger import Ledger
from layercut.metrics import ACCURACY
from layercut.priors.belief import believed
from layercut.priors.table import Gain
from layercut.recommending.arms import ArmTrial, Seen, seen_in
from layercut.recommending.curve import MOST_REPLICATES
from layercut.recommending.decision import Setting
from layercut.recommending.journal import read_journal
from layercut.stats.tables import load_curves, load_results

Probed = Mapping[str, tuple[Mapping[int, float], float]]
"""Of each probe, its value at each cut, and the seconds that all of them took."""


class Measured(NamedTuple):
    """A study of which everything was run."""

    name: str
    data: str
    """Data set and model: no prior that has seen either may judge it."""
    model: str
    setting: Setting
    """Without beliefs."""
    trials: dict[ArmTrial, Seen]
    accuracies: dict[str, float]
    """Mean test accuracy of each condition over all its replicates."""
    first_looks: dict[ArmTrial, tuple[float, float]]
    """Held-out accuracy after the first epoch, and the share of a training's seconds that it takes."""
    probed: Probed = MappingProxyType({})

    @property
    def seconds(self) -> float:
        """Return what all of it took."""
        return sum(one.seconds for one in self.trials.values())

    @property
    def num_replicates(self) -> int:
        """Return how many each condition has."""
        return 1 + max(trial.replicate for trial in self.trials)

    def judged_by(self, gains: Sequence[Gain]) -> Setting:
        """Return what decisions rest on under a prior."""
        arms = self.setting.arms
        return self.setting._replace(
            beliefs={arm.key: believed(gains, arm, self.setting.num_images) for arm in arms if not arm.solved}
        )

    def relabelled(self, order: Sequence[int]) -> Measured:
        """Return the same study with its replicates in another order: another user's."""
        place = {replicate: number for number, replicate in enumerate(order[:MOST_REPLICATES])}
        return self._replace(
            trials={
                ArmTrial(trial.key, place[trial.replicate]): seen._replace(replicate=place[trial.replicate])
                for trial, seen in self.trials.items()
                if trial.replicate in place
            },
            first_looks={
                ArmTrial(trial.key, place[trial.replicate]): look
                for trial, look in self.first_looks.items()
                if trial.replicate in place
            },
        )


def of_recommendation(run: Path, data: str, model: str) -> Measured:
    """Return the study of a recommendation.

    Raises:
        UserError: it is none, or not all of it was run.
    """
    with Ledger(run, read_only=True) as ledger:
        journal = read_journal(ledger)
        if journal is None:
            raise UserError(f"{run} holds no recommendation; make one with `layercut recommend`")
        most = max(trial.replicate for trial in ledger.trials()) + 1
        wanted = [ArmTrial(arm.key, replicate) for arm in journal.arms for replicate in range(most)]
        seen = seen_in([ledger], wanted, ACCURACY)
    if len(seen) < len(wanted):
        raise UserError(f"{run}: {len(seen)} of {len(wanted)} trials were run; finish it with `layercut run {run}`")
    setting = journal.setting()._replace(num_workers=1, num_replicates=most)
    return _measured(run, run.name, data, model, setting, seen)


def _measured(run: Path, name: str, data: str, model: str, setting: Setting, seen: Sequence[Seen]) -> Measured:
    table = load_results(run)
    own = table[~table["merged"] & table["condition"].isin({arm.key for arm in setting.arms})]
    curves = load_curves(run)
    firsts = curves[curves["validation_accuracy"].notna()].drop_duplicates(["condition", "replicate"])
    epochs = own.set_index(["condition", "replicate"])["num_epochs"]
    looks = {
        ArmTrial(str(one.condition), int(one.replicate)): (
            float(one.validation_accuracy),
            float(one.epoch / max(one.epoch, epochs[one.condition, one.replicate])),
        )
        for one in firsts.itertuples()
        if (one.condition, one.replicate) in epochs.index and not np.isnan(epochs[one.condition, one.replicate])
    }
    return Measured(
        name, data, model, setting, {ArmTrial(one.key, one.replicate): one for one in seen},
        own.groupby("condition")["test_accuracy"].mean().to_dict(), looks,
    )  # fmt: skip
