"""The answer in words: for each fraction what to do, by how much it helps, and how certain that is."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import pandas as pd

from layercut.figures import words
from layercut.metrics import ACCURACY, NAMES
from layercut.significance import ALPHA, least_attainable_p, replicates_needed
from layercut.stats import BestCut, Contrast, Undecided
from layercut.stats.design import CUTLESS, SCRATCH
from layercut.stats.metric import known_chance
from layercut.stats.proportion import share_interval

Verdict = Literal["gain", "loss", "unclear", "too_few", "scratch", "no_baseline", "chance", "smaller", "either"]

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

_ONE_SIDED_QUANTILE = 1.645
"""Of the normal distribution at 5 %."""


@dataclass(frozen=True)
class Known:
    """What is known of a study beside its results."""

    chance: Mapping[str, float] = field(default_factory=dict)
    """What guessing gives on the test images, by target (`metrics.chance`)."""
    blocks: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """Names of the blocks, by model."""
    missing: int = 0
    """Trials that have not run yet: as long as there are any, nothing is recommended."""
    planned: int = 0
    """Trials that the study asks for."""

    @classmethod
    def of(cls, plan: Mapping[str, Any], results: pd.DataFrame) -> Known:
        """Return what a study's plan tells; a study that was imported, or merged from others, has none."""
        planned = int(plan.get("trials_distinct") or 0)
        run = results["key"].nunique() if planned and "key" in results else planned
        return cls(known_chance(plan, results), plan.get("blocks", {}), max(0, planned - run), planned)

    @property
    def unfinished(self) -> str:
        """Return what is said instead of an answer; empty where every trial has run."""
        if not self.missing:
            return ""
        return (
            f"Not finished: {self.planned - self.missing:,} of {self.planned:,} trials have run. "
            "The same command goes on; the answer comes at the end."
        )


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
    verdict = _verdict(best, known)
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
        notes=tuple(_notes(best, verdict, known)),
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
    "smaller": "a smaller network helps at {}, what was learned on the source is not shown to",
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


def _verdict(best: BestCut, known: Known) -> Verdict:
    if best.strategy == SCRATCH and best.num_candidates == 1:
        return "scratch"
    if _at_chance(best.mean_test, best, known):
        return "chance"
    if best.strategy == SCRATCH:
        return _proof(best.against_transfer[2], 1) if best.against_transfer else "scratch"
    if best.contrast is None:
        return "no_baseline"
    found = _verdict_of(best.contrast, best.p_holm, best.num_comparisons)
    return _cause(best) if found == "gain" else found


def _cause(best: BestCut) -> Verdict:
    """Return what a gain over scratch comes from: transfer, unless the network is smaller, too."""
    if not best.transfers:
        return "smaller"
    if best.split is None:
        return "gain"
    if best.split.learned is None:
        return "either"
    return "gain" if best.split.learned.p < ALPHA and best.split.learned.mean_difference > 0 else "smaller"


def _proof(contrast: Contrast, num_comparisons: int) -> Verdict:
    """Return whether scratch is shown to be better than the best transfer: it needs the proof that transfer needs."""
    found = _verdict_of(contrast, contrast.p, num_comparisons)
    return {"gain": "scratch", "loss": "unclear"}.get(found, found)  # type: ignore[return-value]


def _verdict_of(contrast: Contrast, p: float, num_comparisons: int) -> Verdict:
    if least_attainable_p(contrast.num_pairs, max(1, num_comparisons)) >= ALPHA:
        return "too_few"
    if not p < ALPHA:
        return "unclear"
    return "gain" if contrast.mean_difference > 0 else "loss"


def _at_chance(accuracy: float, best: BestCut, known: Known) -> bool:
    """Return whether an accuracy on the test images is within what guessing gives, one-sided at 5 %."""
    chance = known.chance.get(best.context.target)
    number = best.num_judging_test_images or best.num_test_images
    if chance is None or not number:
        return False
    return accuracy <= chance + _ONE_SIDED_QUANTILE * math.sqrt(chance * (1 - chance) / number)


def _sentence(best: BestCut, verdict: Verdict, known: Known) -> tuple[str, str]:
    """Return what to do, and what that gives."""
    what = words.phrase(best.strategy, best.cut, best.num_blocks, known.blocks.get(best.context.model, ()))
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
            f": {words.percent(best.mean_scratch)}{_other(best)} on test images. What did best on validation images "
            f"({what}) is worse there, {words.percent(best.mean_test)}."
        )
    if verdict == "unclear":
        return f"{at}it makes no clear difference", f"{found}, {by}."
    unproven = f", which {_pairs(best.contrast)} cannot prove" if verdict == "too_few" else ""
    return at + what, f": {accuracy}, {by}{unproven}."


def _other(best: BestCut) -> str:
    """Return the name of a metric that is not accuracy, behind its value."""
    return "" if best.metric == ACCURACY else f" {NAMES[best.metric]}"


def _scratch_sentence(best: BestCut, verdict: Verdict, at: str, accuracy: str) -> tuple[str, str]:
    if best.against_transfer is None:
        return f"{at}train from scratch", f": {accuracy}. Nothing else was tried."
    strategy, cut, contrast = best.against_transfer
    by = f"{words.points(contrast.mean_difference)} over the best transfer ({words.condition_name(strategy, cut)})"
    if verdict == "scratch":
        return f"{at}train from scratch", f": {accuracy}, {by}."
    if verdict == "too_few":
        return f"{at}train from scratch", f": {accuracy}, {by}, which {_pairs(contrast)} cannot prove."
    return f"{at}it makes no clear difference", (
        f". Best on validation images: training from scratch, {accuracy}, {by}."
    )


def _spread(best: BestCut) -> str:
    if best.mean_interval is None:
        return f" ({words.count(best.num_replicates, 'replicate')})"
    low, high = best.mean_interval
    return f" (95 % interval {words.percent_number(low)} to {words.percent(high)})"


def _pairs(contrast: Contrast) -> str:
    return words.count(contrast.num_pairs, "paired replicate")


def _notes(best: BestCut, verdict: Verdict, known: Known) -> Iterator[str]:
    if best.contrast is not None:
        yield f"Difference to scratch: {_evidence(best.contrast, best.p_holm, best.num_comparisons)}."
        yield f"From scratch {words.percent(best.mean_scratch)}{_guessing(best, verdict, known)}."
    if best.against_transfer is not None:
        contrast = best.against_transfer[2]
        yield f"Difference to the best transfer: {_evidence(contrast, contrast.p, 1)}."
    yield from _few_test_images(best)
    yield from _too_few(best, verdict)
    if best.num_candidates > 1:
        by = f"validation {NAMES[best.metric]} (ties by log loss)"
        yield f"Chosen by {by} among {best.num_candidates} distinct conditions."
    if best.rate is not None:
        yield (
            f"Each condition has a learning rate of its own, chosen in pilots that are not reported from "
            f"{words.rate(best.rate.lowest)} to {words.rate(best.rate.highest)}; here {words.rate(best.rate.taken)}."
        )
    yield from _open(best)
    if best.num_unjudged:
        left = words.count(best.num_unjudged, "condition")
        yield f"{left} without validation accuracy could not be chosen."
    yield from _split(best)
    yield from _rivals(best)


def _guessing(best: BestCut, verdict: Verdict, known: Known) -> str:
    """Return what is added to the accuracy of scratch where it is no better than guessing."""
    if verdict == "chance" or not _at_chance(best.mean_scratch, best, known):
        return ""
    return f", which is no better than guessing ({words.percent(known.chance[best.context.target])})"


def _evidence(contrast: Contrast, p: float, num_comparisons: int) -> str:
    both = f"{words.interval(contrast.low, contrast.high)}, {words.p_value(p)}"
    adjusted = f", adjusted for {num_comparisons} comparisons" if num_comparisons > 1 else ""
    return f"{both}{adjusted}; {_pairs(contrast)}"


def _few_test_images(best: BestCut) -> Iterator[str]:
    """Say what the test images leave open, where that is more than what replicates do."""
    number = best.num_judging_test_images or best.num_test_images
    if not best.num_test_images or not number or not 0 <= best.mean_test <= 1:
        return
    low, high = share_interval(best.mean_test, number)
    if best.mean_interval is None or high - low > best.mean_interval[1] - best.mean_interval[0]:
        images = words.count(round(best.num_test_images), "test image")
        from_to = f"{words.percent_number(low)} to {words.percent(high)}"
        what = NAMES[best.metric]
        yield f"With {images}, {what} on new images may lie anywhere from {from_to} (95 % Wilson interval)."


def _too_few(best: BestCut, verdict: Verdict) -> Iterator[str]:
    if verdict == "too_few":
        number = max(1, best.num_comparisons)
        needed = replicates_needed(number)
        yield (
            f"{words.count(number, 'comparison')} need {needed} replicates: "
            f"`--set transfer.replicates={needed}` with the same command adds {needed - best.num_replicates}."
        )


def _open(best: BestCut) -> Iterator[str]:
    """Say what validation images cannot tell from the choice."""
    if not best.not_told_apart:
        return
    names = [words.condition_name(*name) for name in best.not_told_apart]
    yield f"Validation images cannot tell it apart from {words.listing(names, 4)}."
    if best.cheapest is not None:
        name = words.condition_name(best.cheapest.strategy, best.cheapest.cut)
        yield (
            f"As far as they can tell, {name} does as well with {words.percent(best.cheapest.parameters, 0)} of the "
            "parameters."
        )


def _split(best: BestCut) -> Iterator[str]:
    """Say how much of a smaller network's gain comes of its size, and how much of what was learned on the source."""
    if best.split is None or best.contrast is None:
        return
    smaller, learned = best.split
    if smaller is None or learned is None:
        yield (
            "The network is smaller than the one trained from scratch; how much of the difference is due to that is "
            "unknown, because scratch_truncate was not run at this cut."
        )
        return
    yield (
        f"Of the difference, {words.points(smaller.mean_difference)} come from the smaller network "
        f"({words.interval(smaller.low, smaller.high)}) and {words.points(learned.mean_difference)} from what was "
        f"learned on the source ({words.interval(learned.low, learned.high)})."
    )


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
