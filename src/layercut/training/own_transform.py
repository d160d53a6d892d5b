"""The user's own transform, from torchvision v2, albumentations or plain Python, as an augmentation.

It is called with one image at a time, under random generators that are seeded by one draw of the image: what happens
to it depends neither on the batch nor on the process.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from layercut.errors import SpecError, one_line
from layercut.models.own_code import Code, import_function

_SEEDS = 2**32


class OwnTransform(NamedTuple):
    """Which object of which code."""

    function: str
    """`package.module:name` of a transform, or of a function from image to image."""
    sha256: str
    """Of the module."""
    folder: str | None
    """Where the module is looked for first; None: an installed one."""


def apply_own(own: OwnTransform, images: Tensor, draws: Tensor) -> Tensor:
    """Transform images one by one; images UInt8 "n c h w", draws Float64 "n 1" -> UInt8 "n c h w".

    Raises:
        SpecError: the transform fails, or returns something else than an image like the one it was given.
    """
    call = _called(own)
    seeds = (draws[:, 0].cpu() * _SEEDS).long().tolist()
    with _own_generators():
        changed = [_one(own, call, image, seed) for image, seed in zip(images.cpu(), seeds, strict=True)]
    return torch.stack(changed).to(images.device)


def try_own(own: OwnTransform, image_shape: tuple[int, int, int]) -> None:
    """Transform one image twice.

    Raises:
        SpecError: it fails, changes type or shape, or draws what no seed decides.
    """
    generator = torch.Generator().manual_seed(0)
    images = torch.randint(0, 256, (4, *image_shape), dtype=torch.uint8, generator=generator)
    draws = torch.rand(4, 1, dtype=torch.float64, generator=generator)
    first, second = (apply_own(own, images, draws) for _ in range(2))
    if not torch.equal(first, second):
        raise SpecError(
            f"{own.function} gives two different images under one seed: draw with torch, NumPy's global generator or "
            "Python's `random`, which layercut seeds for every image and epoch"
        )


def _one(own: OwnTransform, call: Callable[[Tensor, int], Any], image: Tensor, seed: int) -> Tensor:
    torch.manual_seed(seed)
    np.random.seed(seed)
    random.seed(seed)
    try:
        changed = call(image.clone(), seed)
    except Exception as error:  # whatever the user's code raises
        raise SpecError(f"{own.function} failed: {type(error).__name__}: {one_line(error, 200)}") from error
    wanted = f"uint8 {tuple(image.shape)}"
    if not isinstance(changed, Tensor):
        raise SpecError(f"expected {own.function} to return a tensor {wanted}; got a {type(changed).__name__}")
    if changed.dtype != torch.uint8 or changed.shape != image.shape:
        raise SpecError(
            f"expected {own.function} to return an image like the one it was given, {wanted} (channels, height, "
            f"width); got {str(changed.dtype).removeprefix('torch.')} {tuple(changed.shape)}: leave out `ToDtype` and "
            "`Normalize`, since layercut scales pixels itself, and keep the size"
        )
    return changed


@lru_cache(maxsize=16)
def _called(own: OwnTransform) -> Callable[[Tensor, int], Any]:
    """Return how an image is changed: the object itself is called, one of albumentations by its own rules."""
    code = Code(Path(own.folder) if own.folder else None, own.sha256)
    found: Any = import_function(own.function, code, "augmentation")
    if not hasattr(found, "set_random_seed"):
        return lambda image, seed: found(image)

    def by_albumentations(image: Tensor, seed: int) -> Tensor:
        found.set_random_seed(seed)
        return torch.from_numpy(np.ascontiguousarray(found(image=image.permute(1, 2, 0).numpy())["image"])).permute(
            2, 0, 1
        )

    return by_albumentations


@contextmanager
def _own_generators() -> Iterator[None]:
    """Leave the global generators as they were."""
    numpy_state, python_state = np.random.get_state(), random.getstate()
    try:
        with torch.random.fork_rng(devices=[]):
            yield
    finally:
        np.random.set_state(numpy_state)
        random.setstate(python_state)
