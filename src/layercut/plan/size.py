"""The size of a design, counted before any of it is expanded."""

from __future__ import annotations

from collections.abc import Mapping
from math import prod

from layercut.plan.chosen import name_of
from layercut.spec import StudySpec
from layercut.spec.strategies import label_of
from layercut.strategies import STRATEGIES


class DesignSize:
    """Counts design points and trials, merged ones too, as sources, targets and models become known."""

    def __init__(self, spec: StudySpec) -> None:
        self._spec = spec
        self._num_conditions = 0
        self._num_trials = 0

    def add(self, cuts: Mapping[str, int], num_sources: int = 1) -> None:
        """Count the design of one target and model, under so many sources; `cuts` of each strategy.

        Raises:
            SpecError: the study is larger than it may be.
        """
        transfer = self._spec.transfer
        levels = prod(len(levels) for levels in transfer.factors.values())
        designs = num_sources * levels * sum(cuts.values())
        self._num_conditions += designs * len(transfer.fractions)
        self._num_trials += designs * sum(transfer.num_replicates(fraction) for fraction in transfer.fractions)
        self._check("max_conditions", self._num_conditions, transfer.max_conditions, "")
        self._check("max_trials", self._num_trials, transfer.max_trials, "replicates, ")

    def _check(self, key: str, number: int, most: int, also: str) -> None:
        if number > most:
            raise self._spec.error(
                f"transfer.{key}",
                f"expected at most {most:,} {key.removeprefix('max_')}; the study asks for {number:,} or more: take "
                f"fewer {also}fractions, cuts, strategies, levels of factors or sources, or raise transfer.{key}",
            )


def check_size(spec: StudySpec) -> None:
    """Refuse what is too large whatever the models are.

    Raises:
        SpecError: the study is larger than it may be.
    """
    transfer = spec.transfer
    listed = len(transfer.cuts) if isinstance(transfer.cuts, list) else 1
    cuts = {label_of(one): listed if STRATEGIES[name_of(one)].transfers else 1 for one in transfer.strategies}
    DesignSize(spec).add(cuts, num_sources=len(spec.source) * len(spec.target) * len(spec.model))
    for index, probe in enumerate(spec.probes):
        fractions = probe.asked_fractions(spec.transfer.fractions)
        if probe.replicates is not None and probe.replicates * len(fractions) > spec.transfer.max_trials:
            raise spec.error(
                f"probes[{index}].replicates",
                f"expected at most {spec.transfer.max_trials:,} samples; the probe asks for "
                f"{probe.replicates * len(fractions):,}: take fewer replicates, or raise transfer.max_trials",
            )
