"""Whether fresh replicates show that the recommended condition is within a margin of each rival: pure functions.

Fresh are replicates that no decision sees: other folds and initial values, on the same labelled images. So what is
shown is a matter of chance in folds and training; what other images would say is another question, which the interval
of the accuracy answers.

For each rival the differences in out-of-fold accuracy, pair by pair, plus the margin, are tested with the exact
one-sided signed-rank test, after 6, 9, 14, ... pairs. The k-th look has the level 5 % / 2^k, which sum up to 5 %. So
the probability that a rival that is ahead by the margin is ever called within it is at most 5 %, however often one
looks and whenever one stops. The certificate claims this of all rivals together; it is wrong only if it is wrong of
one that is ahead, so each is tested at the full level (an intersection-union test). It holds for margins given later,
too, as the tests of larger margins reject whenever those of smaller ones do.

Reference:
    Lan and DeMets 1983, Biometrika 70: a level spent over looks. We differ in spending it by the number of the look,
    and in adding the looks up (Bonferroni) instead of using how they depend on each other, which keeps each test exact.
    Berger 1982, Technometrics 24, theorem 2: intersection-union tests. The test: `stats/signed_rank.py`; it takes the
    differences of one pair as symmetric about their centre.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from layercut.recommending.curve import MOST_REPLICATES
from layercut.significance import ALPHA
from layercut.stats.signed_rank import signed_rank_test

FIRST_FRESH = MOST_REPLICATES
"""Decisions see the replicates below."""

LOOKS = (6, 9, 14, 21, 32, 48, 72, 100)
"""Pairs at each look, about half as many again as at the one before. Six are the fewest that the first can show
anything with: 1 / 2^6 is below its level; at more than 100 the test would no longer be exact."""


class RivalStanding(NamedTuple):
    """What fresh replicates say of one rival."""

    key: str
    """Of the rival."""
    num_pairs: int
    mean_difference: float
    """Of the recommended condition to the rival, in 0..1; NaN without a pair."""
    is_shown: bool
    num_needed: int | None
    """Pairs at the look at which it is shown, or would be if further pairs were like these; None: at none."""


def level(look: int) -> float:
    """Return the level of a look, counted from 0.

    Example:
        >>> [level(look) for look in range(3)]
        [0.025, 0.0125, 0.00625]
    """
    return ALPHA / 2.0 ** (look + 1)


def next_look(num_pairs: int) -> int | None:
    """Return how many pairs the next look has; None: there is none."""
    return next((size for size in LOOKS if size > num_pairs), None)


def shown_at(differences: Sequence[float], margin: float) -> int | None:
    """Return with how many pairs the first look rejects that a rival is ahead by the margin; None: no look does."""
    for look, size in enumerate(LOOKS):
        if size > len(differences):
            return None
        if signed_rank_test([one + margin for one in differences[:size]], "greater").p <= level(look):
            return size
    return None


def standing(key: str, own: Sequence[float], rival: Sequence[float], margin: float) -> RivalStanding:
    """Return what pairs of fresh accuracies, in the order of replicates, say of a rival."""
    differences = [one - other for one, other in zip(own, rival, strict=False)]
    if not differences:
        return RivalStanding(key, 0, float("nan"), is_shown=False, num_needed=LOOKS[0])
    mean = sum(differences) / len(differences)
    shown = shown_at(differences, margin)
    repeated = (differences * (LOOKS[-1] // len(differences) + 1))[: LOOKS[-1]]
    return RivalStanding(key, len(differences), mean, shown is not None, shown or shown_at(repeated, margin))
