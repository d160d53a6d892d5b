"""A study file to a plan: every design point, the distinct conditions behind them, and jobs in levels."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from pydantic import ValidationError

from layercut.data.splits import check_fractions
from layercut.data.subset import TaskInfo
from layercut.errors import DataError, UnknownNameError
from layercut.keys import content_key
from layercut.plan.canonical import condition_key, task_identity
from layercut.plan.cost import ModelCost, feature_bytes, sample_images, trial_flops
from layercut.plan.jobs import Bank, Condition, CutCost, Fitting, ModelRef, SampleRule, SourceJob, TaskRef
from layercut.plan.resolve import (
    ResolvedTask,
    Resolver,
    make_fitting,
    overlap_warnings,
    resolve_model,
    source_job,
    task_ref,
)
from layercut.plan.stacking import alone_warnings, group_size, trained_blocks, trunk_chunk
from layercut.records import ConditionName
from layercut.spec import StudySpec, TrainingSpec
from layercut.spec.load import describe_errors
from layercut.strategies import STRATEGIES
from layercut.training.precision import Precision

SHARD_FLOPS = 10**11
"""A shard of a bank is about a second's work."""


@dataclass(frozen=True)
class Plan:
    """Everything a study does, before it is done."""

    sources: tuple[SourceJob, ...]
    banks: Mapping[str, tuple[Bank, tuple[CutCost, ...]]]
    """Features worth considering, by bank key."""
    conditions: tuple[Condition, ...]
    names: tuple[ConditionName, ...]
    warnings: tuple[str, ...]


def expand(spec: StudySpec, resolver: Resolver) -> Plan:
    """Expand a study.

    Raises:
        SpecError: a model option, strategy, cut or fraction is impossible.
        UserError: a dataset or weight file does not fit.
    """
    _check_strategies(spec)
    labels = _Labels(*(_distinct([part.label for part in parts]) for parts in (spec.source, spec.target, spec.model)))
    targets = [resolver.task(task, f"target[{i}]") for i, task in enumerate(spec.target)]
    for index, target in enumerate(targets):
        _check_fractions(spec, index, target.info)
    sources: dict[str, SourceJob] = {}
    conditions: dict[str, Condition] = {}
    names: list[ConditionName] = []
    costs: dict[str, ModelCost] = {}
    warnings: list[str] = []
    pairs = itertools.product(range(len(spec.source)), enumerate(targets), range(len(spec.model)))
    for source_index, (target_index, target), model_index in pairs:
        model, cost = resolve_model(spec, model_index, target.info)
        source = source_job(spec, source_index, model, target, resolver)
        model = dataclasses.replace(model, label=labels.model[model_index])
        source = dataclasses.replace(source, label=labels.source[source_index])
        sources.setdefault(source.key, source)
        warnings += overlap_warnings(spec, source_index, target_index)
        task = dataclasses.replace(task_ref(target), label=labels.target[target_index])
        group = _Group(spec, source, target, task, model, cost, resolver.precision, resolver.stacked)
        points = list(group.design_points())
        if resolver.stacked:
            warnings += alone_warnings([condition for _, condition in points], cost)
        for name, condition in points:
            merged = condition.key in conditions
            if condition.bank is not None:
                costs[condition.bank.key] = cost
            conditions.setdefault(condition.key, condition)
            names.append(dataclasses.replace(name, merged=merged))
    used = {condition.source for condition in conditions.values()}
    return Plan(
        tuple(source for source in sources.values() if source.key in used),
        _banks(list(conditions.values()), costs),
        tuple(conditions.values()),
        tuple(names),
        tuple(dict.fromkeys(warnings)),
    )


class _Labels(NamedTuple):
    """What sources, targets and models are called in results, in the order of the study file."""

    source: list[str]
    target: list[str]
    model: list[str]


def _distinct(labels: list[str]) -> list[str]:
    """Number labels that stand more than once: results of two sources must not share a name."""
    counts: dict[str, int] = {}
    numbered = []
    for label in labels:
        counts[label] = counts.get(label, 0) + 1
        numbered.append(label if counts[label] == 1 else f"{label} #{counts[label]}")
    return numbered


class _Group(NamedTuple):
    """One source, target and model: the design points over cuts, strategies, fractions and factors."""

    spec: StudySpec
    source: SourceJob
    target: ResolvedTask
    task: TaskRef
    model: ModelRef
    cost: ModelCost
    precision: Precision
    stacked: bool

    def design_points(self) -> Iterator[tuple[ConditionName, Condition]]:
        """Yield each design point's name with its condition; equal conditions have equal keys."""
        transfer = self.spec.transfer
        num_blocks = self.model.num_blocks
        for levels in _factor_levels(self.spec):
            training = _with_levels(self.spec, levels)
            fitting = make_fitting(self.spec, training, self.precision)
            factors = dict(levels)
            for strategy_name in transfer.strategies:
                cuts = _cuts(self.spec, num_blocks) if STRATEGIES[strategy_name].transfers else [0]
                for cut, fraction in itertools.product(cuts, transfer.fractions):
                    condition = self._condition(strategy_name, cut, fraction, fitting)
                    name = ConditionName(
                        condition.key,
                        self.source.label,
                        self.task.label,
                        self.model.label,
                        strategy_name,
                        cut,
                        fraction,
                        num_blocks,
                        merged=False,
                        factors=factors,
                    )
                    yield name, condition

    def _condition(self, strategy_name: str, cut: int, fraction: float, fitting: Fitting) -> Condition:
        transfer, num_blocks = self.spec.transfer, self.model.num_blocks
        keep_hidden = transfer.head == "keep_hidden"
        name, cut, uses_source = STRATEGIES[strategy_name].canonical(cut, num_blocks, keep_hidden)
        strategy = STRATEGIES[name]
        frozen = strategy.frozen and cut > 0
        info = self.target.info
        images = sample_images(
            info.train_counts, fraction, transfer.validation, transfer.val_split, sum(info.test_counts)
        )
        source = self.source.key if uses_source else None
        truncated = "truncate" in name and cut < num_blocks
        num_replicates = transfer.num_replicates(fraction)
        batch_size = min(fitting.batch_size, images.train)
        group = self._group(trained_blocks(name, cut, num_blocks, frozen), batch_size, num_replicates)
        key = condition_key(
            source,
            self.task,
            self.model,
            (name, cut, fraction),
            fitting,
            (transfer.validation, transfer.val_split),
            keep_hidden,
            self.spec.seed,
            (num_replicates, group) if group else None,
        )
        return Condition(
            key,
            source,
            self._bank(fitting, stacked=group is not None) if frozen else None,
            self.task,
            self.model,
            name,
            cut,
            fraction,
            fitting,
            transfer.validation,
            transfer.val_split,
            keep_hidden,
            self.spec.seed,
            num_replicates,
            group,
            trial_flops(self.cost, frozen, truncated, cut, images, fitting.epochs),
        )

    def _group(self, trained: range, batch_size: int, num_replicates: int) -> int | None:
        return group_size(self.model, self.cost, trained, batch_size, num_replicates) if self.stacked else None

    def _bank(self, fitting: Fitting, stacked: bool) -> Bank:
        transfer = self.spec.transfer
        samples = SampleRule(
            tuple((fraction, transfer.num_replicates(fraction)) for fraction in transfer.fractions),
            transfer.validation,
            transfer.val_split,
        )
        identity = {
            "source": self.source.key,
            "task": task_identity(self.task),
            "samples": samples,
            "input": [fitting.mean, fitting.std, fitting.precision],
            "seed": self.spec.seed,
        }
        chunk = trunk_chunk(self.model, stacked)
        if stacked:
            identity["chunk"] = chunk
        num_images = self._num_bank_images()
        num_shards = max(1, min(64, self.cost.whole_flops * num_images // SHARD_FLOPS))
        key = content_key("bank", identity)
        return Bank(
            key,
            self.source.key,
            self.model,
            self.task,
            samples,
            fitting,
            self.spec.seed,
            num_images,
            num_shards,
            chunk,
        )

    def _num_bank_images(self) -> int:
        """Return about how many different images the study's replicates use: each sample is drawn anew."""
        info, transfer = self.target.info, self.spec.transfer
        whole, unused = sum(info.train_counts), 1.0
        for fraction in transfer.fractions:
            unused *= (1 - fraction) ** transfer.num_replicates(fraction)
        used = whole * (1 - unused)
        if transfer.validation == "full":
            used = whole * transfer.val_split + used * (1 - transfer.val_split)
        return round(used) + sum(info.test_counts)


def _check_strategies(spec: StudySpec) -> None:
    for index, name in enumerate(spec.transfer.strategies):
        if name not in STRATEGIES:
            error = UnknownNameError("strategy", name, STRATEGIES.names())
            raise spec.error(f"transfer.strategies[{index}]", str(error))


def _check_fractions(spec: StudySpec, target_index: int, info: TaskInfo) -> None:
    transfer = spec.transfer
    for index, fraction in enumerate(transfer.fractions):
        try:
            check_fractions(info.train_counts, info.class_names, [fraction], transfer.validation, transfer.val_split)
        except DataError as error:
            raise spec.error(f"transfer.fractions[{index}]", f"target[{target_index}] {info.label}: {error}") from error


def _factor_levels(spec: StudySpec) -> Iterator[tuple[tuple[str, str], ...]]:
    factors = spec.transfer.factors
    return itertools.product(*([(factor, level) for level in levels] for factor, levels in factors.items()))


def _with_levels(spec: StudySpec, levels: tuple[tuple[str, str], ...]) -> TrainingSpec:
    fields: dict[str, Any] = spec.transfer.training.model_dump()
    for factor, level in levels:
        fields |= spec.transfer.factors[factor][level]
    try:
        return TrainingSpec.model_validate(fields)
    except ValidationError as error:
        factor, level = levels[-1]
        place = f"transfer.factors.{factor}.{level}"
        raise spec.error(place, describe_errors(error, TrainingSpec)) from error


def _cuts(spec: StudySpec, num_blocks: int) -> list[int]:
    cuts = spec.transfer.cuts
    if cuts == "all":
        return list(range(num_blocks + 1))
    for index, cut in enumerate(cuts):
        if cut > num_blocks:
            raise spec.error(
                f"transfer.cuts[{index}]",
                f"expected a number of blocks in 0..{num_blocks} (the model's); got {cut}",
            )
    return sorted(cuts)


def _banks(conditions: list[Condition], costs: Mapping[str, ModelCost]) -> dict[str, tuple[Bank, tuple[CutCost, ...]]]:
    """Collect for each bank the cuts that frozen trunks use, and how often."""
    banks: dict[str, Bank] = {}
    uses: dict[tuple[str, int], int] = {}
    for condition in conditions:
        if condition.bank is not None:
            banks[condition.bank.key] = condition.bank
            at = condition.bank.key, condition.cut
            uses[at] = uses.get(at, 0) + condition.num_replicates * condition.fitting.epochs
    cut_costs: dict[str, list[CutCost]] = {key: [] for key in banks}
    for (key, cut), num_uses in sorted(uses.items()):
        num_images, cost = banks[key].num_images, costs[key]
        num_bytes = feature_bytes(cost.feature_shapes[cut], num_images)
        cut_costs[key].append(CutCost(cut, num_bytes, cost.trunk_flops[cut] * num_images, num_uses))
    return {key: (bank, tuple(cut_costs[key])) for key, bank in banks.items()}
