"""The answer in words: for each fraction what to do, by how much it helps, and how certain that is."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

from layercut.figures import words
from layercut.metrics import ACCURACY, NAMES
from layercut.report.answer_notes import notes_of, pairs
from layercut.report.verdicts import Known, Verdict, verdict_of
from layercut.stats import BestCut, Undecided
from layercut.stats.design import SCRATCH

_LABELS: dict[Verdict, str] = {
    "gain": "transfer helps",
    "loss": "transfer harms",
    "unclear": "no clear difference",
    "too_few": "too few replicates",
    "scratch": "scratch is best",
    "no_baseline": "no baseline",
    "chance": "no better than guessing",
    "smaller": "a smaller network helps",
    "either": "transfer or a smaller network helps",
}


@dataclass(frozen=True)
class Answer:
    """What the report says about one fraction."""

    fraction: str
    num_images: str
    verdict: Verdict
    lead: str
    """What to do; begins the sentence and is printed bold."""
    rest: str
    """What that gives, which follows the lead."""
    notes: tuple[str, ...]
    """How sure it is, and what else may do."""
    follows: tuple[str, ...] = field(default=(), kw_only=True)
    """What its model costs in use, and the command that gives it."""
    difference: tuple[float, float, float] | None
    """Mean, low and high in percentage points; low and high equal the mean where there is no interval."""

    @property
    def sentence(self) -> str:
        """Return lead and rest as plain text."""
        return self.lead + self.rest

    @property
    def label(self) -> str:
        """Return the verdict in a few words."""
        return _LABELS[self.verdict]


def answer(best: BestCut, known: Known | None = None) -> Answer:
    """Return the answer for one context and fraction."""
    known = known or Known()
    verdict = verdict_of(best, known)
    lead, rest = _sentence(best, verdict, known)
    contrast = best.contrast
    difference = None
    if contrast is not None:
        low, high = (contrast.mean_difference if math.isnan(v) else v for v in (contrast.low, contrast.high))
        difference = (100 * contrast.mean_difference, 100 * low, 100 * high)
    return Answer(
        fraction=words.fraction_label(best.fraction),
        num_images=_images(best),
        verdict=verdict,
        lead=lead,
        rest=rest,
        notes=tuple(notes_of(best, verdict, known)),
        difference=difference,
    )


def no_answer(found: Undecided) -> str:
    """Return the sentence for a fraction at which nothing is chosen."""
    conditions = words.count(found.num_conditions, "condition")
    return (
        f"No choice at {words.fraction_label(found.fraction)} of the data: {conditions} without validation accuracy, "
        "and a choice made on test images would be too optimistic. With `validation: folds`, every label counts in "
        "the choice."
    )


_HEADLINES: dict[Verdict, str] = {
    "gain": "transfer helps at {}",
    "smaller": "a smaller network helps at {}, but nothing shows that transfer does",
    "either": "transfer or a smaller network helps at {}",
    "loss": "transfer harms at {}",
    "scratch": "training from scratch is best at {}",
    "unclear": "no clear difference to training from scratch at {}",
    "too_few": "too few replicates to tell at {}",
    "no_baseline": "no training from scratch to compare with at {}",
    "chance": "nothing is shown to be better than guessing at {}",
}


def headline(answers: Sequence[Answer]) -> str:
    """Return all answers of a context in one sentence, such as `Transfer helps at 1 % and 10 % of the data.`"""
    fractions: dict[Verdict, list[str]] = {}
    for found in answers:
        fractions.setdefault(found.verdict, []).append(found.fraction)
    parts = [
        text.format(words.conjunction(fractions[verdict]) + " of the data")
        for verdict, text in _HEADLINES.items()
        if verdict in fractions
    ]
    return f"{'; '.join(parts)[:1].upper()}{'; '.join(parts)[1:]}." if parts else ""


def common_notes(answers: Sequence[Answer]) -> tuple[str, ...]:
    """Return the notes that every one of several answers has."""
    if len(answers) < 2:
        return ()
    return tuple(note for note in answers[0].notes if all(note in other.notes for other in answers))


def _images(best: BestCut) -> str:
    """Return how many images a trial has; validation images apart where they are no part of the fraction."""
    if math.isnan(best.num_train_images):
        return ""
    training = round(best.num_train_images)
    validation = 0 if math.isnan(best.num_validation_images) else round(best.num_validation_images)
    if best.num_folds > 0:
        return words.count(training, "image")
    if validation > training:
        return f"{words.count(training, 'image')}, {validation:,} to validate"
    return words.count(training + validation, "image")


def _sentence(best: BestCut, verdict: Verdict, known: Known) -> tuple[str, str]:
    """Return what to do, and what that gives."""
    what = best.treatment or f"Take {words.condition_name(*best.point)}"
    what = what[0].lower() + what[1:]
    at = f"At {words.fraction_label(best.fraction)} of the data: "
    accuracy = f"{words.percent(best.mean_test)}{_other(best)} on test images{_spread(best)}"
    found = f". Best on validation images: {what}, {accuracy}"
    if verdict == "chance":
        guessing = words.percent(known.chance[best.context.target])
        lead = f"{at}nothing is shown to be better than guessing"
        gives = "always naming the most frequent class" if best.metric == ACCURACY else "guessing"
        return lead, f"{found}; {gives} gives {guessing}."
    if best.strategy == SCRATCH:
        return _scratch_sentence(best, verdict, at, accuracy)
    if best.contrast is None:
        return at + what, f": {accuracy}. There is no training from scratch to compare with."
    by = f"{words.points(best.contrast.mean_difference)} over training from scratch"
    if verdict == "loss":
        return f"{at}train from scratch", (
            f": {words.percent(best.mean_scratch)}{_other(best)} on test images. The condition that did best on "
            f"validation images ({what}) does worse there, {words.percent(best.mean_test)}."
        )
    if verdict == "unclear":
        return f"{at}no clear difference", f"{found}, {by}."
    unproven = f", which {pairs(best.contrast)} are too few to prove" if verdict == "too_few" else ""
    return at + what, f": {accuracy}, {by}{unproven}."


def _other(best: BestCut) -> str:
    """Return the name of a metric other than accuracy, to follow its value."""
    return "" if best.metric == ACCURACY else f" {NAMES[best.metric]}"


def _scratch_sentence(best: BestCut, verdict: Verdict, at: str, accuracy: str) -> tuple[str, str]:
    if best.against_transfer is None:
        return f"{at}train from scratch", f": {accuracy}. Nothing else was tried."
    point, contrast = best.against_transfer
    by = f"{words.points(contrast.mean_difference)} over the best transfer ({words.condition_name(*point)})"
    if verdict == "scratch":
        return f"{at}train from scratch", f": {accuracy}, {by}."
    if verdict == "too_few":
        return f"{at}train from scratch", f": {accuracy}, {by}, which {pairs(contrast)} are too few to prove."
    return f"{at}no clear difference", (f". Best on validation images: training from scratch, {accuracy}, {by}.")


def _spread(best: BestCut) -> str:
    if best.mean_interval is None:
        return f" ({words.count(best.num_replicates, 'replicate')})"
    low, high = best.mean_interval
    return f" (95 % interval {words.percent_number(low)} to {words.percent(high)})"
