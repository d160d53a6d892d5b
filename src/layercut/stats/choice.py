"""The chosen condition at one fraction, and what is known about the choice."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NamedTuple

from layercut.metrics import ACCURACY, Metric
from layercut.stats.contrast import Contrast
from layercut.stats.design import Context, DesignPoint


class Cheaper(NamedTuple):
    """A smaller condition that may be as good."""

    point: DesignPoint
    parameters: float
    """Its parameters over those of the chosen condition, in 0..1."""


class ChosenRate(NamedTuple):
    """A learning rate that pilots chose, and the ends of the list that it was chosen from."""

    taken: float
    lowest: float
    highest: float


class GainSplit(NamedTuple):
    """The gain of a smaller network over scratch in two parts; None where its control was not run."""

    smaller: Contrast | None
    """The smaller network from scratch, over scratch."""
    learned: Contrast | None
    """The chosen condition over the smaller network from scratch: the contribution of the source."""


@dataclass(frozen=True)
class BestCut:
    """The chosen condition of one context at one fraction. Accuracies are 0..1."""

    context: Context
    fraction: float
    strategy: str
    cut: int
    num_blocks: int
    chosen_on: Literal["validation"]
    """What the choice looked at; never test accuracy."""
    num_candidates: int
    """Distinct conditions that it was chosen among: those with a validation accuracy in every finished replicate."""
    num_replicates: int
    mean_validation: float
    mean_test: float
    mean_scratch: float
    """Mean test accuracy of scratch at this fraction; NaN where the study has none."""
    contrast: Contrast | None
    """Difference to scratch in test accuracy; None where scratch was chosen or is missing."""
    p_holm: float
    """p-value of the contrast within its family: the conditions of this strategy at this fraction."""
    num_comparisons: int
    num_train_images: float
    num_validation_images: float
    num_folds: float = 0
    """0 without a cross-validation; with one, the validation images are training images, too."""
    num_rivals: int = 0
    """Conditions it was compared with: other cuts of its strategy, the best cut of each other strategy."""
    indistinguishable: tuple[DesignPoint, ...] = ()
    """Rivals with p >= 0.05 after Holm over all rivals, on test; best mean first."""
    better: tuple[DesignPoint, ...] = ()
    """Rivals distinguishable from it and better on test."""
    num_unjudged: int = 0
    """Distinct conditions that finished but lack validation accuracies: no candidates, whatever they show on test."""
    mean_interval: tuple[float, float] | None = None
    """95 % interval of `mean_test`; None with one replicate."""
    mean_validation_loss: float | None = None
    """Mean log loss in nats on validation images; None where it was not written down."""
    num_test_images: float | None = None
    num_judging_test_images: float | None = None
    """As far as they count for the metric: all for accuracy, as many in equal classes for one over classes.
    None: all."""
    not_told_apart: tuple[DesignPoint, ...] = ()
    """Conditions that validation images cannot tell from it, best first (`stats/selection.py`)."""
    cheapest: Cheaper | None = None
    """The smallest of these, where it has far fewer parameters."""
    against_transfer: tuple[DesignPoint, Contrast] | None = None
    """Where scratch was chosen: the transfer that did best on validation images, and what scratch gains over it."""
    transfers: bool = True
    """Whether any block comes from the source."""
    split: GainSplit | None = None
    """Where the chosen network is smaller than scratch's: what part of the gain that is."""
    num_parameters: int | None = None
    """Of the network that is left."""
    num_trained_parameters: int | None = None
    rate: ChosenRate | None = None
    """Its learning rate, where pilots chose it."""
    metric: Metric = ACCURACY
    """What all values are, and what it was chosen by."""
    cutless: bool = False
    """Whether its strategy does the same at every cut."""
    treatment: str = ""
    """What to do, as a sentence begins; empty where it was not written down."""

    @property
    def point(self) -> DesignPoint:
        """Return what it is called."""
        return DesignPoint(self.strategy, None if self.cutless else self.cut)


class Undecided(NamedTuple):
    """A fraction of one context at which nothing is chosen, because nothing has a validation accuracy."""

    context: Context
    fraction: float
    num_conditions: int
    """Distinct ones that finished."""
