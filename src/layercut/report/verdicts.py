"""The verdict on a choice, before it is put into words: transfer helps, harms, or nothing is shown."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import pandas as pd

from layercut.significance import ALPHA, least_attainable_p
from layercut.stats import BestCut, Contrast
from layercut.stats.design import SCRATCH
from layercut.stats.metric import known_chance

Verdict = Literal["gain", "loss", "unclear", "too_few", "scratch", "no_baseline", "chance", "smaller", "either"]

_ONE_SIDED_QUANTILE = 1.645
"""Of the normal distribution at 5 %."""


@dataclass(frozen=True)
class Known:
    """What is known of a study beside its results."""

    chance: Mapping[str, float] = field(default_factory=dict)
    """What guessing gives on the test images, by target (`metrics.chance`)."""
    missing: int = 0
    """Trials that have not run yet: as long as there are any, nothing is recommended."""
    planned: int = 0
    """Trials that the study asks for."""

    @classmethod
    def of(cls, plan: Mapping[str, Any], results: pd.DataFrame) -> Known:
        """Return what a study's plan tells; imported and merged studies have none."""
        planned = int(plan.get("trials_distinct") or 0)
        run = results["key"].nunique() if planned and "key" in results else planned
        return cls(known_chance(plan, results), max(0, planned - run), planned)

    @property
    def unfinished(self) -> str:
        """Return the text that replaces an answer; empty where every trial has run."""
        if not self.missing:
            return ""
        return (
            f"Not finished: {self.planned - self.missing:,} of {self.planned:,} trials have run. "
            "Run the same command again to resume; the answer comes at the end."
        )


def verdict_of(best: BestCut, known: Known) -> Verdict:
    """Return the verdict on the choice of one context and fraction."""
    if best.strategy == SCRATCH and best.num_candidates == 1:
        return "scratch"
    if at_chance(best.mean_test, best, known):
        return "chance"
    if best.strategy == SCRATCH:
        return _proof(best.against_transfer[1], 1) if best.against_transfer else "scratch"
    if best.contrast is None:
        return "no_baseline"
    found = _of_contrast(best.contrast, best.p_holm, best.num_comparisons)
    return _cause(best) if found == "gain" else found


def _cause(best: BestCut) -> Verdict:
    """Return the cause of a gain over scratch: transfer, unless the network is also smaller."""
    if not best.transfers:
        return "smaller"
    if best.split is None:
        return "gain"
    if best.split.learned is None:
        return "either"
    return "gain" if best.split.learned.p < ALPHA and best.split.learned.mean_difference > 0 else "smaller"


def _proof(contrast: Contrast, num_comparisons: int) -> Verdict:
    """Return the verdict on scratch against the best transfer, held to the same standard of proof."""
    found = _of_contrast(contrast, contrast.p, num_comparisons)
    return {"gain": "scratch", "loss": "unclear"}.get(found, found)  # type: ignore[return-value]


def _of_contrast(contrast: Contrast, p: float, num_comparisons: int) -> Verdict:
    if least_attainable_p(contrast.num_pairs, max(1, num_comparisons)) >= ALPHA:
        return "too_few"
    if not p < ALPHA:
        return "unclear"
    return "gain" if contrast.mean_difference > 0 else "loss"


def at_chance(accuracy: float, best: BestCut, known: Known) -> bool:
    """Return whether an accuracy on the test images is within what guessing gives, one-sided at 5 %."""
    chance = known.chance.get(best.context.target)
    number = best.num_judging_test_images or best.num_test_images
    if chance is None or not number:
        return False
    return accuracy <= chance + _ONE_SIDED_QUANTILE * math.sqrt(chance * (1 - chance) / number)
