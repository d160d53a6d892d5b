"""Heads that are solved, not trained: logistic regression on what a model's head sees before its last dense layer.

The strength of the penalty is chosen on held-out images, from strong to weak, each solution from the one before: by
the lowest log loss, pooled over the folds of a cross-validation where there are some. The head is then solved on all
training images at that strength. Centring and scaling are folded into its weights: what is left is an ordinary model.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from layercut.metrics import ClassCounts, count_classes, pooled
from layercut.models.base import CuttableModel
from layercut.training.axes import Turned, turn
from layercut.training.batches import Examples
from layercut.training.class_weights import ClassWeights, image_weights
from layercut.training.logistic import ROUGH, Problem, UnsolvedError
from layercut.training.precision import Precision, evaluation_precision

STRENGTHS = tuple(10 ** (1 - step / 2) for step in range(15))
"""From one that leaves little but the frequencies of the classes to one that hardly matters, 1e-6."""

DEFAULT_STRENGTH = 1e-2
"""Where there are no images to choose by."""

PATIENCE = 3
"""The path ends after so many weaker strengths without a lower log loss."""


class HeldOut(NamedTuple):
    """Which images a strength is tried on, and by a head solved on which: Int64 positions, of training and held out."""

    seen: Tensor
    unseen: Tensor


class Strength(NamedTuple):
    """The strength that was taken, and what it was taken for."""

    value: float
    loss: float | None
    """Mean log loss in nats of the held-out images, each by a head that has not seen it; None: there were none."""
    held_out: ClassCounts | None
    """Predictions on the same images."""
    num_looks: int
    """Held-out images that were evaluated, over all strengths."""


class HeadProblem(NamedTuple):
    """What the heads of one trial are solved on: features of the model as it was prepared."""

    features: Tensor
    """Float32 "n features": of the training images, then of the validation images."""
    labels: Tensor
    """Int64 "n"."""
    num_train: int
    folds: tuple[HeldOut, ...]
    strength: Strength
    class_weights: ClassWeights = None

    def solve(self, model: CuttableModel, fold: int | None = None) -> None:
        """Give a model the head solved on all training images, or on those of one fold."""
        seen = torch.arange(self.num_train, device=self.labels.device) if fold is None else self.folds[fold].seen
        solve_head(model, self.features, self.labels, self.strength.value, seen, self.class_weights)


def head_inputs(model: CuttableModel, examples: Examples, precision: Precision = "float32") -> Tensor:
    """Return what a model's last dense layer sees in evaluation: Float32 "n features"."""
    seen: list[Tensor] = []
    hook = classifier(model).register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0].float()))
    model.eval()
    try:
        with torch.no_grad():
            for inputs, _ in examples.chunks():
                with evaluation_precision(precision, inputs.device):
                    model(inputs)
    finally:
        hook.remove()
    return torch.cat(seen)


def classifier(model: CuttableModel) -> nn.Linear:
    """Return the last dense layer of a model.

    Raises:
        TypeError: its head does not end in one called `out`.
    """
    layer = getattr(model.head, "out", None)
    if not isinstance(layer, nn.Linear):
        raise TypeError(f"expected a head that ends in a dense layer `out`, to solve; got {type(model.head).__name__}")
    return layer


def choose_strength(
    features: Tensor,
    labels: Tensor,
    splits: Sequence[HeldOut],
    num_classes: int,
    biased: bool = True,
    class_weights: ClassWeights = None,
) -> Strength:
    """Return the strength with the lowest log loss on what is held out, the stronger of equal ones.

    Args:
        features: Float32 "n features" of all images that are seen or held out.
        labels: Int64 "n".
        splits: each image is held out at most once; without any, the default strength is taken.
        class_weights: of the images that a head is solved on; those held out count alike.

    Raises:
        UnsolvedError: a fit has no minimum that the solver finds, or features are infinite or NaN.
    """
    _check(features)
    if not splits:
        return Strength(DEFAULT_STRENGTH, None, None, 0)
    tries = [
        _Try(turn(features, split.seen, biased), labels, split, num_classes, biased, class_weights) for split in splits
    ]
    num_held_out = sum(len(split.unseen) for split in splits)
    best = Strength(STRENGTHS[0], math.inf, None, 0)
    num_worse = num_looks = 0
    for strength in STRENGTHS:
        losses, counts = zip(*(one.at(strength) for one in tries), strict=True)
        num_looks += num_held_out
        loss = math.fsum(losses) / num_held_out
        if best.loss is not None and loss < best.loss:
            best, num_worse = Strength(strength, loss, pooled(counts), 0), 0
        else:
            num_worse += 1
        if num_worse == PATIENCE:
            break
    return best._replace(num_looks=num_looks)


def solve_head(
    model: CuttableModel,
    features: Tensor,
    labels: Tensor,
    strength: float,
    seen: Tensor | None = None,
    class_weights: ClassWeights = None,
) -> None:
    """Give a model the head that is solved at one strength, in place.

    Args:
        features: what `head_inputs` returned, Float32 "n features".
        labels: Int64 "n".
        seen: Int64 positions of the images to solve on; None: all.
        class_weights: how much each of these counts, by its class.

    Raises:
        UnsolvedError: there is no minimum that the solver finds, or features are infinite or NaN.
    """
    _check(features)
    layer = classifier(model)
    seen = torch.arange(len(features), device=features.device) if seen is None else seen
    biased = layer.bias is not None
    turned = turn(features, seen, biased)
    counts = image_weights(labels[seen], class_weights)
    solution = Problem(turned, seen, labels[seen], layer.out_features, biased, counts).solve(strength)
    weights, bias = turned.dense(*solution)
    with torch.no_grad():
        layer.weight.copy_(weights)
        if biased:
            layer.bias.copy_(bias)


def _check(features: Tensor) -> None:
    if not features.isfinite().all():
        raise UnsolvedError("expected finite features to solve a head on; some are infinite or NaN: check the source")


class _Try:
    """One split on the path of strengths."""

    def __init__(
        self,
        turned: Turned,
        labels: Tensor,
        split: HeldOut,
        num_classes: int,
        biased: bool,
        class_weights: ClassWeights,
    ) -> None:
        seen = labels[split.seen]
        self._problem = Problem(turned, split.seen, seen, num_classes, biased, image_weights(seen, class_weights))
        self._unseen = turned.coordinates[split.unseen]
        self._labels = labels[split.unseen]
        self._num_classes = num_classes

    def at(self, strength: float) -> tuple[float, ClassCounts]:
        """Return the summed log loss of the held-out images, and what was predicted of them."""
        logits = self._problem.solve(strength, ROUGH).logits(self._unseen)
        loss = F.cross_entropy(logits, self._labels, reduction="sum").item()
        predicted = logits.argmax(1).cpu().numpy()
        return loss, count_classes(self._labels.cpu().numpy(), predicted, self._num_classes)
