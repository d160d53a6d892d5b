"""Trial after trial, until the time is over or nothing pays: the only place where decisions meet a clock."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass

from layercut.artifacts.writing import artifact_folder
from layercut.errors import UserError
from layercut.plan.canonical import trial_key
from layercut.recommending.arms import Arm, Seen, Trial, seen_in
from layercut.recommending.decision import decide, first_trials, leaders
from layercut.recommending.journal import Journal, Step
from layercut.recommending.told import step_told
from layercut.runner import Run

Clock = Callable[[], float]
Tell = Callable[[str], None]

_RESERVE = 0.03
"""Share of the budget for what comes behind the last trial: the model and the page."""

_KEPT = 3
"""Weights of so many leaders stay on the disk."""


@dataclass
class Timer:
    """Seconds that a recommendation has taken, over all calls."""

    clock: Clock
    earlier: float
    started: float

    def spent(self) -> float:
        """Return the seconds so far."""
        return self.earlier + self.clock() - self.started


def search(run: Run, journal: Journal, timer: Timer, tell: Tell) -> Arm:
    """Do trials until the budget is spent, nothing pays or the accuracy aimed at is reached; return the best arm.

    Raises:
        UserError: not one solved head has a value.
    """
    conditions = {condition.key: condition for condition in run.plan.conditions}
    if not journal.steps:
        _begin(run, journal, first_trials(journal.arms), journal.budget_seconds)
    while True:
        step = journal.steps[-1]
        if step.seconds is None:
            before = timer.spent()
            run.do([(conditions[trial.key], trial.replicate) for trial in step.trials], tested=False)
            step.seconds, journal.spent_seconds = timer.spent() - before, timer.spent()
            journal.write(run.ledger)
            tell(step_told(journal, seen_in(run.ledger, journal.trials), step))
        seen = seen_in(run.ledger, journal.trials)
        best = _recommended(run, journal, seen)
        _remove_losers(run, journal, seen)
        if journal.is_enough(seen):
            journal.reason = "target"
            return best
        left = journal.budget_seconds * (1 - _RESERVE) - timer.spent()
        decision = decide(journal.setting(), seen, left)
        if not decision.trials:
            journal.reason = decision.reason
            return best
        _begin(run, journal, decision.trials, left)


def _begin(run: Run, journal: Journal, trials: tuple[Trial, ...], left_seconds: float) -> None:
    journal.steps.append(Step(trials, left_seconds))
    journal.reason = ""
    journal.write(run.ledger)


def _recommended(run: Run, journal: Journal, seen: list[Seen]) -> Arm:
    best = journal.recommended(seen)
    if best is None:
        why = next((failure.message for failure in run.ledger.failures()), "nothing was measured")
        raise UserError(f"no head could be solved on any features of this model: {why}")
    return best


def _remove_losers(run: Run, journal: Journal, seen: list[Seen]) -> None:
    """Remove the weights of what is not among the leaders: each is as large as the model."""
    kept = {trial_key(arm.key, 0) for arm in leaders(journal.setting(), seen, _KEPT)}
    for trial in journal.trials:
        folder = artifact_folder(run.output_dir, trial_key(trial.key, 0))
        if kept and folder.name not in kept and folder.exists():
            shutil.rmtree(folder)
