"""Check a model before hours are spent on it.

A library's models are examined by a test, for they are pinned with their library; everything else, one's own code above
all, here. What can be mended is (`models/foreign.py`, `models/traced.py`); what cannot is refused.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from layercut.errors import SpecError, few, one_line
from layercut.keys import canonical_json
from layercut.models import MODELS
from layercut.models.base import CuttableModel, ImageShape, ModelFamily
from layercut.models.families import PublishedFamily
from layercut.models.layout import in_memory
from layercut.models.names import INPUT

_MOST = 4
_MANY = 16
"""A parameter with more distinct values than that was drawn or learnt; constants and identities have fewer."""

_TOLERANCE = 1e-3
"""Of the largest number: a batch of another size takes other kernels, and ends in other last bits."""

_NUM_IMAGES = 4


def examine_model(name: str, options: Any, image_shape: ImageShape, num_classes: int) -> tuple[str, ...]:
    """Return what the user of a model should know of it.

    Raises:
        SpecError: results with it would be wrong; says why, and what to change.
    """
    return _examined(name, canonical_json(options.model_dump(mode="json")), image_shape, num_classes)


@lru_cache(maxsize=64)
def _examined(name: str, options_json: str, image_shape: ImageShape, num_classes: int) -> tuple[str, ...]:
    family = MODELS[name]
    options = family.options.model_validate_json(options_json)
    if not isinstance(family, PublishedFamily):
        return examine_fully(family, options, image_shape, num_classes)
    model = _build(family, options, image_shape, num_classes, seed=0)
    check_sharing(model)
    return (*model.notes, *_frozen_by_its_code(model))


def examine_fully(family: ModelFamily, options: Any, image_shape: ImageShape, num_classes: int) -> tuple[str, ...]:
    """Build a model three times, evaluate it and train it a step; a library's models are examined so by a test.

    Raises:
        SpecError: as `examine_model`.
    """
    model = _build(family, options, image_shape, num_classes, seed=0)
    notes = [*model.notes, *_frozen_by_its_code(model)]
    check_names(model)
    check_sharing(model)
    again = _build(family, options, image_shape, num_classes, seed=0)
    other = _build(family, options, image_shape, num_classes + 1, seed=1)
    _check_classes(model, other, num_classes)
    _check_seeds(model, again, other)
    model.requires_grad_(True)
    check_evaluation(model, image_shape)
    check_training(model, image_shape, num_classes)
    return tuple(notes)


def _build(family: ModelFamily, options: Any, image_shape: ImageShape, num_classes: int, seed: int) -> CuttableModel:
    """Build a model as its code leaves it."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return family.build(options, image_shape, num_classes)


def _frozen_by_its_code(model: CuttableModel) -> Iterator[str]:
    frozen = [name for name, parameter in model.named_parameters() if not parameter.requires_grad]
    if frozen:
        yield (
            f"its code freezes {few(frozen, _MOST)} (requires_grad=False); here strategies decide what is frozen, so "
            "they are trained wherever a strategy trains: make a constant a buffer"
        )


def check_names(model: CuttableModel) -> None:
    """Check that no block is called what layercut calls the images.

    Raises:
        SpecError: one is, and would hide them.
    """
    if INPUT in model.block_names:
        raise SpecError(f"a block may not be called {INPUT!r}, the name of the images")


def check_sharing(model: CuttableModel) -> None:
    """Check that no parameter is in two blocks, or in a block and the head.

    Raises:
        SpecError: one is: it would be frozen and trained at once.
    """
    owner: dict[int, str] = {}
    for part, module in [*model.blocks.named_children(), ("head", model.head)]:
        for name, parameter in module.named_parameters():
            before = owner.setdefault(id(parameter), part)
            if before != part:
                raise SpecError(
                    f"{part}.{name} is a parameter of {before} too, so it would be frozen and trained at once: put "
                    "layers that share weights into one block"
                )


def _check_classes(model: CuttableModel, other: CuttableModel, num_classes: int) -> None:
    """Compare with a model for one class more."""
    rows = {name: value.shape for name, value in model.named_parameters() if name == "head.out.weight"}
    if any(shape[0] != num_classes for shape in rows.values()):
        got = rows["head.out.weight"][0]
        raise SpecError(f"expected a classifier of {num_classes} classes; the model has {got}: use `num_classes`")
    shapes = {name: tuple(value.shape) for name, value in model.state_dict().items()}
    for name, value in other.state_dict().items():
        if name.startswith("blocks.") and shapes.get(name) != tuple(value.shape):
            raise SpecError(
                f"{name} has the shape {shapes.get(name)} for {num_classes} classes and {tuple(value.shape)} for "
                f"{num_classes + 1}: source and target may have different numbers of classes, so only the classifier "
                "may depend on it"
            )


def _check_seeds(model: CuttableModel, again: CuttableModel, other: CuttableModel) -> None:
    """Compare initial values of equal and of different seeds."""
    values, same, different = (dict(built.named_parameters()) for built in (model, again, other))
    unequal = [name for name, value in values.items() if not torch.equal(value, same[name])]
    if unequal:
        raise SpecError(
            f"built twice from one seed, the model differs in {few(unequal, _MOST)}: draw initial values with torch, "
            "whose generator layercut seeds, not with numpy or random"
        )
    kept = {
        name
        for name, value in values.items()
        if different[name].shape == value.shape and torch.equal(value, different[name])
    }
    learnt = [name for name in kept if values[name].unique().numel() > _MANY]  # type: ignore[no-untyped-call]
    drawn = {name for name in learnt if name in set(_drawn(model))}
    if drawn or (learnt and len(kept) == len([n for n in values if different[n].shape == values[n].shape])):
        names = [name for name in values if name in learnt]
        raise SpecError(
            f"built from another seed, the model has the same initial values in {few(names, _MOST)}: its code loads "
            "weights or sets a seed, and `scratch` and what is re-initialised would start from them; let the function "
            "return a new model, and name the file with source: {checkpoint: FILE}"
        )


def _drawn(model: nn.Module) -> Iterator[str]:
    """Yield the names of parameters that their layers draw at random when they are made."""
    for path, layer in model.named_modules():
        reset = getattr(layer, "reset_parameters", None)
        if reset is None:
            continue
        results = []
        for seed in (0, 1):
            with torch.random.fork_rng(devices=[]), torch.no_grad():
                torch.manual_seed(seed)
                before = {name: value.clone() for name, value in layer.named_parameters(recurse=False)}
                reset()
                results.append({name: value.clone() for name, value in layer.named_parameters(recurse=False)})
                for name, value in layer.named_parameters(recurse=False):
                    value.copy_(before[name])
        yield from (f"{path}.{name}" for name, value in results[0].items() if not torch.equal(value, results[1][name]))


def check_evaluation(model: CuttableModel, image_shape: ImageShape) -> None:
    """Check that in evaluation mode an image's features depend on that image alone.

    Raises:
        SpecError: the model draws at random, looks at the whole batch, or loses the dimension of images.
    """
    model = in_memory(model.eval())
    images = _images(image_shape)
    others = torch.cat([images[:1], 3 * images[1:].flip(-1) + 1])
    first, second, beside = (_places(model, batch, seed) for seed, batch in enumerate([images, images, others]))
    alone = _places(model, images[:1], seed=3)
    for place, features in first.items():
        if not torch.equal(features, second[place]):
            raise SpecError(
                f"{place} draws at random in evaluation mode: the same images give different features each time; use "
                "torch.nn.Dropout, or pass `training=self.training` to the function"
            )
        if alone[place].shape != (1, *features.shape[1:]):
            raise SpecError(
                f"{place} gives {tuple(alone[place].shape)} for one image and {tuple(features.shape)} for "
                f"{_NUM_IMAGES}: keep the dimension of images, for instance with `flatten(1)` in place of `squeeze()`"
            )
        limit = _TOLERANCE * float(features.abs().max())
        if any((features[0] - batch[place][0]).abs().max() > limit for batch in (alone, beside)):
            raise SpecError(
                f"{place} depends on the batch in evaluation mode: an image's features change with the other "
                "images in the batch; use running statistics, and compute nothing across the batch dimension"
            )


def _places(model: CuttableModel, images: Tensor, seed: int) -> dict[str, Tensor]:
    """Return the features behind each block and the logits."""
    found: dict[str, Tensor] = {}
    features = images.contiguous(memory_format=torch.channels_last)
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        torch.manual_seed(seed)
        for name, block in model.blocks.named_children():
            features = block(features)
            found[f"the block {name}"] = features.clone()
        found["the head"] = model.head(features)
    return found


@torch.enable_grad()
def check_training(model: CuttableModel, image_shape: ImageShape, num_classes: int) -> None:
    """Check one pass and its gradients, laid out in memory as in training.

    Raises:
        SpecError: it fails, gives no logits, or a parameter takes no part.
    """
    model = in_memory(model.train())
    images = _images(image_shape).contiguous(memory_format=torch.channels_last)
    labels = torch.arange(_NUM_IMAGES) % num_classes
    buffers = {name: value.clone() for name, value in model.named_buffers()}
    try:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            logits = model(images)
        if logits.shape != (_NUM_IMAGES, num_classes):
            expected, got = (_NUM_IMAGES, num_classes), tuple(logits.shape)
            raise SpecError(f"expected logits of shape {expected} in training; the model gives {got}")
        F.cross_entropy(logits, labels).backward()  # type: ignore[no-untyped-call]
    except (RuntimeError, ValueError, TypeError) as error:
        raise SpecError(f"a training step fails: {type(error).__name__}: {one_line(error, 300)}") from error
    without = [name for name, parameter in model.named_parameters() if parameter.grad is None]
    if without:
        raise SpecError(
            f"{few(without, _MOST)} would never be trained: no gradient reaches them; remove `detach` and "
            "`torch.no_grad`: strategies decide what is frozen"
        )
    for name, value in model.named_buffers():
        value.copy_(buffers[name])


def _images(image_shape: ImageShape) -> Tensor:
    return 2 * torch.rand(_NUM_IMAGES, *image_shape, generator=torch.Generator().manual_seed(0)) - 1
