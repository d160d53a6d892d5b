"""What a recommendation says: arms and their scores in words."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from layercut.figures import words
from layercut.metrics import ACCURACY, Metric
from layercut.recommending.arms import Arm, Seen
from layercut.recommending.decision import are_told_apart, expected_seconds, nearest_whole
from layercut.recommending.journal import Journal, Step
from layercut.stats.proportion import share_interval


class ArmScore(NamedTuple):
    """What its trials say of one arm."""

    arm: Arm
    num_replicates: int
    score: float
    """Mean over replicates of accuracy, or other metric of the study, on images that were held out; NaN where none
    could be."""
    loss: float
    seconds: float
    failed: bool


def judged(arms: Sequence[Arm], seen: Sequence[Seen]) -> list[ArmScore]:
    """Return the arms that were tried, in the order of the arms."""
    found = []
    for arm in arms:
        own = [one for one in seen if one.key == arm.key]
        if own:
            scores = [one.score for one in own if one.score is not None]
            losses = [one.loss for one in own if one.loss is not None]
            seconds = sum(one.seconds for one in own)
            failed = any(one.failed for one in own)
            found.append(ArmScore(arm, len(own), _mean(scores), _mean(losses), seconds, failed))
    return found


def interval(score: float, num_images: float, metric: Metric = ACCURACY) -> tuple[float, float]:
    """Return Wilson's 95 % interval of an accuracy on so many images; NaN where there is none.

    Of a metric over classes, that of a share of as many images as count (`metrics.effective_images`): it takes classes
    for equally hard, and a mean F1 for as sure as a mean recall.
    """
    if math.isnan(score) or not num_images:
        return math.nan, math.nan
    if metric == ACCURACY:  # whole images are right or wrong, in a mean over replicates the nearest number of them
        num_images = round(num_images)
        score = nearest_whole(score * num_images) / num_images
    return share_interval(score, num_images)


def not_told_apart(best: ArmScore, others: Sequence[ArmScore], num_images: float) -> list[ArmScore]:
    """Return what labelled images cannot tell from the best, by accuracy, each by itself."""
    return [other for other in others if not are_told_apart(best.score, other.score, num_images)]


def within_one_error(best: ArmScore, other: ArmScore, num_images: float) -> bool:
    """Return whether an accuracy is at most one standard error below the best, from which a smaller model may be taken.

    Reference:
        Breiman, Friedman, Olshen and Stone 1984, "Classification and Regression Trees", section 3.4.3: the 1 SE rule.
        We differ in the binomial error of the best, the errors of both being on the same images.
    """
    error = math.sqrt(best.score * (1 - best.score) / num_images)
    return other.score >= best.score - error


def arm_name(arm: Arm) -> str:
    """Return model, where there are several, strategy, cut and rate in short."""
    of = f"{arm.model}: " if arm.model else ""
    name = words.condition_name(arm.strategy, None if arm.cutless else arm.cut)
    return f"{of}{name}" + ("" if arm.rate is None else f" (rate {arm.rate:.0e})").replace("e-0", "e-")


def what_to_do(arm: Arm) -> str:
    """Return what is recommended as a phrase that may begin a sentence, with the model where there are several."""
    what = arm.treatment
    return f"Take {arm.model}: {what[0].lower()}{what[1:]}" if arm.model else what


def beginning_told(journal: Journal) -> str:
    """Return one line about the first step, before it is done."""
    (step,) = journal.steps
    return f"fitting {words.count(len(step.trials), 'linear classifier')} on the features of frozen blocks"


def first_told(journal: Journal, planned_seconds: float) -> str:
    """Return one line about a budget that what comes first is planned to exceed."""
    what = "the linear classifiers" if journal.arms[0].solved else "the features and the training"
    return (
        f"{what} that come first are planned to take {words.duration(planned_seconds)}: longer "
        f"than what is left of the budget of {words.duration(journal.budget_seconds)}"
    )


def step_told(journal: Journal, seen: Sequence[Seen], step: Step) -> str:
    """Return one line about a step that is done."""
    rows = {row.arm.key: row for row in judged(journal.arms, seen)}
    own = list(dict.fromkeys(trial.key for trial in step.trials))
    best = max((row.score for row in rows.values() if not math.isnan(row.score)), default=math.nan)
    clock = f"{words.duration(journal.spent_seconds)} of {words.duration(journal.budget_seconds)}"
    where = "out of fold" if journal.is_out_of_fold else "on validation images"
    if all(rows[key].arm.solved for key in own) and step is journal.steps[0]:
        what = words.count(len(own), "linear classifier")
    else:
        what = "; ".join(f"{arm_name(rows[key].arm)} {_outcome(rows[key])}" for key in own)
    return f"{clock}: {what}; best so far {words.percent(best)} {where}"


def look_told(journal: Journal, num_rivals: int, size: int) -> str:
    """Return one line about fresh replicates that are done."""
    clock = f"{words.duration(journal.spent_seconds)} of {words.duration(journal.budget_seconds)}"
    return f"{clock}: {size} fresh replicates beside {words.count(num_rivals, 'rival')}"


def untried(journal: Journal, seen: Sequence[Seen]) -> Iterator[str]:
    """Yield why what was not tried was not, a sentence each."""
    rows = {row.arm.key for row in judged(journal.arms, seen)}
    rest = [arm for arm in journal.arms if arm.key not in rows]
    if not rest:
        return
    trainings = f"{len(rest)} of {words.count(sum(not arm.solved for arm in journal.arms), 'training')}"
    if journal.reason == "worth":
        yield f"Not tried: {trainings}, none of which is expected to gain 0.05 points."
    elif journal.reason == "settled":
        yield f"Not tried: {trainings}: on these labels even one without an error would not be shown to be better."
    elif journal.reason == "target":
        yield f"Not tried: {trainings}: the target accuracy is reached without."
    elif journal.reason == "nothing held out":
        yield f"Not tried: {trainings}: without a held-out image nothing tells whether they help."
    else:
        seconds = expected_seconds(journal.setting(), seen)
        ends = dict.fromkeys(words.duration(f(seconds[arm.key] for arm in rest)) for f in (min, max))
        each = f"about {' to '.join(ends)} each"
        yield f"Not tried: {trainings}, {each}; the same call with a larger budget continues from here."


def _outcome(row: ArmScore) -> str:
    return "failed" if row.failed else words.percent(row.score)


def _mean(values: Sequence[float]) -> float:
    return math.fsum(values) / len(values) if values else math.nan
