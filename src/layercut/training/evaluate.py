"""Evaluate a model on examples."""

from __future__ import annotations

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from layercut.metrics import ACCURACY, ClassCounts, Metric, count_classes
from layercut.training.batches import Examples
from layercut.training.precision import Precision, evaluation_precision


class Evaluation(NamedTuple):
    """How well a model did."""

    loss: float
    """Mean cross-entropy in nats."""
    accuracy: float
    """Share of right answers in 0..1."""
    predictions: Tensor
    """Predicted class of each example, Int64 "n"."""
    labels: Tensor
    """Int64 "n"."""
    num_classes: int

    def counts(self) -> ClassCounts:
        """Return how many of each class there are, were predicted, and were predicted correctly."""
        return count_classes(self.labels.cpu().numpy(), self.predictions.cpu().numpy(), self.num_classes)

    def score(self, metric: Metric) -> float | None:
        """Return what epochs are chosen by instead of accuracy; None where that is what they are chosen by."""
        return None if metric == ACCURACY else float(getattr(self.counts().scores(), metric))


@torch.inference_mode()
def evaluate(model: nn.Module, examples: Examples, precision: Precision = "float32") -> Evaluation:
    """Evaluate in eval mode, once through the examples in their order.

    Raises:
        ValueError: there are no examples.
    """
    if not len(examples):
        raise ValueError("expected at least one example to evaluate on; got none")
    model.eval()
    chunks = []
    for inputs, _ in examples.chunks():
        with evaluation_precision(precision, inputs.device):
            chunks.append(model(inputs))
    return evaluate_logits(torch.cat(chunks), examples)


@torch.inference_mode()
def evaluate_logits(logits: Tensor, examples: Examples) -> Evaluation:
    """Evaluate a model by its logits, Float "n classes", of all examples in their order."""
    loss = torch.zeros((), dtype=torch.float64, device=logits.device)
    for part, labels in zip(logits.split(examples.chunk), examples.labels.split(examples.chunk), strict=True):  # type: ignore[no-untyped-call]
        loss += F.cross_entropy(part, labels, reduction="sum").double()
    predicted = logits.argmax(dim=1)
    num_right = int((predicted == examples.labels).sum())
    accuracy = num_right / len(examples)
    return Evaluation(loss.item() / len(examples), accuracy, predicted, examples.labels, logits.shape[1])
