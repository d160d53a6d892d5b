"""Observing a model at points of its training: validation accuracy on a logarithmic axis, weights to keep.

Observing changes nothing: training continues with the same bits.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

import torch
from torch import Tensor, nn

from layercut.training.rounds import Batch


def points_behind(batch: Batch) -> Iterator[str]:
    """Yield the names of the moment after a batch: `batch N` in the first epoch, `epoch N` where it is the last."""
    if batch.epoch == 1:
        yield f"batch {batch.number}"
    if batch.last:
        yield f"epoch {batch.epoch}"


class AccuracyLog:
    """Validation accuracies at the points that a training reaches.

    A point `batch N` that is the first epoch's end or beyond it is left out: `epoch 1` stands there.
    """

    def __init__(self, points: Sequence[str], steps_an_epoch: int) -> None:
        beyond = {f"batch {number}" for number in _numbers(points) if number >= steps_an_epoch}
        self._points = frozenset(points) - beyond
        self.values: list[tuple[str, list[float]]] = []
        """Point and accuracy of each model."""

    def wants(self, point: str) -> bool:
        """Return whether the point is asked for."""
        return point in self._points

    def add(self, point: str, accuracies: Sequence[float]) -> None:
        """Write down the accuracy of each model at a point."""
        self.values.append((point, list(accuracies)))

    def of(self, member: int) -> tuple[tuple[str, float], ...]:
        """Return one model's points."""
        return tuple((point, accuracies[member]) for point, accuracies in self.values)


class Snapshots:
    """Copies of a model's values in this machine's memory."""

    def __init__(self, points: Collection[str]) -> None:
        self._points = frozenset(points)
        self.values: dict[str, dict[str, Tensor]] = {}

    def look(self, point: str, model: nn.Module) -> None:
        """Copy the values where the point is asked for."""
        if point in self._points:
            copies = {name: torch.clone(value).cpu() for name, value in model.state_dict().items()}
            self.values[point] = copies


def _numbers(points: Sequence[str]) -> list[int]:
    return [int(point.removeprefix("batch ")) for point in points if point.startswith("batch ")]
