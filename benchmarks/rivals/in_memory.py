"""The better script: all images as normalised tensors in memory, batches by index; the rest as in `plain`.

python -m benchmarks.rivals.in_memory --job FOLDER --out FILE
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torchvision.datasets import MNIST

from benchmarks.rivals.loop import evaluate, fit
from benchmarks.rivals.network import build_network, freeze
from benchmarks.rivals.trials import Job, Outcome, Positions, RunTrial, Trial, main


class Labelled(NamedTuple):
    """images: Float32 "n 1 28 28", normalised; labels: Int64 "n", -1 for classes that are not the target's."""

    images: Tensor
    labels: Tensor

    def at(self, positions: Positions) -> Labelled:
        """Return some of them."""
        index = torch.from_numpy(positions)
        return Labelled(self.images[index], self.labels[index])


class TensorBatches:
    """Batches of tensors in memory, in a new order each time where shuffled."""

    def __init__(self, data: Labelled, batch_size: int, shuffle: bool) -> None:
        self._data, self._batch_size, self._shuffle = data, batch_size, shuffle

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        images, labels = self._data
        if not self._shuffle:
            yield from zip(images.split(self._batch_size), labels.split(self._batch_size), strict=True)
            return
        for index in torch.randperm(len(labels)).split(self._batch_size):
            yield images[index], labels[index]


def read_tensors(job: Job, train: bool) -> Labelled:
    """Return MNIST's images, normalised once."""
    mnist = MNIST(job.data_dir, train=train)
    images = mnist.data.unsqueeze(1).float().div_(255).sub_(0.5).div_(0.5)
    new_label = torch.full((10,), -1)
    new_label[job.classes] = torch.arange(len(job.classes))
    return Labelled(images, new_label[mnist.targets])


def prepare(job: Job) -> tuple[RunTrial, dict[str, Any]]:
    """Read the data once; trials follow one another."""
    train_set, test_set = read_tensors(job, train=True), read_tensors(job, train=False)
    depth = job.depth

    def run_trial(trial: Trial) -> Outcome:
        images = job.images[trial.replicate]
        network = freeze(build_network(job.weights, depth, trial.cut, len(job.classes)), trial.cut)
        train = TensorBatches(train_set.at(images.train), job.batch_size, shuffle=True)
        validation = TensorBatches(train_set.at(images.validation), job.batch_size, shuffle=False)
        test = TensorBatches(test_set.at(images.test), job.batch_size, shuffle=False)
        result = fit(network, train, validation, job.lr, trial.epochs, job.patience)
        return Outcome(
            len(result.epoch_seconds),
            result.best_epoch,
            result.epoch_seconds,
            evaluate(network, train) if trial.complete else None,
            result.best_accuracy,
            evaluate(network, test) if trial.complete else None,
            *(len(part) for part in images),
        )

    return run_trial, {}


if __name__ == "__main__":
    main(prepare)
