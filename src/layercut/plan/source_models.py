"""The model of a source: built, with the values of a weight file, or whole with its own head."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from torch import Tensor

from layercut.checkpoints import WeightFile, load_foreign_weights
from layercut.errors import CheckpointError, few
from layercut.models import MODELS
from layercut.models.base import CuttableModel, seeded_build
from layercut.models.families import AdaptingFamily
from layercut.models.load_errors import MOST
from layercut.models.weight_names import unwrapped
from layercut.plan.jobs import ModelRef
from layercut.strategies.primitives import load_blocks


def build_for(ref: ModelRef, num_classes: int, seed: int) -> CuttableModel:
    """Build a model from its reference, its initial values from `seed` alone."""
    family = MODELS[ref.name]
    return seeded_build(family, family.options.model_validate(ref.options), ref.image_shape, num_classes, seed)


def read_weights(ref: ModelRef, path: Path, keep_hidden: bool = False) -> WeightFile:
    """Read a model's weight file under our names; `keep_hidden`: the head's hidden layers will be asked for.

    Raises:
        CheckpointError: the file cannot be read, or a value that is kept is missing or has another shape.
    """
    found = load_foreign_weights(path)
    model = build_for(ref, num_classes=2, seed=0)
    try:
        values = _under_our_names(ref, found, model)
    except CheckpointError as error:
        raise _unfit(ref, path, str(error), found) from error
    wrong = list(_wrong(model, values, ("blocks.", "head.") if keep_hidden else ("blocks.",)))
    if wrong:
        raise _unfit(ref, path, few(wrong, MOST), found)
    return values


def _under_our_names(ref: ModelRef, found: WeightFile, model: CuttableModel) -> WeightFile:
    """Return a file's values under our names, whatever wrapped the model that wrote them."""
    family = MODELS[ref.name]
    options = family.options.model_validate(ref.options)
    theirs = [family.file_names(options, ref.image_shape)] if isinstance(family, AdaptingFamily) else []
    named = unwrapped(found, [model.state_dict(), *theirs])
    if named.format == 0:
        return named.values
    if isinstance(family, AdaptingFamily):
        return family.adapt(options, ref.image_shape, named.values)
    names = family.import_names(options, list(named.values))
    return named.values if names is None else named.values.like((names[n], v) for n, v in named.values.items())


class WholeModel(NamedTuple):
    """A model with a source's values."""

    model: CuttableModel
    has_head: bool
    """False where the weights hold no head that fits: what lies behind the blocks is then without meaning."""


def whole_model(ref: ModelRef, values: Mapping[str, Tensor], has_head: bool = True) -> WholeModel:
    """Build the model of a source; values: names of ours -> tensors.

    The number of classes follows from the weights: where the head of a model for three classes is larger than that
    for two, the weights' size there is the number.
    """
    num_classes = _num_classes(ref, values) if has_head else None
    model = build_for(ref, num_classes or 2, seed=0)
    if num_classes is None:
        load_blocks(model, dict(values), model.block_names)
    else:
        model.load_state_dict({name: values[name] for name in model.state_dict()})
    return WholeModel(model.eval(), num_classes is not None)


def _num_classes(ref: ModelRef, values: Mapping[str, Tensor]) -> int | None:
    two, three = (build_for(ref, num_classes, seed=0).state_dict() for num_classes in (2, 3))
    sizes = {
        int(values[name].shape[0])
        for name in two
        if name in values and values[name].dim() and two[name].shape[:1] != three[name].shape[:1]
    }
    if len(sizes) != 1:
        return None
    (num_classes,) = sizes
    wanted = build_for(ref, num_classes, seed=0).state_dict() if num_classes > 0 else {}
    fits = all(name in values and values[name].shape == value.shape for name, value in wanted.items())
    return num_classes if wanted and fits else None


def _wrong(model: CuttableModel, values: Mapping[str, Tensor], kept: tuple[str, ...]) -> Iterator[str]:
    """Yield what does not fit: whatever is kept must find its values; the classifier is new on every target."""
    for name, wanted in model.state_dict().items():
        if not name.startswith(kept) or name.startswith("head.out."):
            continue
        got = tuple(values[name].shape) if name in values else "nothing"
        if got != tuple(wanted.shape):
            yield f"{name}: expected {tuple(wanted.shape)}, got {got}"


def _unfit(ref: ModelRef, path: Path, why: str, found: Mapping[str, Tensor]) -> CheckpointError:
    """Return the refusal of a file that holds the tensors `found`."""
    has = few([f"{name} {tuple(value.shape)}" for name, value in found.items()], MOST)
    return CheckpointError(
        f"the weights in {path} do not fit the model {ref.label} on images of "
        f"{ref.image_shape}: {why}; the file has {len(found)} tensors: {has}"
    )
