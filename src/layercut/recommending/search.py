"""Trial after trial, until the time is over or nothing pays: the only place where decisions meet a clock."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from layercut.errors import UserError
from layercut.recommending.arms import Arm, ArmTrial, Seen
from layercut.recommending.decision import decide, first_trials, leaders, longest_seconds
from layercut.recommending.journal import Journal, Step
from layercut.recommending.runs import Runs
from layercut.recommending.told import beginning_told, step_told

Clock = Callable[[], float]
Tell = Callable[[str], None]
Rehearse = Callable[[Arm], float]

SEARCH_SHARE = 0.5
"""Share of the budget that the search may take where a certificate is wanted, too."""

_KEPT = 3
"""Weights of so many leaders stay on the disk."""


@dataclass
class Timer:
    """Seconds that a recommendation has taken, over all calls."""

    clock: Clock
    earlier: float
    started: float
    end_seconds: float | None = None
    """What comes after the last trial is expected to take with weights that are kept; None: not known yet."""

    def spent(self) -> float:
        """Return the seconds so far."""
        return self.earlier + self.clock() - self.started


def search(runs: Runs, journal: Journal, timer: Timer, tell: Tell, rehearse: Rehearse) -> Arm:
    """Do trials until the budget is spent, nothing pays or the target accuracy is reached; return the best arm.

    `rehearse` says what the end takes with an arm whose weights are kept; asked once, when the first are.

    Raises:
        UserError: not one solved head has a value.
    """
    if not journal.steps:
        _begin(runs, journal, first_trials(journal.arms), journal.budget_seconds)
    elif journal.steps[-1].seconds is None:
        journal.steps[-1].begun_again = True
    if journal.steps[-1].seconds is None and len(journal.steps) == 1 and journal.arms[0].solved:
        tell(beginning_told(journal))
    while True:
        step = journal.steps[-1]
        if step.seconds is None:
            before = timer.spent()
            runs.do(step.trials)
            step.seconds, journal.spent_seconds = timer.spent() - before, timer.spent()
            journal.write(runs.ledger)
            tell(step_told(journal, journal.seen_in(runs.ledgers), step))
        seen = journal.seen_in(runs.ledgers)
        best = _recommended(runs, journal, seen)
        if timer.end_seconds is None:
            timer.end_seconds = max(map(rehearse, _largest(runs, journal)), default=0.0)
        journal.reserved_seconds = seconds_for_the_end(runs, journal, timer, seen, best)
        _remove_losers(runs, journal, seen)
        if journal.is_enough(seen):
            journal.reason = "target"
            return best
        whole = journal.budget_seconds
        due = whole - journal.reserved_seconds if journal.margin is None else whole * SEARCH_SHARE
        left = due - timer.spent()
        decision = decide(journal.setting(), seen, left)
        if not decision.trials:
            journal.reason = decision.reason
            return best
        _begin(runs, journal, decision.trials, left)


def seconds_for_the_end(runs: Runs, journal: Journal, timer: Timer, seen: Sequence[Seen], best: Arm) -> float:
    """Return what comes after the last trial may well take; an arm whose weights were removed is trained again."""
    again = 0.0 if runs.is_kept(best.key) else longest_seconds(journal.setting(), seen)[best.key]
    return (timer.end_seconds or 0.0) + again


def _largest(runs: Runs, journal: Journal) -> list[Arm]:
    """Return the arm of each model with the most blocks left, of those whose weights are kept."""
    tried = {trial.key for trial in journal.trials}
    kept = [arm for arm in journal.arms if arm.key in tried and runs.is_kept(arm.key)]
    return list({arm.model: arm for arm in sorted(kept, key=lambda arm: arm.left)}.values())


def _begin(runs: Runs, journal: Journal, trials: tuple[ArmTrial, ...], left_seconds: float) -> None:
    journal.steps.append(Step(trials, left_seconds))
    journal.reason = ""
    journal.write(runs.ledger)


def _recommended(runs: Runs, journal: Journal, seen: list[Seen]) -> Arm:
    best = journal.recommended(seen)
    if best is None:
        what = (
            "no head could be solved on any features of this model" if journal.arms[0].solved else "nothing is learned"
        )
        raise UserError(f"{what}: {runs.why_nothing()}")
    return best


def _remove_losers(runs: Runs, journal: Journal, seen: list[Seen]) -> None:
    """Remove the weights of what is not among the leaders: each is as large as the model."""
    kept = {arm.key for arm in leaders(journal.setting(), seen, _KEPT)}
    if kept:
        for key in {trial.key for trial in journal.trials} - kept:
            shutil.rmtree(runs.kept(key), ignore_errors=True)
