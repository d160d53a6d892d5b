"""The answer in words: for each fraction what to do, by how much it helps, and how certain that is."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from layercut.report import words
from layercut.significance import ALPHA, least_attainable_p
from layercut.stats import BestCut, Contrast, Undecided
from layercut.stats.design import CUTLESS, SCRATCH

Verdict = Literal["gain", "loss", "unclear", "too_few", "scratch", "no_baseline"]

_LABELS: dict[Verdict, str] = {
    "gain": "transfer helps",
    "loss": "transfer harms",
    "unclear": "no clear difference",
    "too_few": "too few replicates",
    "scratch": "scratch is best",
    "no_baseline": "no baseline",
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
    """The evidence, which follows the lead."""
    notes: tuple[str, ...]
    difference: tuple[float, float, float] | None
    """Mean, low and high in percentage points; low and high equal the mean where there is no interval."""

    @property
    def sentence(self) -> str:
        """Return the whole answer as plain text."""
        return self.lead + self.rest

    @property
    def label(self) -> str:
        """Return the verdict in a few words."""
        return _LABELS[self.verdict]


def answer(best: BestCut) -> Answer:
    """Return the answer for one context and fraction."""
    verdict = _verdict(best)
    lead, rest = _sentence(best, verdict)
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
        notes=tuple(_notes(best)),
        difference=difference,
    )


def no_answer(found: Undecided) -> str:
    """Return what is said of a fraction at which nothing is chosen."""
    conditions = words.count(found.num_conditions, "condition")
    return (
        f"No choice at {words.fraction_label(found.fraction)} of the data: {conditions} without validation accuracy, "
        "and a choice on test images would promise too much. `validation: folds` lets every label count in the choice."
    )


_HEADLINES: dict[Verdict, str] = {
    "gain": "transfer helps at {}",
    "loss": "transfer harms at {}",
    "scratch": "training from scratch is best at {}",
    "unclear": "no clear difference to training from scratch at {}",
    "too_few": "too few replicates to tell at {}",
    "no_baseline": "no training from scratch to compare with at {}",
}


def headline(answers: Sequence[Answer]) -> str:
    """Return all answers of a context in one sentence, such as `Transfer helps at 1 % and 10 % of the data.`"""
    shares: dict[Verdict, list[str]] = {}
    for found in answers:
        shares.setdefault(found.verdict, []).append(found.fraction)
    parts = [
        text.format(words.conjunction(shares[verdict]) + " of the data")
        for verdict, text in _HEADLINES.items()
        if verdict in shares
    ]
    return f"{'; '.join(parts)[:1].upper()}{'; '.join(parts)[1:]}." if parts else ""


def common_notes(answers: Sequence[Answer]) -> tuple[str, ...]:
    """Return the notes that every one of several answers has."""
    if len(answers) < 2:
        return ()
    return tuple(note for note in answers[0].notes if all(note in other.notes for other in answers))


def _images(best: BestCut) -> str:
    """Return how many images a trial has; validation images apart where they are no part of the share of the data."""
    if math.isnan(best.num_train_images):
        return ""
    training = round(best.num_train_images)
    validation = 0 if math.isnan(best.num_validation_images) else round(best.num_validation_images)
    if validation > training:
        return f"{words.count(training, 'image')}, {validation:,} to validate"
    return words.count(training + validation, "image")


def _verdict(best: BestCut) -> Verdict:
    if best.strategy == SCRATCH:
        return "scratch"
    if best.contrast is None:
        return "no_baseline"
    if least_attainable_p(best.contrast.num_pairs, max(1, best.num_comparisons)) >= ALPHA:
        return "too_few"
    if not best.p_holm < ALPHA:
        return "unclear"
    return "gain" if best.contrast.mean_difference > 0 else "loss"


def _sentence(best: BestCut, verdict: Verdict) -> tuple[str, str]:
    what = words.phrase(best.strategy, best.cut, best.num_blocks)
    at = f", at {words.fraction_label(best.fraction)} of the data"
    accuracy = f"mean test accuracy {words.percent(best.mean_test)}, {words.count(best.num_replicates, 'replicate')}"
    if verdict == "scratch" and best.num_candidates == 1:
        return what + at, f": nothing else was tried ({accuracy})."
    if verdict == "scratch":
        return what + at, f": no cut did better on validation images ({accuracy})."
    contrast = best.contrast
    if contrast is None:
        return what + at, f": {accuracy}. There is no training from scratch to compare with."
    by, evidence = words.points(contrast.mean_difference), _evidence(contrast, best.p_holm)
    if verdict == "gain":
        return what + at, f": {by} over training from scratch ({evidence})."
    if verdict == "loss":
        return (
            f"Train from scratch{at}",
            f". {what}, which did best on validation images, is worse on test images: {by} ({evidence}).",
        )
    lead = "Too few replicates to tell" if verdict == "too_few" else "No clear difference to training from scratch"
    return lead + at, f". Best on validation images: {what[0].lower()}{what[1:]}, {by} ({evidence})."


def _evidence(contrast: Contrast, p_holm: float) -> str:
    pairs = words.count(contrast.num_pairs, "paired replicate")
    return f"{words.interval(contrast.low, contrast.high)}, {pairs}, {words.p_value(p_holm)} after Holm"


def _notes(best: BestCut) -> list[str]:
    notes = []
    if best.contrast is not None:
        notes.append(
            f"Mean test accuracy {words.percent(best.mean_test)}, from scratch {words.percent(best.mean_scratch)}."
        )
    if best.num_candidates > 1:
        notes.append(f"Chosen on validation accuracy among {best.num_candidates} distinct conditions.")
    return [*notes, *_rivals(best)]


def _rivals(best: BestCut) -> Iterator[str]:
    better = [words.condition_name(*name) for name in best.better]
    same = [words.condition_name(*name) for name in best.indistinguishable]
    if better:
        yield f"Better on test images: {words.listing(better)}."
    if not best.num_rivals or least_attainable_p(best.num_replicates, best.num_rivals) >= ALPHA:
        return
    if same:
        yield f"On test images not distinguishable from it: {words.listing(same)}."
    elif not better:
        own = "" if best.strategy in CUTLESS else f"every other cut of {best.strategy} and "
        yield f"On test images better than {own}the best cut of every other strategy."
