"""A plain training loop with early stopping; batches come from anything that can be iterated again and again."""

from __future__ import annotations

import copy
import time
from collections.abc import Iterable
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

Batches = Iterable[tuple[Tensor, Tensor]]


class Fit(NamedTuple):
    """How a training went; the network holds its best weights."""

    best_epoch: int
    best_accuracy: float
    epoch_seconds: list[float]


def fit(network: nn.Module, train: Batches, validation: Batches, lr: float, epochs: int, patience: int) -> Fit:
    """Train what is not frozen; stop after `patience` epochs without a better validation accuracy."""
    optimizer = torch.optim.Adam([p for p in network.parameters() if p.requires_grad], lr=lr)
    best_epoch, best_accuracy, best_state = 0, -1.0, {}
    epoch_seconds = []
    for epoch in range(1, epochs + 1):
        started = time.perf_counter()
        network.train()
        for images, labels in train:
            optimizer.zero_grad()
            F.cross_entropy(network(images), labels).backward()
            optimizer.step()
        accuracy = evaluate(network, validation)
        epoch_seconds.append(time.perf_counter() - started)
        if accuracy > best_accuracy:
            best_epoch, best_accuracy = epoch, accuracy
            best_state = copy.deepcopy(network.state_dict())
        elif epoch - best_epoch >= patience:
            break
    network.load_state_dict(best_state)
    return Fit(best_epoch, best_accuracy, epoch_seconds)


@torch.no_grad()
def evaluate(network: nn.Module, batches: Batches) -> float:
    """Return the share of right answers."""
    network.eval()
    num_right = num_images = 0
    for images, labels in batches:
        num_right += (network(images).argmax(dim=1) == labels).sum().item()
        num_images += len(labels)
    return num_right / num_images
