"""Expand a study file into a plan: every design point, the distinct conditions among them, and jobs in levels."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from layercut.data.base import DatasetInfo
from layercut.data.pictures import picture_rule
from layercut.data.split_sizes import check_fractions
from layercut.errors import DataError
from layercut.metrics import chance
from layercut.plan.chosen import Chosen, check_strategies, chosen_strategies
from layercut.plan.cost import ModelCost, feature_bytes, feature_passes
from layercut.plan.cuts import chosen_cuts, own_cuts
from layercut.plan.design import DesignGroup
from layercut.plan.jobs import Condition, CutCost, FeatureSet, ProbeJob, RepresentationJob, SourceJob
from layercut.plan.made_for import made_for_note, with_made_for
from layercut.plan.matching import matched_target
from layercut.plan.norms import norm_warnings
from layercut.plan.probes import (
    ProbeGroup,
    asked_probes,
    describe_probes,
    distinct,
    looks_at_sources,
    needs_reference,
    probe_jobs,
)
from layercut.plan.rates import with_rates
from layercut.plan.representations import representation_jobs
from layercut.plan.resolve import Resolver, resolve_model, task_ref, try_transforms
from layercut.plan.scaling import check_numbers, check_sources
from layercut.plan.size import DesignSize, check_size
from layercut.plan.solving import hidden_warnings
from layercut.plan.source_job import check_named_tasks, overlap_warnings, scaled_target, source_task
from layercut.plan.sources import join, reference_job, source_at, source_jobs
from layercut.plan.stacking import alone_warnings
from layercut.plan.steps import length_warnings
from layercut.plan.unfreezing import unfreezing_warnings
from layercut.plan.validation import (
    choice_warnings,
    group_warnings,
    source_warnings,
    validation_warnings,
    with_given_validation,
)
from layercut.plan.warnings import imbalance_note, partial_warnings
from layercut.records import ConditionName
from layercut.spec import StudySpec, TaskSpec


@dataclass(frozen=True)
class Plan:
    """Everything a study does, before it is done."""

    sources: tuple[SourceJob, ...]
    feature_sets: Mapping[str, tuple[FeatureSet, tuple[CutCost, ...]]]
    """Features worth considering, by key of the feature set."""
    conditions: tuple[Condition, ...]
    names: tuple[ConditionName, ...]
    warnings: tuple[str, ...]
    probes: tuple[ProbeJob, ...] = ()
    about_probes: Mapping[str, Any] = field(default_factory=dict)
    """Kind and directions of each probe, by label."""
    costs: Mapping[tuple[str, str], ModelCost] = field(default_factory=dict)
    """Of each target and model, by label."""
    representations: tuple[RepresentationJob, ...] = ()
    notes: tuple[str, ...] = ()
    """How data are understood, a sentence each."""
    strategies: Mapping[str, tuple[Chosen, ...]] = field(default_factory=dict)
    """Of each model, by label, in the order of the study."""
    chances: Mapping[str, float] = field(default_factory=dict)
    """What guessing gives on the test images, by the study's metric (`metrics.chance`), by label of the target."""

    @property
    def open(self) -> bool:
        """Return whether some learning rate is not chosen yet."""
        return any(condition.rates for condition in self.conditions)

    def at_rates(self, taken: Mapping[str, float]) -> Plan:
        """Return this plan with the learning rates that open conditions, by key, took."""
        conditions, names = with_rates(self.conditions, self.names, taken)
        return dataclasses.replace(self, conditions=conditions, names=names)


def expand(spec: StudySpec, resolver: Resolver) -> Plan:
    """Expand a study.

    Raises:
        SpecError: a model option, strategy, cut or fraction is impossible.
        UserError: a dataset or weight file does not fit.
    """
    check_strategies(spec)
    check_size(spec)
    check_sources(spec)
    check_named_tasks(spec)
    asks = asked_probes(spec)
    labels = _Labels(*(_distinct([part.label for part in parts]) for parts in (spec.source, spec.target, spec.model)))
    tasks = [with_made_for(spec, i, matched_target(spec, i, _shapes(resolver))) for i in range(len(spec.target))]
    targets = [resolver.task(task, f"target[{i}]") for i, task in enumerate(tasks)]
    for index, target in enumerate(targets):
        check_numbers(spec, target.info.image_shape[0], target.info.label)
        _check_fractions(with_given_validation(spec, index, target.info), index, target.info)
    drawn, size = _Expansion(), DesignSize(spec)
    pairs = itertools.product(range(len(spec.source)), enumerate(targets), range(len(spec.model)))
    for source_index, (target_index, target), model_index in pairs:
        model, cost = resolve_model(spec, model_index, target.info)
        jobs = list(source_jobs(spec, source_index, labels.source[source_index], model, target, resolver))
        cuts = chosen_cuts(spec, model, cost)
        chosen = chosen_strategies(spec, model)
        each = {one.label: len(own_cuts(spec, one, cuts, model.num_blocks)) for one in chosen}
        size.add(each, sum(len(job.points) for job in jobs))
        target = scaled_target(spec, source_index, model.name, target, resolver)  # noqa: PLW2901 - for this source
        reference = reference_job(spec, target_index, model, target, resolver) if needs_reference(asks) else None
        drawn.add_sources([*jobs, *([reference] if reference else [])])
        drawn.warnings += overlap_warnings(spec, source_index, target_index)
        drawn.warnings += partial_warnings(chosen, model)
        model = dataclasses.replace(model, label=labels.model[model_index])
        drawn.warnings += [f"{model.label}: {note}" for note in model.notes]
        pictures = picture_rule(tasks[target_index].dataset, tasks[target_index].options)
        task = dataclasses.replace(task_ref(target), label=labels.target[target_index], pictures=pictures)
        is_read = isinstance(spec.source[source_index], TaskSpec) or looks_at_sources(asks)
        known = source_task(spec, source_index, target, resolver) if is_read else None
        drawn.notes += made_for_note(spec, source_index, model.name, target.info.image_shape, _way(tasks[target_index]))
        drawn.notes += imbalance_note(spec.metric, target.info)
        drawn.notes += [*target.notes, *(known.notes if known else ())]
        drawn.warnings += source_warnings(jobs, known.info) if known else ()
        drawn.warnings += source_warnings([reference], target.info) if reference else ()
        precision, own = resolver.precision, with_given_validation(spec, target_index, target.info)
        for whole, source in [(job, point) for job in jobs for point in job.points]:
            group = DesignGroup(own, source, target_index, target, task, model, cost, precision, resolver.stacked)
            feature_set = drawn.add_design(group)
            if asks:
                checkpoint = source_at(whole, source)
                drawn.probes += probe_jobs(
                    ProbeGroup(own, checkpoint, known, target, task, model, cost, precision, reference, feature_set),
                    asks,
                )
    if any(not condition.training.std for condition in drawn.conditions.values()):
        drawn.warnings.append(
            f"mean and deviation of the {spec.normalization}'s images are known once the data are read"
        )
    plan = drawn.plan(describe_probes(asks))
    trials = [(condition.training, condition.task.image_shape) for condition in plan.conditions]
    try_transforms(spec, [*trials, *((job.training, job.task.image_shape) for job in plan.sources if job.task)])
    return dataclasses.replace(plan, representations=representation_jobs(spec, plan.probes))


def _way(task: TaskSpec) -> str:
    return str(task.options.get("interpolation", "bilinear"))


def _shapes(resolver: Resolver) -> Callable[[TaskSpec, str], tuple[int, int, int]]:
    return lambda task, place: resolver.task(task, place).info.image_shape


class _Expansion:
    """What the sources, targets and models of a study have given so far; what is equal is there once."""

    def __init__(self) -> None:
        self.conditions: dict[str, Condition] = {}
        self.probes: list[ProbeJob] = []
        self.warnings: list[str] = []
        self.notes: list[str] = []
        self._sources: dict[str, SourceJob] = {}
        self._names: list[ConditionName] = []
        self._chances: dict[str, float] = {}
        self._strategies: dict[str, tuple[Chosen, ...]] = {}
        self._costs: dict[str, ModelCost] = {}
        self._model_costs: dict[tuple[str, str], ModelCost] = {}

    def add_sources(self, jobs: Iterable[SourceJob]) -> None:
        """Take jobs; two that train the same become one with the checkpoints of both."""
        for job in jobs:
            self._sources[job.key] = join(self._sources[job.key], job) if job.key in self._sources else job

    def add_design(self, group: DesignGroup) -> FeatureSet | None:
        """Take the design points of one source, target and model; return where features of its trunks may lie."""
        points = list(group.design_points())
        conditions = [condition for _, condition in points]
        self._model_costs[group.task.label, group.model.label] = group.cost
        self._strategies[group.model.label] = tuple(chosen_strategies(group.spec, group.model))
        self._chances[group.task.label] = chance(group.spec.metric, group.target.info.test_counts)
        self.warnings += validation_warnings(conditions, group.target.info)
        self.warnings += choice_warnings(conditions, group.target.info)
        self.warnings += group_warnings(conditions, group.target.info)
        self.warnings += length_warnings(conditions, group.target.info)
        self.warnings += hidden_warnings(conditions)
        self.warnings += unfreezing_warnings(conditions, group.target.info)
        self.warnings += norm_warnings(group.asked_of_norms(), conditions, group.model)
        if group.stacked:
            self.warnings += alone_warnings(conditions, group.cost)
        for name, condition in points:
            self._names.append(dataclasses.replace(name, merged=condition.key in self.conditions))
            self.conditions.setdefault(condition.key, condition)
            if condition.feature_set is not None:
                self._costs[condition.feature_set.key] = group.cost
        return next((condition.feature_set for condition in conditions if condition.feature_set is not None), None)

    def plan(self, about_probes: Mapping[str, Any]) -> Plan:
        """Return the whole, without sources that nothing uses."""
        probes = distinct(self.probes)
        used = {condition.source for condition in self.conditions.values()}
        used |= {key for job in probes for key in (job.source, job.reference)}
        return Plan(
            tuple(job for job in self._sources.values() if any(point.key in used for point in job.points)),
            _feature_sets(list(self.conditions.values()), self._costs),
            tuple(self.conditions.values()),
            tuple(self._names),
            tuple(dict.fromkeys(self.warnings)),
            probes,
            about_probes,
            self._model_costs,
            notes=tuple(dict.fromkeys(self.notes)),
            strategies=self._strategies,
            chances=self._chances,
        )


class _Labels(NamedTuple):
    """What sources, targets and models are called in results, in the order of the study file."""

    source: list[str]
    target: list[str]
    model: list[str]


def _distinct(labels: list[str]) -> list[str]:
    """Number labels that appear more than once: results of two sources must not share a name."""
    counts: dict[str, int] = {}
    numbered = []
    for label in labels:
        counts[label] = counts.get(label, 0) + 1
        numbered.append(label if counts[label] == 1 else f"{label} #{counts[label]}")
    return numbered


def _check_fractions(spec: StudySpec, target_index: int, info: DatasetInfo) -> None:
    transfer = spec.transfer
    for index, fraction in enumerate(transfer.fractions):
        try:
            check_fractions(info.train_counts, info.class_names, [fraction], transfer.validation, transfer.val_split)
        except DataError as error:
            raise spec.error(f"transfer.fractions[{index}]", f"target[{target_index}] {info.label}: {error}") from error


def _feature_sets(
    conditions: list[Condition], costs: Mapping[str, ModelCost]
) -> dict[str, tuple[FeatureSet, tuple[CutCost, ...]]]:
    """Collect for each feature set the cuts that frozen trunks use, and how often."""
    feature_sets: dict[str, FeatureSet] = {}
    uses: dict[tuple[str, int], int] = {}
    for condition in conditions:
        if condition.shared_features is not None:
            feature_sets[condition.shared_features.key] = condition.shared_features
            at = condition.shared_features.key, condition.trunk
            uses[at] = uses.get(at, 0) + condition.num_replicates * feature_passes(condition.training)
    cut_costs: dict[str, list[CutCost]] = {key: [] for key in feature_sets}
    for (key, cut), num_uses in sorted(uses.items()):
        num_images, cost = feature_sets[key].num_images, costs[key]
        num_bytes = feature_bytes(cost.feature_shapes[cut], num_images)
        cut_costs[key].append(CutCost(cut, num_bytes, cost.trunk_flops[cut] * num_images, num_uses))
    return {key: (feature_set, tuple(cut_costs[key])) for key, feature_set in feature_sets.items()}
