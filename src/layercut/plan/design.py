"""The design of one source, target and model: its points over cuts, strategies, fractions and factors."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Collection, Iterator
from typing import Any, NamedTuple

from layercut.data.split_sizes import training_sizes
from layercut.keys import content_key
from layercut.metrics import ACCURACY
from layercut.plan.canonical import condition_key, task_identity
from layercut.plan.chosen import Chosen, chosen_strategies
from layercut.plan.class_weights import target_weights
from layercut.plan.cost import Images, ModelCost, num_evaluated, sample_images, training_length
from layercut.plan.cuts import chosen_cuts, is_cutless, own_cuts
from layercut.plan.jobs import Condition, FeatureSet, Keep, ModelRef, SampleRule, SourcePoint, TaskRef
from layercut.plan.norms import NORM_FIELDS, with_own_norms
from layercut.plan.overrides import target_place, target_training
from layercut.plan.piloting import LEAST_JUDGED, num_judged, pilot_rule, pilot_validation
from layercut.plan.rate_search import most_repetitions
from layercut.plan.rates import named_rate
from layercut.plan.representations import REPRESENTATIONS
from layercut.plan.resolve import ResolvedTask, training_config
from layercut.plan.single_image import normalizes, why_not_one_by_one, without_single
from layercut.plan.solving import images_once, solved_config, trial_work
from layercut.plan.stacking import group_size, trunk_chunk
from layercut.plan.unfreezing import phases, turns_of
from layercut.plan.validation import MORE_IMAGES
from layercut.records import ConditionName
from layercut.spec import StudySpec
from layercut.strategies import STRATEGIES
from layercut.strategies.base import (
    PullingStrategy,
    RatedStrategy,
    StagedStrategy,
    Strategy,
    head_of,
    instruction_of,
    with_options,
)
from layercut.strategies.treatment import Treatment, treatment
from layercut.training.config import TrainingConfig
from layercut.training.precision import Precision

SHARD_FLOPS = 10**11
"""A shard of a feature set is about a second's work."""


class _Trained(NamedTuple):
    """How design points are trained under some levels of the factors."""

    config: TrainingConfig
    rates: tuple[float, ...]
    """Learning rates that one is chosen from; empty: that of `config`."""
    levels: tuple[tuple[str, str], ...]


class DesignGroup(NamedTuple):
    """One source, target and model: the design points over cuts, strategies, fractions and factors."""

    spec: StudySpec
    source: SourcePoint
    target_index: int
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
        chosen = chosen_cuts(self.spec, self.model, self.cost)
        strategies = chosen_strategies(self.spec, self.model)
        for levels in _factor_levels(self.spec):
            training = target_training(self.spec, self.target_index, levels)
            weights = target_weights(self.spec, self.target_index, levels, training, self.task.class_names)
            scaling, metric = self.target.scaling, self.spec.metric
            config = training_config(self.spec, training, self.precision, scaling, weights, metric)
            if config.validate_epochs == "as_needed" and config.metric != ACCURACY:
                raise self.spec.error(
                    target_place(self.spec, self.target_index, levels, "validate_epochs"),
                    f"expected `validate_epochs: all` beside `metric: {config.metric}`; got as_needed, which stops "
                    "evaluating an epoch by the number of images that it gets wrong",
                )
            if config.log_points and transfer.validation == "folds":
                raise self.spec.error(
                    target_place(self.spec, self.target_index, levels, "log_points"),
                    "expected `validation: within` or `full` beside log_points; got `folds`, whose models are not "
                    "the one that is reported",
                )
            trained = _Trained(config, training.rates if len(training.rates) > 1 else (), levels)
            feature_sets: dict[tuple[TrainingConfig, bool], FeatureSet] = {}
            for strategy in strategies:
                cuts = own_cuts(self.spec, strategy, chosen, num_blocks)
                said = {cut: self._said(strategy, cut) for cut in cuts}
                for cut, fraction in itertools.product(cuts, transfer.fractions):
                    condition = self._condition(strategy, cut, fraction, trained, feature_sets)
                    name = ConditionName(
                        condition.key,
                        self.source.label,
                        self.task.label,
                        self.model.label,
                        strategy.label,
                        cut,
                        fraction,
                        num_blocks,
                        merged=False,
                        factors=dict(levels),
                        **named_rate(condition),
                        **said[cut],
                    )
                    yield name, condition

    def _said(self, asked: Chosen, cut: int) -> dict[str, Any]:
        """Return what a design point says of itself to those who read its results: they never see the strategy."""
        strategy, num_blocks = asked.does, self.model.num_blocks
        keep_hidden = self.spec.transfer.head == "keep_hidden"
        _, _, uses_source = strategy.canonical(cut, num_blocks, keep_hidden)
        treated = self._treatment(asked.name, strategy, cut, uses_source)
        return {
            "cutless": is_cutless(strategy, num_blocks, keep_hidden),
            "transfers": bool(treated.kept),
            "treatment": instruction_of(strategy, treated, self.model.block_names),
        }

    def asked_of_norms(self) -> list[str]:
        """Return the fields about batch norms that any training of the design sets."""
        trainings = [target_training(self.spec, self.target_index, levels) for levels in _factor_levels(self.spec)]
        return [name for name in NORM_FIELDS if any(getattr(training, name) for training in trainings)]

    def _condition(
        self,
        asked: Chosen,
        cut: int,
        fraction: float,
        trained: _Trained,
        feature_sets: dict[tuple[TrainingConfig, bool], FeatureSet],
    ) -> Condition:
        config, rates = trained.config, trained.rates
        transfer, num_blocks = self.spec.transfer, self.model.num_blocks
        folds = transfer.validation == "folds"
        keep_hidden = transfer.head == "keep_hidden"
        name, cut, uses_source = asked.does.canonical(cut, num_blocks, keep_hidden)
        options = asked.options if name == asked.name else {}
        strategy = with_options(STRATEGIES[name], options)
        treated = self._treatment(name, strategy, cut, uses_source)
        frozen, head = treated.trunk > 0, head_of(strategy)
        if head == "solved":
            config, rates = solved_config(config), ()
        if rates:
            self._check_choice(fraction, trained)
        if not keep_hidden and not treated.learns_from_kept:
            config = dataclasses.replace(config, kept_lr_scale=1.0)  # of nothing: one trial for every scale
        config = _without_unused(config, strategy)
        config = with_own_norms(config, strategy, self.model, treated)
        info = self.target.info
        images = sample_images(
            info.train_counts,
            fraction,
            transfer.validation,
            transfer.val_split,
            transfer.num_folds,
            sum(info.test_counts),
            info.num_validation,
        )
        sizes = training_sizes(
            info.train_counts, fraction, transfer.validation, transfer.val_split, transfer.num_folds, info.groups
        )
        source = self.source.key if uses_source else None
        num_replicates = transfer.num_replicates(fraction)
        batch_size = min(config.batch_size, images.train)
        alone = head != "trained" or (frozen and config.adapt_norms)
        if info.groups and transfer.validation != "given":
            alone = True  # replicates are trained on different numbers of images
        group = None if alone else self._group(treated, batch_size, num_replicates, config.lr_schedule)
        if group is not None or isinstance(strategy, StagedStrategy):
            # an epoch that members share, or in which a group has just joined, cannot be passed over
            config = dataclasses.replace(config, validate_epochs="all")
        below = config, group is not None
        if frozen and below not in feature_sets:  # one for all conditions on it: a plan has a million
            feature_sets[below] = self._feature_set(*below)
        unjoined, normalized = config, head != "solved" and normalizes(self.model, treated.trained)
        if normalized:
            self._check_batches(config, treated.trained, trained.levels)
            config = without_single(config, sizes)
        num_folds = transfer.num_folds if folds else 0
        num_classes = self.task.num_classes
        turns = turns_of(strategy, self.model, treated)

        def work(images: Images, largest: int, num_folds: int) -> int:
            parts = list(phases(treated, config, largest, turns)) if turns else []
            return trial_work(head, self.cost, treated, config, images, largest, num_classes, num_folds, parts)

        pilots = pilot_rule(info, fraction, transfer, unjoined, work, normalized) if rates else None
        condition = Condition(
            "",
            source,
            feature_sets[below] if frozen else None,
            self.task,
            self.model,
            name,
            cut,
            fraction,
            config,
            transfer.validation,
            transfer.val_split,
            keep_hidden,
            self.spec.seed,
            num_replicates,
            group,
            work(images, max(sizes), num_folds),
            self._keep(num_replicates),
            num_folds,
            rates,
            options,
            asked.label if options else "",
            sum(images_once(images, num_folds))
            if head == "solved"
            else num_evaluated(images, training_length(config, max(sizes))),
            pilots=pilots,
        )
        return dataclasses.replace(condition, key=condition_key(condition))

    def _treatment(self, name: str, strategy: Strategy, cut: int, uses_source: bool) -> Treatment:
        """Return what becomes of each block.

        Raises:
            SpecError: what the strategy says is impossible.
        """
        try:
            treated = treatment(strategy, cut, self.model.num_blocks)
            if treated.kept and not uses_source:
                raise ValueError(f"at cut {cut} it keeps blocks of the source, yet claims not to depend on it")
            if treated.trained and head_of(strategy) == "solved":
                raise ValueError(
                    f"at cut {cut} it trains the blocks {list(treated.trained)}, yet claims only to solve its head"
                )
            return treated
        except ValueError as error:
            raise self.spec.error("transfer.strategies", f"the strategy {name!r} is broken: {error}") from None

    def _check_choice(self, fraction: float, trained: _Trained) -> None:
        """Refuse several learning rates where nothing tells which is the best.

        Raises:
            SpecError: there are no images to choose by.
        """
        info, transfer = self.target.info, self.spec.transfer
        if num_judged(info, fraction, transfer) < LEAST_JUDGED:
            raise self.spec.error(
                target_place(self.spec, self.target_index, trained.levels, "lr"),
                f"expected one rate, as {info.label} has no images to choose by at {100 * fraction:g} %; got "
                f"{len(trained.rates)} rates; {MORE_IMAGES[pilot_validation(transfer.validation)]}",
            )

    def _check_batches(
        self, config: TrainingConfig, trained: Collection[int], levels: tuple[tuple[str, str], ...]
    ) -> None:
        """Refuse batches of which batch normalisation has no statistics.

        Raises:
            SpecError: they are single images of one value a channel.
        """
        problem = why_not_one_by_one(config, self.model, trained)
        if problem is not None:
            raise self.spec.error(target_place(self.spec, self.target_index, levels, "batch_size"), problem)

    def _keep(self, num_replicates: int) -> Keep | None:
        keep = self.spec.keep
        what = tuple(one for one in keep.what if one != REPRESENTATIONS) if keep else ()
        if keep is None or not what:
            return None
        replicates = num_replicates if keep.replicates == "all" else keep.replicates
        return Keep(what, replicates, self.spec.name, self.source.label)

    def _group(self, treated: Treatment, batch_size: int, num_replicates: int, lr_schedule: str) -> int | None:
        if not self.stacked or self.spec.transfer.validation == "folds":
            return None
        return group_size(self.model, self.cost, treated, batch_size, num_replicates, lr_schedule)

    def _feature_set(self, config: TrainingConfig, stacked: bool) -> FeatureSet:
        transfer = self.spec.transfer
        samples = SampleRule(
            tuple((fraction, transfer.num_replicates(fraction)) for fraction in transfer.fractions),
            transfer.validation,
            transfer.val_split,
            self._num_pilots(),
        )
        identity = {
            "source": self.source.key,
            "task": task_identity(self.task),
            "samples": samples if samples.num_pilots else samples[:-1],
            "input": [config.mean, config.std, config.precision],
            "seed": self.spec.seed,
        }
        chunk = trunk_chunk(self.model, stacked)
        if stacked:
            identity["chunk"] = chunk
        num_images = self._num_feature_images()
        num_shards = max(1, min(64, self.cost.whole_flops * num_images // SHARD_FLOPS))
        key = content_key("bank", identity)
        return FeatureSet(
            key,
            self.source.key,
            self.model,
            self.task,
            samples,
            config,
            self.spec.seed,
            num_images,
            num_shards,
            chunk,
        )

    def _num_pilots(self) -> int:
        """Return how many pilot replicates any condition may have."""
        levels = _factor_levels(self.spec)
        rates = (len(target_training(self.spec, self.target_index, one).rates) for one in levels)
        return max(map(most_repetitions, rates))

    def _num_feature_images(self) -> int:
        """Return about how many different images the study's replicates use: each draws its own sample."""
        info, transfer = self.target.info, self.spec.transfer
        whole, unused = sum(info.train_counts), 1.0
        for fraction in transfer.fractions:
            unused *= (1 - fraction) ** (transfer.num_replicates(fraction) + self._num_pilots())
        used = whole * (1 - unused)
        if transfer.validation == "full":
            used = whole * transfer.val_split + used * (1 - transfer.val_split)
        given = info.num_validation if transfer.validation == "given" else 0
        return round(used) + given + sum(info.test_counts)


def _without_unused(config: TrainingConfig, strategy: Strategy) -> TrainingConfig:
    """Return a config in which what the strategy does not look at has its default: one trial for every value."""
    if not isinstance(strategy, RatedStrategy) and config.layer_decay != TrainingConfig.layer_decay:
        config = dataclasses.replace(config, layer_decay=TrainingConfig.layer_decay)
    pulls = isinstance(strategy, PullingStrategy) and strategy.pulled
    if not pulls and config.pull != TrainingConfig.pull:
        config = dataclasses.replace(config, pull=TrainingConfig.pull)
    if not isinstance(strategy, StagedStrategy) and config.unfreeze_every != TrainingConfig.unfreeze_every:
        config = dataclasses.replace(config, unfreeze_every=TrainingConfig.unfreeze_every)
    return config


def _factor_levels(spec: StudySpec) -> Iterator[tuple[tuple[str, str], ...]]:
    factors = spec.transfer.factors
    return itertools.product(*([(factor, level) for level in levels] for factor, levels in factors.items()))
