"""Augmentations by name, for batches of training images; every image has its own draws.

What happens to an image follows from its draws alone, numbers in [0, 1) that are drawn for a whole epoch: not from the
batch it comes in. A replicate's images are then augmented alike under every condition, whatever the batches are.

References:
    Crop and flip as in He et al. 2016 (section 4.2); Cutout: DeVries and Taylor 2017, arXiv 1708.04552;
    AutoAugment: Cubuk et al. 2019, arXiv 1805.09501 (policy for CIFAR-10); RandAugment: Cubuk et al. 2020, arXiv
    1909.13719; TrivialAugment Wide: Müller and Hutter 2021, arXiv 2103.10158. We differ in that crops are padded by,
    and holes as wide as, a fixed share of the image's side, which at 32 pixels is what these papers use.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import NamedTuple, TypeAlias

import torch
import torch.nn.functional as F
from torch import Tensor

from layercut.seeding import derive_seed
from layercut.training.own_transform import OwnTransform, apply_own


class Augmentation(NamedTuple):
    """One augmentation."""

    num_draws: int
    """Numbers in [0, 1) that one image needs."""
    apply: Callable[[Tensor, Tensor], Tensor]
    """images UInt8 "n c h w", draws Float64 "n num_draws" -> UInt8 "n c h w"."""


Step: TypeAlias = str | OwnTransform
"""One of `AUGMENTATIONS` by its name, or the user's own."""


def augment(images: Tensor, steps: Sequence[Step], draws: Tensor) -> Tensor:
    """Apply augmentations one after the other; draws: Float64 "n num_draws" of all of them together."""
    each = [_augmentation(step) for step in steps]
    widths = [one.num_draws for one in each]
    for one, own in zip(each, draws.split(widths, dim=1), strict=True):  # type: ignore[no-untyped-call]
        images = one.apply(images, own)
    return images


def _augmentation(step: Step) -> Augmentation:
    return Augmentation(1, partial(apply_own, step)) if isinstance(step, OwnTransform) else AUGMENTATIONS[step]


def epoch_draws(steps: Sequence[Step], num_images: int, seed: int, epoch: int) -> Tensor:
    """Return the draws of all training images for one epoch: Float64 "n num_draws"."""
    generator = torch.Generator().manual_seed(derive_seed(seed, epoch))
    num_draws = sum(_augmentation(step).num_draws for step in steps)
    return torch.rand(num_images, num_draws, generator=generator, dtype=torch.float64)


def _flip(images: Tensor, draws: Tensor) -> Tensor:
    """Mirror left and right, every second image."""
    return torch.where((draws[:, 0] < 0.5).view(-1, 1, 1, 1), images.flip(3), images)


def _crop(images: Tensor, draws: Tensor) -> Tensor:
    """Move by up to an eighth of the side in both directions, black outside."""
    num, _, height, width = images.shape
    rows, columns = (_indices(side, draws[:, axis]) for axis, side in enumerate((height, width)))
    pad_y, pad_x = height // 8, width // 8
    padded = F.pad(images, (pad_x, pad_x, pad_y, pad_y))
    image = torch.arange(num, device=images.device).view(-1, 1, 1, 1)
    channel = torch.arange(images.shape[1], device=images.device).view(1, -1, 1, 1)
    return padded[image, channel, rows.view(num, 1, -1, 1), columns.view(num, 1, 1, -1)]


def _indices(side: int, draws: Tensor) -> Tensor:
    """Return which of the padded lines each image keeps: Int64 "n side"."""
    return _choose(draws, 2 * (side // 8) + 1)[:, None] + torch.arange(side, device=draws.device)


def _cutout(images: Tensor, draws: Tensor) -> Tensor:
    """Blacken a square of half the side around a point of the image; what lies outside is cut off."""
    _, _, height, width = images.shape
    inside = torch.ones(len(images), 1, height, width, dtype=torch.bool, device=images.device)
    for axis, side in enumerate((height, width)):
        first = _choose(draws[:, axis], side) - side // 4
        line = torch.arange(side, device=images.device)
        within = (line >= first[:, None]) & (line < first[:, None] + side // 2)
        inside &= within.view(-1, 1, side, 1) if axis == 0 else within.view(-1, 1, 1, side)
    return images.masked_fill(inside, 0)


def _choose(draws: Tensor, count: int) -> Tensor:
    return (draws * count).long()


def _trivialaugment(images: Tensor, draws: Tensor) -> Tensor:
    """One operation of any strength."""
    from layercut.training.image_ops import apply_chosen, wide_space  # noqa: PLC0415 - torchvision takes a second to import

    space = wide_space(_RAND_NAMES, _RAND_BINS)
    chosen, bins = _choose(draws[:, 0], len(space.names)), _choose(draws[:, 1], _RAND_BINS)
    return apply_chosen(images, space, chosen, bins, draws[:, 2] <= 0.5)


def _randaugment(images: Tensor, draws: Tensor) -> Tensor:
    """Two operations of strength 9 of 30."""
    from layercut.training.image_ops import apply_chosen, moderate_space  # noqa: PLC0415 - torchvision takes a second to import

    space = moderate_space(_RAND_NAMES, _RAND_BINS, *images.shape[2:])
    for step in (0, 2):
        chosen = _choose(draws[:, step], len(space.names))
        images = apply_chosen(images, space, chosen, torch.full_like(chosen, 9), draws[:, step + 1] <= 0.5)
    return images


def _autoaugment_cifar10(images: Tensor, draws: Tensor) -> Tensor:
    """One of 25 pairs of operations, each with its probability."""
    from layercut.training.image_ops import apply_chosen, moderate_space  # noqa: PLC0415 - torchvision takes a second to import

    space = moderate_space(_AUTO_NAMES, 10, *images.shape[2:])
    pair = _choose(draws[:, 0], len(CIFAR10_POLICY))
    for step in (0, 1):
        steps = [operations[step] for operations in CIFAR10_POLICY]
        chosen = torch.tensor([_AUTO_NAMES.index(name) for name, _, _ in steps], device=images.device)[pair]
        probability = torch.tensor([share for _, share, _ in steps], dtype=torch.float64, device=images.device)[pair]
        bins = torch.tensor([strength for _, _, strength in steps], device=images.device)[pair]
        chosen = torch.where(draws[:, 1 + step] < probability, chosen, -1)
        images = apply_chosen(images, space, chosen, bins, draws[:, 3 + step] <= 0.5)
    return images


_RAND_BINS = 31
_STRONG_NAMES = ("ShearX", "ShearY", "TranslateX", "TranslateY", "Rotate", "Brightness", "Color", "Contrast")
_RAND_NAMES = ("Identity", *_STRONG_NAMES, "Sharpness", "Posterize", "Solarize", "AutoContrast", "Equalize")
_AUTO_NAMES = (*_RAND_NAMES[1:], "Invert")

CIFAR10_POLICY = (
    (("Invert", 0.1, 0), ("Contrast", 0.2, 6)),
    (("Rotate", 0.7, 2), ("TranslateX", 0.3, 9)),
    (("Sharpness", 0.8, 1), ("Sharpness", 0.9, 3)),
    (("ShearY", 0.5, 8), ("TranslateY", 0.7, 9)),
    (("AutoContrast", 0.5, 0), ("Equalize", 0.9, 0)),
    (("ShearY", 0.2, 7), ("Posterize", 0.3, 7)),
    (("Color", 0.4, 3), ("Brightness", 0.6, 7)),
    (("Sharpness", 0.3, 9), ("Brightness", 0.7, 9)),
    (("Equalize", 0.6, 0), ("Equalize", 0.5, 0)),
    (("Contrast", 0.6, 7), ("Sharpness", 0.6, 5)),
    (("Color", 0.7, 7), ("TranslateX", 0.5, 8)),
    (("Equalize", 0.3, 0), ("AutoContrast", 0.4, 0)),
    (("TranslateY", 0.4, 3), ("Sharpness", 0.2, 6)),
    (("Brightness", 0.9, 6), ("Color", 0.2, 8)),
    (("Solarize", 0.5, 2), ("Invert", 0.0, 0)),
    (("Equalize", 0.2, 0), ("AutoContrast", 0.6, 0)),
    (("Equalize", 0.2, 0), ("Equalize", 0.6, 0)),
    (("Color", 0.9, 9), ("Equalize", 0.6, 0)),
    (("AutoContrast", 0.8, 0), ("Solarize", 0.2, 8)),
    (("Brightness", 0.1, 3), ("Color", 0.7, 0)),
    (("Solarize", 0.4, 5), ("AutoContrast", 0.9, 0)),
    (("TranslateY", 0.9, 9), ("TranslateY", 0.7, 9)),
    (("AutoContrast", 0.9, 0), ("Solarize", 0.8, 3)),
    (("Equalize", 0.8, 0), ("Invert", 0.1, 0)),
    (("TranslateY", 0.7, 9), ("AutoContrast", 0.9, 0)),
)
"""Pairs of operation, probability and strength (of 0..9; 0 where it has none)."""

AUGMENTATIONS: dict[str, Augmentation] = {
    "flip": Augmentation(1, _flip),
    "crop": Augmentation(2, _crop),
    "cutout": Augmentation(2, _cutout),
    "autoaugment_cifar10": Augmentation(5, _autoaugment_cifar10),
    "trivialaugment": Augmentation(3, _trivialaugment),
    "randaugment": Augmentation(4, _randaugment),
}
"""As `spec/training.py` lists them."""
