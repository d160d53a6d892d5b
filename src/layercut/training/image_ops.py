"""The image operations of the automatic augmentations, each for a batch at one strength.

Kernels are torchvision's, called as its own `AutoAugment`, `RandAugment` and `TrivialAugmentWide` call them for one
image, so that a batch has the pixels that they would give; what lies outside an image is black.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import lru_cache
from typing import NamedTuple

import torch
import torchvision.transforms.v2.functional as kernels
from torch import Tensor


class Strengths(NamedTuple):
    """How strong an operation can be."""

    bins: tuple[float, ...]
    """Weakest to strongest; one 0 for an operation that has no strength."""
    signed: bool
    """May go in both directions."""


class Space(NamedTuple):
    """Operations to choose from."""

    names: tuple[str, ...]
    strengths: tuple[Strengths, ...]


def apply_chosen(images: Tensor, space: Space, chosen: Tensor, bins: Tensor, negative: Tensor) -> Tensor:
    """Apply to each image its own operation; images with the same one are done together.

    images: UInt8 "n c h w"; chosen: index into the space, Int64 "n", -1 for none; bins: Int64 "n"; negative: Bool "n".
    """
    num_bins = torch.tensor([len(strengths.bins) for strengths in space.strengths], device=images.device)
    signed = torch.tensor([strengths.signed for strengths in space.strengths], device=images.device)
    bins = torch.minimum(bins, num_bins[chosen] - 1)
    width = 2 * int(num_bins.max())
    codes = torch.where(chosen >= 0, width * chosen + 2 * bins + (negative & signed[chosen]).long(), -1)
    found, counts = torch.unique(codes, return_counts=True)
    groups = codes.argsort(stable=True).split(counts.tolist())  # type: ignore[no-untyped-call]
    changed = images.clone()
    for code, rows in zip(found.tolist(), groups, strict=True):
        if code >= 0:
            operation, (strength, is_negative) = code // width, divmod(code % width, 2)
            magnitude = space.strengths[operation].bins[strength]
            change = _OPERATIONS[space.names[operation]]
            changed[rows] = change(images[rows], -magnitude if is_negative else magnitude)
    return changed


@lru_cache(maxsize=32)
def moderate_space(names: tuple[str, ...], num_bins: int, height: int, width: int) -> Space:
    """Return operations with the strengths of AutoAugment and RandAugment."""
    largest = {
        "ShearX": 0.3,
        "ShearY": 0.3,
        "TranslateX": 150.0 / 331.0 * width,
        "TranslateY": 150.0 / 331.0 * height,
        "Rotate": 30.0,
        **dict.fromkeys(_BLENDS, 0.9),
    }
    return _space(names, num_bins, largest, posterized_bits=4)


@lru_cache(maxsize=32)
def wide_space(names: tuple[str, ...], num_bins: int) -> Space:
    """Return operations with the strengths of TrivialAugment Wide."""
    largest = {
        "ShearX": 0.99,
        "ShearY": 0.99,
        "TranslateX": 32.0,
        "TranslateY": 32.0,
        "Rotate": 135.0,
        **dict.fromkeys(_BLENDS, 0.99),
    }
    return _space(names, num_bins, largest, posterized_bits=6)


_BLENDS = ("Brightness", "Color", "Contrast", "Sharpness")


def _space(names: tuple[str, ...], num_bins: int, largest: dict[str, float], posterized_bits: int) -> Space:
    def strengths(name: str) -> Strengths:
        if name in largest:
            return Strengths(tuple(torch.linspace(0.0, largest[name], num_bins).tolist()), signed=True)
        if name == "Posterize":
            bits = (8 - (torch.arange(num_bins) / ((num_bins - 1) / posterized_bits))).round()
            return Strengths(tuple(bits.tolist()), signed=False)
        if name == "Solarize":
            return Strengths(tuple(torch.linspace(1.0, 0.0, num_bins).tolist()), signed=False)
        return Strengths((0.0,), signed=False)

    return Space(names, tuple(map(strengths, names)))


def _shear(images: Tensor, along_x: float, along_y: float) -> Tensor:
    degrees = [math.degrees(math.atan(along)) for along in (along_x, along_y)]
    sheared: Tensor = kernels.affine(
        images, angle=0.0, translate=[0, 0], scale=1.0, shear=degrees, fill=None, center=[0, 0]
    )
    return sheared


def _translate(images: Tensor, along_x: float, along_y: float) -> Tensor:
    moved: Tensor = kernels.affine(
        images, angle=0.0, translate=[int(along_x), int(along_y)], scale=1.0, shear=[0.0, 0.0], fill=None
    )
    return moved


_OPERATIONS: dict[str, Callable[[Tensor, float], Tensor]] = {
    "Identity": lambda images, strength: images,
    "ShearX": lambda images, strength: _shear(images, strength, 0.0),
    "ShearY": lambda images, strength: _shear(images, 0.0, strength),
    "TranslateX": lambda images, strength: _translate(images, strength, 0.0),
    "TranslateY": lambda images, strength: _translate(images, 0.0, strength),
    "Rotate": lambda images, strength: kernels.rotate(images, angle=strength, fill=None),
    "Brightness": lambda images, strength: kernels.adjust_brightness(images, brightness_factor=1.0 + strength),
    "Color": lambda images, strength: kernels.adjust_saturation(images, saturation_factor=1.0 + strength),
    "Contrast": lambda images, strength: kernels.adjust_contrast(images, contrast_factor=1.0 + strength),
    "Sharpness": lambda images, strength: kernels.adjust_sharpness(images, sharpness_factor=1.0 + strength),
    "Posterize": lambda images, strength: kernels.posterize(images, bits=int(strength)),
    "Solarize": lambda images, strength: kernels.solarize(images, threshold=255.0 * strength),
    "AutoContrast": lambda images, strength: kernels.autocontrast(images),
    "Equalize": lambda images, strength: kernels.equalize(images),
    "Invert": lambda images, strength: kernels.invert(images),
}
