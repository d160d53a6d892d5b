"""Activations at the taps of a model: the places worth looking at.

One pass with hooks in eval mode, in chunks of one size (`features/extract.py` says why), each chunk copied to the
CPU at once: an in-place activation behind a tap would change it, and a GPU would fill up.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from typing import Any, Protocol, runtime_checkable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.functional import adaptive_avg_pool1d, adaptive_avg_pool2d

from layercut.errors import UserError, did_you_mean
from layercut.features.given_images import given_bytes
from layercut.models.base import CuttableModel
from layercut.training.batches import Inputs, Normalization, PixelInputs, chunk_size
from layercut.training.device import place_model, resolve_device
from layercut.training.precision import Precision, training_precision

PIXELS = "input"
"""Name of the tap that is the model's input."""

BEFORE_ACTIVATION = ".pre"
"""Behind the name of a block: the place before its last activation, and before the pooling behind that."""

PASS_BYTES = 2**29
"""Activations kept of one pass: the first taps of a CNN are large, and take passes of their own."""


class Features(dict[str, Tensor]):
    """Activations by tap, Float32 "n ..." on the CPU, in the model's order."""

    def to_numpy(self) -> dict[str, NDArray[np.float32]]:
        """Return the same values as arrays, for whatever comes next."""
        return {name: features.numpy() for name, features in self.items()}


@runtime_checkable
class Trained(Protocol):
    """A model with the normalisation that it was trained with, as `layercut.load_model` gives it."""

    model: CuttableModel
    normalization: Normalization


def extract_features(
    model: CuttableModel | Trained,
    images: NDArray[np.uint8] | Tensor,
    taps: Iterable[str] | None = None,
    *,
    mean: float | tuple[float, ...] | None = None,
    std: float | tuple[float, ...] | None = None,
    device: str = "auto",
) -> Features:
    """Return the activations of images at some taps of a model.

    Args:
        model: from `layercut.load_model`, or any of ours; it is put into eval mode and moved to the device.
        images: UInt8 "n channels height width", an array or a tensor.
        taps: names of `model.taps`, `input` for the normalised pixels, and of models of ours a block's name with
            `.pre` for what its activation sees, such as `conv0.pre`; None: `input` and all of `model.taps`.
        mean, std: how pixels in 0..1 become inputs: one value, or one per channel. None: as the model was trained
            if it is from `load_model`, else 0.5.
        device: `auto`, `cpu` or `cuda`.

    Raises:
        UserError: the model has no such tap, or the images are of another type or shape.
    """
    images = given_bytes(images)
    model, normalization = _normalized(model, mean, std)
    known = every_tap(model)
    wanted = list(all_taps(model)) if taps is None else list(taps)
    for name in wanted:
        if name not in known:
            raise UserError(f"the model has no tap {name!r}{did_you_mean(name, known)}; it has {', '.join(known)}")
    place = resolve_device(device)
    inputs = PixelInputs(images, np.arange(len(images)), normalization, place)
    placed = place_model(model, place)
    chunk = min(chunk_size(int(np.prod(images.shape[1:]))), 64)
    return Features(tap_features(placed, inputs, {name: known[name] for name in wanted}, place, chunk))


def _normalized(
    model: CuttableModel | Trained, mean: float | tuple[float, ...] | None, std: float | tuple[float, ...] | None
) -> tuple[CuttableModel, Normalization]:
    cuttable, own = model, Normalization((0.5,), (0.5,))
    if not isinstance(cuttable, CuttableModel) and isinstance(model, Trained):
        cuttable, own = model.model, model.normalization
    if not isinstance(cuttable, CuttableModel):
        name = type(model).__name__
        raise UserError(f"expected a model from `load_model` or `read_model`, or one of layercut's own; got a {name}")
    given = [value if isinstance(value, tuple) or value is None else (value,) for value in (mean, std)]
    return cuttable, Normalization(given[0] or own.mean, given[1] or own.std)


def all_taps(model: CuttableModel) -> dict[str, str]:
    """Return the model's taps after its input, which has no module: its name maps to itself."""
    return {PIXELS: PIXELS} | model.taps


def block_before_activation(name: str) -> str | None:
    """Return the block of a tap before its activation; None for any other tap.

    Example:
        >>> block_before_activation("conv0.pre"), block_before_activation("conv0")
        ('conv0', None)
    """
    return name.removesuffix(BEFORE_ACTIVATION) if name.endswith(BEFORE_ACTIVATION) else None


def every_tap(model: CuttableModel) -> dict[str, str]:
    """Return `all_taps`, and in front of each block's the one before its activation where the model has it.

    Example:
        >>> from layercut.models import MODELS
        >>> family = MODELS["plain_cnn"]
        >>> model = family.build(family.options(depth=2, channels=4), (1, 8, 8), 2)
        >>> list(every_tap(model))
        ['input', 'conv0.pre', 'conv0', 'conv1.pre', 'conv1', 'output']
    """
    left = model.before_activation
    taps = {PIXELS: PIXELS}
    for name, module in model.taps.items():
        block = module.split(".")[1] if module.startswith("blocks.") else None
        if block in left:
            taps[f"{block}{BEFORE_ACTIVATION}"] = left.pop(block)
        taps[name] = module
    return taps


def tap_features(
    model: nn.Module,
    inputs: Inputs,
    taps: Mapping[str, str],
    device: torch.device,
    chunk: int,
    precision: Precision = "float32",
    pass_bytes: int = PASS_BYTES,
    most_units: int | None = None,
) -> Iterator[tuple[str, Tensor]]:
    """Yield each tap with its activations of all inputs, Float32 "n ..." on the CPU, in the order given.

    `taps` maps a name to the module whose output it is; `PIXELS` is the inputs themselves. Only the taps of one
    pass are held: those that together take no more than `pass_bytes`. `most_units`: see `averaged`.
    """
    model.eval()
    first = torch.arange(min(1, len(inputs)), device=device)
    shapes = _collect(model, inputs, taps, first, chunk, precision, most_units)
    row_bytes = {name: 4 * features[0].numel() if len(features) else 0 for name, features in shapes.items()}
    for group in _passes(row_bytes, len(inputs), pass_bytes):
        found = {name: torch.empty(len(inputs), *shapes[name].shape[1:]) for name in group}
        here = {name: taps[name] for name in group}
        for start in range(0, len(inputs), chunk):
            positions = torch.arange(start, min(start + chunk, len(inputs)), device=device)
            for name, features in _collect(model, inputs, here, positions, chunk, precision, most_units).items():
                found[name][start : start + len(positions)] = features
        while found:
            name = next(iter(found))
            yield name, found.pop(name)


def _passes(row_bytes: Mapping[str, int], num_rows: int, pass_bytes: int) -> Iterator[list[str]]:
    """Yield the taps of each pass, in order; one that is too large by itself has its own."""
    group: list[str] = []
    left = pass_bytes
    for name, size in row_bytes.items():
        if group and size * num_rows > left:
            yield group
            group, left = [], pass_bytes
        group.append(name)
        left -= size * num_rows
    if group:
        yield group


@torch.no_grad()
def _collect(
    model: nn.Module,
    inputs: Inputs,
    taps: Mapping[str, str],
    positions: Tensor,
    chunk: int,
    precision: Precision,
    most_units: int | None,
) -> dict[str, Tensor]:
    """Return the activations of one chunk, which is filled up to its size."""
    if len(positions) == 0:
        return {name: torch.empty(0) for name in taps}
    images = inputs.gather(positions.repeat(-(-chunk // len(positions)))[:chunk])
    found: dict[str, Tensor] = {}
    handles = []
    try:
        for name, module in taps.items():
            if module == PIXELS:
                found[name] = _kept(images, len(positions), most_units)
            else:
                hook = _hook(found, name, len(positions), most_units)
                handles.append(model.get_submodule(module).register_forward_hook(hook))
        if handles:
            with training_precision(precision, images.device):
                model(images)
    finally:
        for handle in handles:
            handle.remove()
    return {name: found[name] for name in taps}


def averaged(features: Tensor, most_units: int) -> Tensor:
    """Average neighbouring places until an image has no more than `most_units` numbers; channels are all kept.

    Maps "n c h w" become "n c s s" with the largest s that fits, tokens "n t w" fewer tokens; vectors stay.
    """
    per_place = features.shape[1] if features.dim() == 4 else features.shape[-1]
    if features[0].numel() <= most_units or features.dim() not in (3, 4):
        return features
    places = max(1, most_units // per_place)
    if features.dim() == 3:
        return adaptive_avg_pool1d(features.transpose(1, 2), places).transpose(1, 2)
    return adaptive_avg_pool2d(features, max(1, math.isqrt(places)))


def _hook(found: dict[str, Tensor], name: str, num_rows: int, most_units: int | None) -> Callable[..., None]:
    return partial(_keep, found, name, num_rows, most_units)


def _keep(
    found: dict[str, Tensor],
    name: str,
    num_rows: int,
    most_units: int | None,
    module: nn.Module,
    args: Any,
    output: Tensor,
) -> None:
    found[name] = _kept(output, num_rows, most_units)


def _kept(features: Tensor, num_rows: int, most_units: int | None) -> Tensor:
    rows = features[:num_rows].detach()
    if most_units is not None:
        rows = averaged(rows.float(), most_units)
    return rows.to("cpu", torch.float32, copy=True, memory_format=torch.contiguous_format)
