"""The course of a recommendation in words: what it took, why it ended, why it took longer, what was not tried."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from layercut.figures import words
from layercut.priors.losses import shipped_losses
from layercut.recommending.arms import Seen
from layercut.recommending.journal import Journal
from layercut.recommending.loss import lost_elsewhere
from layercut.recommending.told import arm_name, untried

_ENDS = {
    "worth": "nothing left was expected to gain 0.05 points, however often it was tried",
    "all": "everything was tried",
    "settled": "too few labelled images are wrong for any training to show that it is better",
    "budget": "nothing else worth trying fits into the budget",
    "nothing held out": "no image could be held out to choose by",
    "target": "the target accuracy is reached",
}

_LEAST_SECONDS = 1.0
"""Over the budget, to be spoken of."""


def course(journal: Journal, seen: Sequence[Seen]) -> Iterator[str]:
    """Yield a sentence each."""
    by_key = {arm.key: arm for arm in journal.arms}
    heads = sum(by_key[one.key].solved for one in seen)
    trainings, failed = len(seen) - heads, sum(one.failed for one in seen)
    done = f"{words.count(heads, 'linear classifier')} and {words.count(trainings, 'training')}"
    took = f"{words.duration(journal.spent_seconds)} of {words.duration(journal.budget_seconds)}"
    yield f"Took {took}: {done}; {_ENDS.get(journal.reason, 'not finished')}."
    yield from overrun(journal)
    yield from lost_elsewhere(journal.setting(), seen, shipped_losses())
    if failed:
        lost = [arm_name(by_key[key]) for key in dict.fromkeys(one.key for one in seen if one.failed)]
        all_of_them = (
            trainings and failed == trainings and all(one.failed for one in seen if not by_key[one.key].solved)
        )
        yield f"{'Every training failed' if all_of_them else 'Failed'}: {words.listing(lost)}."
    if not trainings and journal.reason == "budget":
        yield "No training worth running fits into the budget: this rests on linear classifiers alone."
    yield from untried(journal, seen)
    yield from journal.notes


def overrun(journal: Journal) -> Iterator[str]:
    """Yield by how much, and what took longer than there was time for; nothing within a second of the budget."""
    over = journal.spent_seconds - journal.budget_seconds
    if over >= _LEAST_SECONDS:
        why = list(_causes(journal))
        yield f"The budget was exceeded by {words.duration(over)}{': ' if why else ''}{'; '.join(why)}."


def _causes(journal: Journal) -> Iterator[str]:
    end, reserved = journal.spent_seconds - journal.tried_seconds, journal.reserved_seconds
    took = f"the look at the test images and what is written took {words.duration(end)}"
    if journal.tried_seconds - journal.begun_seconds < (journal.steps[-1].seconds or 0.0):
        yield f"{words.duration(journal.begun_seconds)} had passed before this call, which tried nothing more"
    elif journal.tried_seconds > journal.budget_seconds - reserved:
        yield from _late_trials(journal)
    yield f"{took}, where {words.duration(reserved)} were kept for them" if end > reserved else took


def _late_trials(journal: Journal) -> Iterator[str]:
    step = journal.steps[-1]
    if step.seconds is None:
        return
    what = words.count(len(step.trials), "training")
    if step is journal.steps[0]:
        solved = {arm.key for arm in journal.arms if arm.solved}
        heads = all(trial.key in solved for trial in step.trials)
        yield (
            f"{'linear classifiers come' if heads else 'the first training comes'} first whatever the budget, and took "
            f"{words.duration(step.seconds)}; {words.duration(journal.begun_seconds)} had passed before"
        )
    elif step.begun_again:
        yield f"{what} had been interrupted and took {words.duration(step.seconds)} from the beginning"
    elif step.seconds > step.left_seconds:
        yield (
            f"the last step, of {what}, took {words.duration(step.seconds)}, where {words.duration(step.left_seconds)} "
            "were left"
        )
    elif journal.margin is not None:
        yield "fresh replicates took longer than earlier ones had"
