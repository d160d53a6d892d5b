"""What is said under a recommendation: how good it is, how surely, what it took, and what was not tried."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from layercut.figures import words
from layercut.metrics import ACCURACY, NAMES
from layercut.recommending.arms import Seen
from layercut.recommending.certificate import LOOKS, RivalStanding
from layercut.recommending.course import course
from layercut.recommending.decision import expected_seconds
from layercut.recommending.journal import Journal, Look
from layercut.recommending.standings import seconds_needed
from layercut.recommending.target import shown_accuracy
from layercut.recommending.told import ArmScore, arm_name, interval, not_told_apart, what_to_do
from layercut.recommending.why import (
    MOST_NAMED,
    best_of_each,
    by_model,
    cheaper,
    features_by_depth,
    how_sure,
    is_judged,
    more,
)
from layercut.records import TrialRecord


def measure(journal: Journal) -> str:
    """Return what conditions are compared by."""
    return f"{'Out-of-fold' if journal.is_out_of_fold else 'Validation'} {NAMES[journal.metric]}"


class Evidence(NamedTuple):
    """All that a recommendation rests on."""

    journal: Journal
    seen: Sequence[Seen]
    rows: Sequence[ArmScore]
    """Arms that were tried."""
    own: ArmScore
    """The one that is recommended."""
    records: Mapping[str, TrialRecord]
    """Of the first replicate, by arm."""
    standings: Sequence[RivalStanding] = ()
    """What fresh replicates say of each rival, where a certificate was asked for."""

    @property
    def is_chosen(self) -> bool:
        """Return whether images could be held out to choose by."""
        return is_judged(self.own)

    @property
    def same(self) -> list[ArmScore]:
        """Return what labelled images do not tell from the recommendation."""
        others = [row for row in self.rows if row is not self.own and is_judged(row)]
        return not_told_apart(self.own, others, self.journal.num_judging) if self.is_chosen else []


def lead(found: Evidence) -> str:
    """Return what to do, in one sentence."""
    arm = found.own.arm
    rate = "" if arm.rate is None else f", at a learning rate of {arm.rate:.0e}".replace("e-0", "e-")
    return f"{what_to_do(arm)}{rate}."


def evidence(found: Evidence) -> Iterator[str]:
    """Yield everything else, a sentence each."""
    yield from _quality(found) if found.is_chosen else _no_choice(found.journal)
    yield from course(found.journal, found.seen)


def _quality(found: Evidence) -> Iterator[str]:
    journal, own, same = found.journal, found.own, found.same
    if own.arm.key in journal.looks:
        yield _on_test_images(journal, journal.looks[own.arm.key])
    yield _on_held_out_images(found)
    yield from how_sure(own, found.rows, same)
    yield from features_by_depth(own, found.rows)
    yield from _beside_the_usual(found)
    yield from best_of_each(own, found.rows)
    if journal.target_accuracy is not None:
        yield _target(journal, journal.target_accuracy, own)
    if journal.margin is not None:
        yield from _certificate(found, journal.margin)
    if alone := sum(count == 1 for count in journal.class_counts.values()):
        classes = words.count(alone, "class has", "classes have")
        yield f"{classes} one image, which says nothing about how well it is recognised."
    if interval(own.score, journal.num_judging, journal.metric)[0] <= journal.chance:
        yield (
            f"{measure(journal)} is not clearly above chance: more labels are needed before anything here can be "
            "trusted."
        )
    yield from by_model(found.rows)
    yield from cheaper(own, same, found.records, journal.num_judging)


def _on_held_out_images(found: Evidence) -> str:
    journal, own = found.journal, found.own
    span = _span(interval(own.score, journal.num_judging, journal.metric))
    images = "labelled image" if journal.is_out_of_fold else "validation image"
    unseen = ", each predicted by a model that was not trained on it" if journal.is_out_of_fold else ""
    guessing = "the most frequent class alone has" if journal.metric == ACCURACY else "guessing gives"
    replicates = "" if own.num_replicates == 1 else f" (mean of {own.num_replicates} replicates)"
    judged = [row.score for row in filter(is_judged, found.rows)]
    flattered = f" As the best of {len(judged)} scores, it is probably too high." if own.score > min(judged) else ""
    return (
        f"{measure(journal)} {words.percent(own.score)}{replicates} ({span}) on "
        f"{words.count(journal.num_held_out, images)}{unseen}; {guessing} {words.percent(journal.chance)}."
        f"{flattered if own.score == max(judged) else ''}"
    )


def _span(ends: tuple[float, float]) -> str:
    return f"95 % interval {words.percent_number(ends[0])} to {words.percent(ends[1])}"


def _on_test_images(journal: Journal, look: Look) -> str:
    which = "test images" if journal.has_test_images else "images that were set aside as test images"
    score = float(getattr(look, journal.metric))
    number = look.num_images if journal.metric == ACCURACY else look.num_effective_images
    span = _span(interval(score, number or 0, journal.metric))
    earlier = len(journal.looks) - 1
    before = f", except {words.count(earlier, 'earlier recommendation')} made in less time" if earlier else ""
    return (
        f"On new images expect {_with_article(NAMES[journal.metric])} of {words.percent(score)} ({span}), measured on "
        f"{look.num_images:,} {which}, which played no part in any choice. No other model was evaluated on "
        f"them{before}."
    )


def _with_article(noun: str) -> str:
    return f"{'an' if noun[0] in 'aeiou' else 'a'} {noun}"


def _beside_the_usual(found: Evidence) -> Iterator[str]:
    usual = next((row for row in found.rows if row.arm.key == found.journal.usual and is_judged(row)), None)
    if usual is None:
        return
    if usual is found.own:
        yield (
            "This is the usual choice for a pretrained network on few images: all its blocks as they are. The labels "
            "show nothing else that was tried to be better (exact one-sided sign tests at 5 %)."
        )
    else:
        yield (
            f"The usual choice for a pretrained network on few images, {arm_name(usual.arm)}, has "
            f"{words.percent(usual.score)}; the labels show that to be worse (exact one-sided sign test at 5 %)."
        )


def _target(journal: Journal, target_accuracy: float, own: ArmScore) -> str:
    shown = shown_accuracy(own.score, journal.num_held_out, len(journal.arms))
    bound = f"one-sided 95 % bound, whichever of the {len(journal.arms):,} conditions had turned out best"
    verdict = "reached" if shown >= target_accuracy else "not shown to be reached"
    return (
        f"The target accuracy, {words.percent(target_accuracy)}, is {verdict}: {words.percent(shown)} is shown "
        f"({bound})."
    )


def _certificate(found: Evidence, margin: float) -> Iterator[str]:
    journal, standings = found.journal, found.standings
    if not standings:
        yield "No certificate: no other condition was tried."
        return
    within = f"within {100 * margin:g} points of"
    rows, open_ones = {row.arm.key: row for row in found.rows}, [one for one in standings if not one.is_shown]
    if not open_ones:
        pairs = max(one.num_pairs for one in standings)
        yield (
            f"Shown to be {within} {words.count(len(standings), 'other condition')} that "
            f"{'was' if len(standings) == 1 else 'were'} tried: {pairs} fresh replicates, which no choice saw, of "
            "other folds and initial values on these labelled images (exact signed-rank tests, at 5 % over all looks)."
        )
        return
    needed = [one.num_needed for one in open_ones if one.num_needed is not None]
    listed = [f"{arm_name(rows[one.key].arm)}{_ahead(one)}" for one in open_ones if one.num_pairs]
    if not listed:
        yield f"Nothing is shown yet of whether it is {within} the others: no fresh replicate is done."
    else:
        yield f"Not shown to be {within}: {'; '.join(listed[:MOST_NAMED])}{more(listed)}."
    if len(needed) < len(open_ones):
        yield f"If further replicates are like these, even {LOOKS[-1]}, the most that are tested, would not show it."
        return
    each = expected_seconds(journal.setting(), found.seen)
    seconds = seconds_needed(journal, found.own.arm, standings, each, max(needed))
    so_far = max(one.num_pairs for one in open_ones)
    like = ", if further ones are like these" if so_far else ", the fewest that can show anything"
    yield (
        f"The budget is too short: it takes about {max(needed)} fresh replicates of "
        f"{words.count(len(open_ones) + 1, 'condition')}{like}, some {words.duration(seconds)} more."
    )


def _ahead(one: RivalStanding) -> str:
    if not one.num_pairs:
        return ""
    return f", {100 * one.mean_difference:+.1f} points over {one.num_pairs} fresh replicates".replace("-", "−")


def _no_choice(journal: Journal) -> Iterator[str]:
    classes = words.count(len(journal.class_counts), "class", "classes")
    yield (
        f"This is the usual setting, not a choice: of {words.count(journal.num_images, 'labelled image')} of "
        f"{classes} no two classes have one to hold out, so nothing can be compared. "
        "Two images of each class or more let every label count."
    )
