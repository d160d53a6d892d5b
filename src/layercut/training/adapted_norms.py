"""Running statistics of batch norms, estimated again on other images, without their labels.

Reference:
    Li, Wang, Shi, Liu and Hou, "Revisiting Batch Normalization For Practical Domain Adaptation", ICLR workshop 2017
    (arXiv 2016): AdaBN. We differ in the images: theirs are all of the target's, test images among them; ours are the
    training images of a trial. One pass in batches, as `torch.optim.swa_utils.update_bn` makes it: each norm
    normalises by the batch that it sees, and its statistics become the mean over batches.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from layercut.training.batches import Inputs
from layercut.training.precision import Precision, evaluation_precision

BATCH_BYTES = 2**28
"""Of the largest features of a batch."""

_LEAST_BATCH, _LARGEST_BATCH = 32, 256


def running_norms(layers: Iterable[nn.Module]) -> list[nn.Module]:
    """Return the batch norms that have running statistics."""
    return [layer for layer in layers if isinstance(layer, _BatchNorm) and layer.running_mean is not None]


@torch.no_grad()
def adapt_norms(
    model: nn.Module, norms: Collection[nn.Module], inputs: Inputs, num_features: int, precision: Precision = "float32"
) -> None:
    """Re-estimate the statistics of some batch norms from these inputs; everything else stays.

    num_features: numbers in the largest features of one image.
    """
    device = next(model.buffers()).device
    momenta = [norm.momentum for norm in norms]
    model.eval()
    for norm in norms:
        norm.reset_running_stats()  # type: ignore[operator]
        norm.momentum = None  # type: ignore[assignment]
        norm.train()
    try:
        for positions in _batches(len(inputs), num_features):
            images = inputs.gather(positions.to(device))
            with evaluation_precision(precision, images.device):
                model(images)
    finally:
        for norm, momentum in zip(norms, momenta, strict=True):
            norm.momentum = momentum
        model.eval()


def _batches(num_images: int, num_features: int) -> Iterator[Tensor]:
    """Yield positions of batches of equal size, to one: all have the same weight in the mean."""
    size = max(_LEAST_BATCH, min(_LARGEST_BATCH, BATCH_BYTES // (4 * num_features)))
    yield from torch.arange(num_images).tensor_split(-(-num_images // size))
