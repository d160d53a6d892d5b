"""Preparing and recording a trial, whether trained alone or as part of a stack."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple

from torch import Tensor, nn

from layercut.checkpoints import tensors_hash
from layercut.data.splits import Split, fold_splits, sample_split, splits_hash
from layercut.data.subset import Task
from layercut.models import MODELS
from layercut.models.base import CuttableModel, seeded_build, seeded_head
from layercut.models.partly import PartlyTrained
from layercut.plan.jobs import Condition
from layercut.records import TrialRecord, log_area
from layercut.seeding import derive_seed
from layercut.stages.context import RunContext
from layercut.stages.inputs import FrozenTrunk, freeze_trunk, pixel_inputs
from layercut.strategies.base import Ingredients, PartialStrategy, PullingStrategy, RatedStrategy, StagedStrategy
from layercut.training.adapted_norms import adapt_norms, running_norms
from layercut.training.batches import Inputs
from layercut.training.device import place_model
from layercut.training.evaluate import Evaluation
from layercut.training.handling import PLAIN, Handling
from layercut.training.history import DivergedError, Training
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


class Evaluations(NamedTuple):
    """How well a trained model does."""

    train: Evaluation
    test: Evaluation | None
    """None: the test images are left alone."""


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
    hashed = _frozen_hash(parts)
    blocks = {name: _hash_of(parts.body, name) for name in parts.handling.turns}
    return Trial(
        condition, replicate, key, task, seeds, split, tuple(folds), model, parts, hashed, checkpoint_hash, blocks
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


def trial_record(
    trial: Trial, result: Training, on: Evaluations, trunk: FrozenTrunk | None, context: RunContext, wall_seconds: float
) -> TrialRecord:
    """Return the record of a trained trial; `trunk` is the frozen trunk that its inputs came through.

    Raises:
        DivergedError: the loss on the test images is infinite or NaN.
    """
    if on.test is not None and not math.isfinite(on.test.loss):
        raise DivergedError(len(result.curve), result.curve)
    config = trial.condition.training
    tested = on.test.counts() if on.test else None
    test, held_out = (counts.scores() if counts else None for counts in (tested, result.held_out))
    return TrialRecord(
        key=trial.key,
        condition=trial.condition.key,
        replicate=trial.replicate,
        train_accuracy=on.train.accuracy,
        validation_accuracy=result.validation_accuracy,
        validation_loss=result.validation_loss,
        test_accuracy=on.test.accuracy if on.test else None,
        test_loss=on.test.loss if on.test else None,
        best_epoch=result.best_epoch,
        num_epochs=len(result.curve),
        curve=result.curve,
        num_train_images=len(trial.split.train),
        num_validation_images=len(trial.split.validation) + sum(len(fold.validation) for fold in trial.folds),
        num_test_images=len(trial.task.test_labels) if on.test else None,
        num_duplicates_dropped=trial.task.num_duplicates_dropped,
        num_trained_parameters=_num_parameters(trial.parts.body, trained=True),
        num_parameters=_num_parameters(trial.model),
        frozen_unchanged=_frozen_unchanged(trial, trunk, result.best_epoch),
        seeds=trial.seeds._asdict(),
        split_hash=splits_hash(trial.split, trial.folds),
        checkpoint_hash=trial.checkpoint_hash,
        classification_report=_report(trial.task, on.test) if config.classification_report and on.test else None,
        precision=config.precision,
        device=context.device,
        num_threads=1,
        environment=context.environment,
        wall_seconds=wall_seconds,
        log_area=log_area([accuracy for _, accuracy in result.log_accuracies]),
        log_accuracies=dict(result.log_accuracies),
        num_validation_looks=result.num_validation_looks,
        num_folds=len(trial.folds),
        stop_reason=result.stop_reason,
        num_steps=result.num_steps,
        penalty_strength=result.penalty_strength,
        validation_balanced_accuracy=held_out.balanced_accuracy if held_out else None,
        validation_macro_f1=held_out.macro_f1 if held_out else None,
        test_balanced_accuracy=test.balanced_accuracy if test else None,
        test_macro_f1=test.macro_f1 if test else None,
        num_effective_validation_images=result.held_out.effective() if result.held_out else None,
        num_effective_test_images=tested.effective() if tested else None,
    )


def _frozen_unchanged(trial: Trial, trunk: FrozenTrunk | None, best_epoch: int) -> bool | None:
    """`trunk` is the one that the inputs came through: a group of trials has one in common.

    Blocks that had not joined when the weights were the best were frozen until then.
    """
    waiting = trial.waiting(best_epoch)
    if trial.frozen_hash is None and not waiting:
        return None
    unmoved = all(_hash_of(trial.parts.body, name) == trial.block_hashes[name] for name in waiting)
    return unmoved and _frozen_hash(trial.parts._replace(trunk=trunk)) == trial.frozen_hash


def _hash_of(body: PartlyTrained, block: str) -> str:
    return tensors_hash(body.get_submodule(block).state_dict())


def _frozen_hash(parts: Parts) -> str | None:
    below = {} if parts.trunk is None else parts.trunk.frozen.blocks.state_dict()
    frozen = below | parts.body.frozen_values()
    return tensors_hash(frozen) if frozen else None


def _num_parameters(model: nn.Module, trained: bool = False) -> int:
    return sum(parameter.numel() for parameter in model.parameters() if parameter.requires_grad or not trained)


def _report(task: Task, result: Evaluation) -> dict[str, dict[str, float]]:
    from sklearn.metrics import classification_report  # noqa: PLC0415 - scikit-learn takes a second to import

    report = classification_report(
        task.test_labels,
        result.predictions.cpu().numpy(),
        labels=range(len(task.class_names)),
        target_names=list(task.class_names),
        output_dict=True,
        zero_division=0.0,
    )
    return {name: values for name, values in report.items() if isinstance(values, dict)}
