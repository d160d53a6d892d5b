"""The weight of each training image in the loss, where a study weights classes.

A weight belongs to an image by its class, and the weights of the images that one model is trained on have mean 1: the
scale of a user's numbers changes nothing, neither the step of an optimizer nor the share of a penalty. `balanced` gives
a class with half of the images twice the weight, so that each class has the same share of the loss.

Reference:
    scikit-learn, `compute_class_weight("balanced")`: the same numbers, n / (classes * images of the class). torch's
    `cross_entropy(weight=...)` divides by the weights of a batch instead, so that an image counts for more beside
    light ones than beside heavy ones; the mean over a batch of ours has the gradient of the whole sample as its
    expectation.
"""

from __future__ import annotations

import math
from typing import Literal, TypeAlias

import torch
import torch.nn.functional as F
from torch import Tensor

ClassWeights: TypeAlias = Literal["balanced"] | tuple[float, ...] | None
"""`balanced`, or a weight of each class in the order of the labels; None: every image counts alike."""


def image_weights(labels: Tensor, rule: ClassWeights) -> Tensor | None:
    """Return the weight of each image, Float64 as `labels` and with mean 1 along the last dimension; None without.

    labels: Int64 "n" of the images of one training, or "members n" of several.
    """
    if rule is None:
        return None
    rows = labels.cpu().reshape(-1, labels.shape[-1])
    return torch.stack([_of_one_training(row, rule) for row in rows]).view(labels.shape).to(labels.device)


def _of_one_training(labels: Tensor, rule: Literal["balanced"] | tuple[float, ...]) -> Tensor:
    counts: list[int] = torch.bincount(labels).tolist()
    if rule == "balanced":
        num_present = sum(count > 0 for count in counts)
        weights = [len(labels) / (num_present * count) if count else 0.0 for count in counts]
    else:
        mean = math.fsum(weight * count for weight, count in zip(rule, counts, strict=False)) / len(labels)
        weights = [weight / mean for weight in rule]
    return torch.tensor(weights, dtype=torch.float64)[labels]


def training_loss(logits: Tensor, labels: Tensor, label_smoothing: float, weights: Tensor | None) -> Tensor:
    """Return the mean cross-entropy of a batch in nats, each image's times its weight; weights: "batch"."""
    if weights is None:
        return F.cross_entropy(logits, labels, label_smoothing=label_smoothing)
    losses = F.cross_entropy(logits, labels, reduction="none", label_smoothing=label_smoothing)
    return (losses * weights).mean()
