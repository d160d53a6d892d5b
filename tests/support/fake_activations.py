"""Activations with known structure, for tests of probes."""

from __future__ import annotations

import torch

from layercut.probes.base import Activations


def made_up(
    separation: float = 2.0,
    num_images: int = 60,
    num_classes: int = 3,
    shape: tuple[int, ...] = (6, 4, 4),
    seed: int = 0,
    labels: torch.Tensor | None = None,
) -> Activations:
    """Rectified Gaussian features about class means that lie `separation` standard deviations off; all else likewise.

    At separation 0 features, source outputs and the other model know nothing of the labels nor of each other.
    """
    draw = torch.Generator().manual_seed(seed)
    classes = torch.arange(num_images) % num_classes if labels is None else labels
    means = separation * torch.randn(num_classes, *shape, generator=draw)
    outputs = separation * torch.randn(num_classes, 5, generator=draw)
    noise = torch.randn(num_images, *shape, generator=draw)
    return Activations(
        features=torch.relu(noise + means[classes] + 0.5),
        labels=classes,
        num_classes=num_classes,
        seed=seed,
        logits=torch.randn(num_images, 5, generator=draw) + outputs[classes],
        reference=torch.relu(torch.randn(num_images, *shape, generator=draw) + means[classes] + 0.5),
        weights={
            "conv.weight": torch.randn(6, 3, 3, 3, generator=draw),
            "conv.bias": torch.randn(6, generator=draw),
        },
    )
