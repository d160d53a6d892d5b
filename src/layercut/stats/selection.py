"""What selection data can tell: which condition is best, and which cannot be distinguished from it.

Selection data are the validation images; with `validation: folds`, all labelled images of a replicate, each predicted
by a model that has not seen it. Test images play no part.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple, Protocol, TypeVar

_DECIMALS = 12
"""Mean accuracies that are equal to so many digits are ties."""

ENOUGH_IMAGES = 20
"""On fewer, next to nothing can be told apart, and that a condition cannot be says nothing for it."""

_NORMAL_QUANTILE = 1.96
"""Of a two-sided 95 % interval."""


class Judged(Protocol):
    """A condition with its means over replicates on selection data."""

    @property
    def cut(self) -> int: ...
    @property
    def mean_validation(self) -> float: ...
    @property
    def mean_validation_loss(self) -> float: ...
    @property
    def num_trained_parameters(self) -> float: ...
    @property
    def num_replicates(self) -> int: ...
    @property
    def num_train_images(self) -> float: ...
    @property
    def num_validation_images(self) -> float: ...
    @property
    def num_judging_images(self) -> float: ...
    @property
    def fraction(self) -> float: ...


J = TypeVar("J", bound=Judged)


def best_on_selection(candidates: Sequence[J]) -> J:
    """Return the condition with the highest mean validation accuracy; of equal ones, the lowest mean log loss.

    With 24 labels, accuracies tie often; log loss hardly ever does. Where it is not known, the condition that trains
    the fewest parameters, then the deeper cut, then the first. `benchmarks/choice` has what other rules lose. The
    metric of the study stands in the place of accuracy.
    """
    return max(candidates, key=_score)


def _score(one: Judged) -> tuple[float, float, float, int]:
    loss, trained = one.mean_validation_loss, one.num_trained_parameters
    return (
        round(one.mean_validation, _DECIMALS),
        -math.inf if math.isnan(loss) else -loss,
        -math.inf if math.isnan(trained) else -trained,
        one.cut,
    )


class Standing(NamedTuple):
    """Whether selection data distinguish a condition from the best one."""

    difference: float
    """In validation accuracy, at most 0."""
    margin: float
    """Differences below this are within what so few images leave open."""

    num_images: float
    """Different images that both were judged on, about."""

    @property
    def open(self) -> bool:
        """Return whether it cannot be distinguished from the best one."""
        return -self.difference <= self.margin

    @property
    def near(self) -> bool:
        """Return whether it is within one standard error of the best one, on images enough to say so."""
        return self.num_images >= ENOUGH_IMAGES and -self.difference <= self.margin / _NORMAL_QUANTILE


def standing(one: Judged, best: Judged) -> Standing:
    """Compare a condition with the best one.

    The margin is that of a 95 % interval of the difference of two shares of as many images as were looked at. It
    takes the two for independent; predictions on the same images mostly agree, so the margin is rather too wide.

    Reference:
        The idea of the one-standard-error rule, Breiman et al. 1984, Classification and regression trees, section 3.4.
    """
    number = min(_num_images(one), _num_images(best))
    variance = sum(share * (1 - share) for share in (one.mean_validation, best.mean_validation))
    margin = math.inf if number < 1 else _NORMAL_QUANTILE * math.sqrt(max(variance, 1 / number) / number)
    return Standing(one.mean_validation - best.mean_validation, margin, number)


def _num_images(one: Judged) -> float:
    """Return about how many different images the mean validation accuracy rests on.

    Each replicate draws its own sample of the labelled images, and cannot see more than there are. More validation than
    training images are those set aside once for all replicates (`validation: full`). Of a metric over classes, as many
    in equal classes as would tell as much (`metrics.effective_images`), which takes classes for equally hard.
    """
    if math.isnan(one.num_validation_images):
        return 0
    if one.num_validation_images > one.num_train_images:
        return one.num_judging_images
    sample = max(one.num_train_images, one.num_validation_images)
    different = min(one.num_validation_images * one.num_replicates, sample / one.fraction)
    if one.num_judging_images == one.num_validation_images:
        return different
    return different * one.num_judging_images / one.num_validation_images
