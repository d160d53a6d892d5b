"""Preparing a trial, whether it is trained alone or as part of a stack."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple

from torch import Tensor, nn

from layercut.checkpoints import tensors_hash
from layercut.data.splits import Split, fold_splits, sample_split
from layercut.data.subset import Task
from layercut.models import MODELS
from layercut.models.base import CuttableModel, seeded_build, seeded_head
from layercut.models.partly import PartlyTrained
from layercut.plan.jobs import Condition
from layercut.seeding import derive_seed
from layercut.stages.context import RunContext
from layercut.stages.inputs import FrozenTrunk, freeze_trunk, pixel_inputs
from layercut.strategies.base import Ingredients, PartialStrategy, PullingStrategy, RatedStrategy, StagedStrategy
from layercut.training.adapted_norms import adapt_norms, running_norms
from layercut.training.batches import Inputs
from layercut.training.device import place_model
from layercut.training.handling import PLAIN, Handling
from layercut.training.solved import classifier
from layercut.training.unfreezing import joining_rounds


class Seeds(NamedTuple):
    """The seeds of a replicate; equal for every condition, which pairs them."""

    init: int
    head: int
    order: int
    layers: int
    """For layers that draw at random while training."""
    augment: int
    """For what is done to training images."""


class Parts(NamedTuple):
    """A prepared model: the frozen part and the trained part."""

    trunk: FrozenTrunk | None
    body: PartlyTrained
    kept: frozenset[str] = frozenset()
    """Names of those parameters of the body that come from the source."""
    trained: frozenset[str] = frozenset()
    """Names of those parameters of the body that the strategy trains."""
    handling: Handling = PLAIN
    """Of those that do not learn like the others."""

    def frozen_hash(self) -> str | None:
        """Return the hash of all that is frozen; None where nothing is."""
        below = {} if self.trunk is None else self.trunk.frozen.blocks.state_dict()
        frozen = below | self.body.frozen_values()
        return tensors_hash(frozen) if frozen else None

    def block_hash(self, name: str) -> str:
        """Return the hash of one block of the body, by its qualified name."""
        return tensors_hash(self.body.get_submodule(name).state_dict())


class Trial(NamedTuple):
    """One replicate of a condition, ready to train."""

    condition: Condition
    replicate: int
    key: str
    task: Task
    seeds: Seeds
    split: Split
    folds: tuple[Split, ...]
    """How a cross-validation divides the training images; empty without one."""
    model: CuttableModel
    parts: Parts
    frozen_hash: str | None
    """Of all that is frozen, before training; None where nothing is."""
    checkpoint_hash: str | None
    block_hashes: Mapping[str, str] = {}
    """Of blocks that join the training later, before it."""

    def waiting(self, round_number: int) -> tuple[str, ...]:
        """Return the qualified names of the blocks that have not joined in a round."""
        config, turns = self.condition.training, self.parts.handling.turns
        num_rounds = config.rounds(len(self.split.train)).number if turns else 1
        joins = joining_rounds(turns, config.unfreeze_every, num_rounds)
        return tuple(name for name, at in joins.items() if at > round_number)


def prepare_trial(condition: Condition, replicate: int, key: str, context: RunContext) -> Trial:
    """Sample the images and build the model.

    Raises:
        DataError: the fraction leaves a class without an image.
    """
    task = context.open_task(condition.task)
    seeds = Seeds(*(derive_seed(condition.study_seed, purpose, replicate) for purpose in Seeds._fields))
    split = sample_split(
        task.train_labels,
        condition.task.num_classes,
        condition.fraction,
        replicate,
        condition.study_seed,
        validation=condition.validation,
        val_split=condition.val_split,
        class_names=condition.task.class_names,
        num_given=task.num_validation,
        groups=task.groups,
    )
    folds: list[Split] = []
    if condition.num_folds:
        folds = fold_splits(
            split,
            task.train_labels,
            condition.task.num_classes,
            condition.num_folds,
            replicate,
            condition.study_seed,
            task.groups,
        )
    source, checkpoint_hash = context.open_source(condition.source) if condition.source else ({}, None)
    model = place_model(prepare_model(condition, source, seeds), context.torch_device)
    parts = separate(condition, model)
    if condition.training.adapt_norms:
        images = pixel_inputs(context, task, condition.training, "train", split.train)
        _adapt(model, parts, images, condition)
    blocks = {name: parts.block_hash(name) for name in parts.handling.turns}
    return Trial(
        condition,
        replicate,
        key,
        task,
        seeds,
        split,
        tuple(folds),
        model,
        parts,
        parts.frozen_hash(),
        checkpoint_hash,
        blocks,
    )


def prepare_model(condition: Condition, source: Mapping[str, Tensor], seeds: Seeds) -> CuttableModel:
    """Return the whole model of one trial, before training: what is kept and what is new."""
    ref = condition.model
    family = MODELS[ref.name]
    options = family.options.model_validate(ref.options)
    num_classes = condition.task.num_classes
    fresh = seeded_build(family, options, ref.image_shape, num_classes, seeds.init)

    def new_head(cut: int) -> nn.Module:
        return seeded_head(family, options, ref.feature_shapes[cut], num_classes, seeds.head)

    fresh.head = new_head(ref.num_blocks)
    ingredients = Ingredients(fresh, source, new_head, condition.keep_hidden)
    return condition.does.prepare(ingredients, condition.cut)


def _adapt(model: CuttableModel, parts: Parts, images: Inputs, condition: Condition) -> None:
    """Give the frozen norms of a model the statistics of the trial's own training images."""
    above = running_norms(parts.body.resting())
    below = running_norms(parts.trunk.frozen.blocks.modules()) if parts.trunk else []
    seen_by: nn.Module = model if above or parts.trunk is None else parts.trunk.frozen.blocks
    if above or below:
        largest = condition.model.largest_features(0)
        adapt_norms(seen_by, [*below, *above], images, largest, condition.training.precision)


def separate(condition: Condition, model: CuttableModel) -> Parts:
    """Split a model into its frozen trunk, whose features may be stored, and the rest, of which some may be frozen."""
    feature_set, below = condition.feature_set, condition.trunk
    blocks = list(model.blocks.named_children())
    strategy = condition.does
    trains = strategy.trains if isinstance(strategy, PartialStrategy) else _everything
    resting: list[str] = []
    for index, (name, block) in enumerate(blocks):
        if index in condition.treatment.trained:
            resting += _mark(f"blocks.{name}", block, trains)
            if condition.training.freeze_norm_statistics and index in condition.treatment.kept:
                norms = running_norms(block.modules())
                resting += [path for path, layer in block.named_modules(prefix=f"blocks.{name}") if layer in norms]
        else:
            block.requires_grad_(False)
            resting += [path for path, _ in block.named_modules(prefix=f"blocks.{name}") if index >= below]
    body = PartlyTrained(dict(blocks[below:]), model.head.requires_grad_(condition.head != "solved"), resting)
    if condition.head == "solved":
        classifier(body).requires_grad_()
    trained = frozenset(name for name, value in body.named_parameters() if value.requires_grad)
    trunk = (
        None
        if feature_set is None
        else freeze_trunk(model.trunk(below), feature_set)._replace(own=condition.training.adapt_norms)
    )
    kept = _kept_parameters(condition, model)
    return Parts(trunk, body, kept, trained, _handling(condition, body, kept))


def _everything(layer: nn.Module, parameter: str) -> bool:
    return True


def _mark(name: str, block: nn.Module, trains: Callable[[nn.Module, str], bool]) -> Iterator[str]:
    """Mark each parameter of a block as trained or not; yield the layers that are at rest.

    A layer rests if it has a parameter that is not trained, or buffers and nothing that is.
    """
    for path, layer in block.named_modules(prefix=name):
        own = dict(layer.named_parameters(recurse=False))
        for parameter, value in own.items():
            value.requires_grad_(trains(layer, parameter))
        without = not own and any(True for _ in layer.buffers(recurse=False)) and trains is not _everything
        if without or not all(value.requires_grad for value in own.values()):
            yield path


def _handling(condition: Condition, body: PartlyTrained, kept: frozenset[str]) -> Handling:
    strategy, config, ref = condition.does, condition.training, condition.model
    rates: dict[str, float] = {}
    turns: dict[str, int] = {}
    if config.kept_lr_scale != 1:
        rates = dict.fromkeys(kept, config.kept_lr_scale)
    if isinstance(strategy, RatedStrategy):
        place = {f"blocks.{name}": block for block, name in enumerate(ref.block_names)}
        for name, _ in body.blocks.named_parameters(prefix="blocks"):
            block = place[".".join(name.split(".")[:2])]
            rates[name] = rates.get(name, 1.0) * strategy.rate(block, ref.num_blocks, config.layer_decay)
    if isinstance(strategy, StagedStrategy):
        names = {block: ref.block_names[block] for block in condition.treatment.trained}
        turns = {f"blocks.{name}": strategy.turn(block, ref.group_ends) for block, name in names.items()}
    pulled = isinstance(strategy, PullingStrategy) and strategy.pulled
    return Handling(rates, kept if pulled else frozenset(), config.pull if pulled else 0.0, turns)


def _kept_parameters(condition: Condition, model: CuttableModel) -> frozenset[str]:
    """Return the names of what the strategy took from the source, below and above the cut."""
    strategy, num_blocks = condition.does, condition.model.num_blocks
    prefixes = [f"blocks.{condition.model.block_names[block]}." for block in condition.treatment.kept]
    if condition.keep_hidden and strategy.transfers and len(model.blocks) == num_blocks:
        prefixes.append("head.hidden.")
    return frozenset(name for name, _ in model.named_parameters() if name.startswith(tuple(prefixes)))
