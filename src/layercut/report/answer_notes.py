"""The notes below an answer: how certain it is, and which alternatives are as good."""

from __future__ import annotations

from collections.abc import Iterator

from layercut.figures import words
from layercut.metrics import NAMES
from layercut.report.verdicts import Known, Verdict, at_chance
from layercut.significance import ALPHA, least_attainable_p, replicates_needed
from layercut.stats import BestCut, Contrast
from layercut.stats.proportion import share_interval


def pairs(contrast: Contrast) -> str:
    """Return, for example, `9 paired replicates`."""
    return words.count(contrast.num_pairs, "paired replicate")


def notes_of(best: BestCut, verdict: Verdict, known: Known) -> Iterator[str]:
    """Yield the notes below one answer."""
    if best.contrast is not None:
        yield f"Difference to scratch: {_evidence(best.contrast, best.p_holm, best.num_comparisons)}."
        yield f"From scratch {words.percent(best.mean_scratch)}{_guessing(best, verdict, known)}."
    if best.against_transfer is not None:
        contrast = best.against_transfer[1]
        yield f"Difference to the best transfer: {_evidence(contrast, contrast.p, 1)}."
    yield from _few_test_images(best)
    yield from _too_few(best, verdict)
    if best.num_candidates > 1:
        by = f"validation {NAMES[best.metric]} (ties by log loss)"
        yield f"Chosen by {by} among {best.num_candidates} distinct conditions."
    if best.rate is not None:
        yield (
            f"Each condition has its own learning rate, chosen in pilots that are not reported, from "
            f"{words.rate(best.rate.lowest)} to {words.rate(best.rate.highest)}; here {words.rate(best.rate.taken)}."
        )
    yield from _open(best)
    if best.num_unjudged:
        left = words.count(best.num_unjudged, "condition")
        yield f"{left} without validation accuracy could not be chosen."
    yield from _split(best)
    yield from _rivals(best)


def _guessing(best: BestCut, verdict: Verdict, known: Known) -> str:
    """Return a remark on the accuracy of scratch where it is no better than guessing."""
    if verdict == "chance" or not at_chance(best.mean_scratch, best, known):
        return ""
    return f", which is no better than guessing ({words.percent(known.chance[best.context.target])})"


def _evidence(contrast: Contrast, p: float, num_comparisons: int) -> str:
    both = f"{words.interval(contrast.low, contrast.high)}, {words.p_value(p)}"
    adjusted = f", adjusted for {num_comparisons} comparisons" if num_comparisons > 1 else ""
    return f"{both}{adjusted}; {pairs(contrast)}"


def _few_test_images(best: BestCut) -> Iterator[str]:
    """State the uncertainty from few test images, where it exceeds that from the replicates."""
    number = best.num_judging_test_images or best.num_test_images
    if not best.num_test_images or not number or not 0 <= best.mean_test <= 1:
        return
    low, high = share_interval(best.mean_test, number)
    if best.mean_interval is None or high - low > best.mean_interval[1] - best.mean_interval[0]:
        images = words.count(round(best.num_test_images), "test image")
        from_to = f"{words.percent_number(low)} to {words.percent(high)}"
        what = NAMES[best.metric]
        yield f"With {images}, {what} on new images could be anywhere from {from_to} (95 % Wilson interval)."


def _too_few(best: BestCut, verdict: Verdict) -> Iterator[str]:
    if verdict == "too_few":
        number = max(1, best.num_comparisons)
        needed = replicates_needed(number)
        yield (
            f"{words.count(number, 'comparison')} need {needed} replicates: "
            f"`--set transfer.replicates={needed}` with the same command adds {needed - best.num_replicates}."
        )


def _open(best: BestCut) -> Iterator[str]:
    """Name the conditions that validation images cannot distinguish from the choice."""
    if not best.not_told_apart:
        return
    names = [words.condition_name(*name) for name in best.not_told_apart]
    yield f"Validation images cannot tell it apart from {words.listing(names, 4)}."
    if best.cheapest is not None:
        name = words.condition_name(*best.cheapest.point)
        yield (
            f"As far as they can tell, {name} does as well with {words.percent(best.cheapest.parameters, 0)} of the "
            "parameters."
        )


def _split(best: BestCut) -> Iterator[str]:
    """Say how much of a smaller network's gain is due to its size, and how much to what was learned on the source."""
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
        yield f"Not distinguishable from it on test images: {words.listing(same)}."
    elif not better:
        own = "" if best.cutless else f"every other cut of {best.strategy} and "
        yield f"Better on test images than {own}the best cut of every other strategy."
