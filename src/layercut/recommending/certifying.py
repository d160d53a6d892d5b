"""Fresh replicates of the recommended condition and its rivals, until a certificate is earned or the budget is over."""

from __future__ import annotations

from collections.abc import Iterable

from layercut.errors import UserError
from layercut.recommending.arms import Arm, ArmTrial, Seen
from layercut.recommending.certificate import FIRST_FRESH, LOOKS, next_look
from layercut.recommending.decision import longest_seconds
from layercut.recommending.journal import Journal
from layercut.recommending.runs import Runs
from layercut.recommending.search import Tell, Timer, seconds_for_the_end
from layercut.recommending.standings import seconds_needed, standings
from layercut.recommending.told import look_told


def check_margin(points: float | None) -> None:
    """Refuse what is no margin.

    Raises:
        UserError: it is not between 0 and 100.
    """
    if points is not None and not 0 < points < 100:
        raise UserError(f"--certify {points:g}: expected points of accuracy between 0 and 100, such as 1")


def certify(runs: Runs, journal: Journal, timer: Timer, tell: Tell, best: Arm) -> None:
    """Do fresh replicates, look after look, until every rival is shown to be no more than the margin ahead.

    Nothing is begun that is not likely to be done within the budget.
    """
    margin = journal.margin
    if margin is None:
        return

    def seen(trials: Iterable[ArmTrial]) -> list[Seen]:
        return runs.seen(trials, journal.metric)

    while True:
        found = standings(journal, seen, best, margin)
        open_ones = [one for one in found if not one.is_shown]
        size = next_look(min((one.num_pairs for one in open_ones), default=LOOKS[-1]))
        if size is None:
            return
        done = journal.seen_in(runs.ledgers)
        needed = seconds_needed(journal, best, found, longest_seconds(journal.setting(), done), size)
        journal.reserved_seconds = seconds_for_the_end(runs, journal, timer, done, best)
        if needed > journal.budget_seconds - journal.reserved_seconds - timer.spent():
            return
        last = FIRST_FRESH + size - 1
        runs.do([ArmTrial(key, last) for key in (best.key, *(one.key for one in open_ones))], first=FIRST_FRESH)
        journal.spent_seconds = timer.spent()
        journal.write(runs.ledger)
        tell(look_told(journal, len(open_ones), size))
