"""The length of a training: rounds of steps, with an evaluation at the end of each.

A round is an epoch unless the study asks for steps. Ten epochs of 24 images are ten steps of a batch of 32 and ten of
24,000 images are 7,500: what converges in one is not begun in the other. With `min_steps`, rounds become several
epochs long where epochs are short; with `steps`, they are of equal length in steps, whatever an epoch is.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import torch
from torch import Tensor


class Rounds(NamedTuple):
    """The length of a training. Either `epochs` or `steps` says how long a round is."""

    number: int
    """Maximum number of rounds."""
    epochs: int | None = 1
    """Epochs of each round."""
    steps: tuple[int, ...] = ()
    """Steps of each round, where rounds do not follow epochs."""

    def steps_of(self, round_number: int, steps_an_epoch: int) -> int:
        """Return the steps of one round, from 1."""
        return self.steps[round_number - 1] if self.epochs is None else self.epochs * steps_an_epoch

    def num_steps(self, steps_an_epoch: int, num_rounds: int | None = None) -> int:
        """Return the steps of the first rounds; of all by default."""
        number = self.number if num_rounds is None else num_rounds
        return sum(self.steps[:number]) if self.epochs is None else number * self.epochs * steps_an_epoch


def rounds_of_epochs(epochs: int, min_steps: int | None, steps_an_epoch: int) -> Rounds:
    """Return one round an epoch, or fewer and longer ones, of whole epochs, where epochs have too few steps.

    There are never more than `epochs` rounds, so patience waits for about as many steps at every fraction.

    Example:
        >>> rounds_of_epochs(40, 1000, 3)
        Rounds(number=38, epochs=9, steps=())
    """
    needed = epochs if min_steps is None else max(epochs, -(-min_steps // steps_an_epoch))
    each = -(-needed // epochs)
    return Rounds(-(-needed // each), each)


def rounds_of_steps(steps: int, evaluations: int) -> Rounds:
    """Return rounds that share the steps as equally as can be.

    Example:
        >>> rounds_of_steps(10, 4)
        Rounds(number=4, epochs=None, steps=(3, 3, 2, 2))
    """
    number = min(steps, evaluations)
    each, rest = divmod(steps, number)
    return Rounds(number, None, (each + 1,) * rest + (each,) * (number - rest))


class Batch(NamedTuple):
    """Positions of one step's examples, and where in the training the step is."""

    positions: Tensor
    """Int64 "members batch" on the device."""
    epoch: int
    """From 1."""
    number: int
    """In its epoch, from 1."""
    last: bool
    """Of its epoch."""


class Batches:
    """Shuffled batches of one or more trainings side by side, epoch after epoch; each member has its own order."""

    def __init__(self, num_examples: int, sizes: list[int], order_seeds: Sequence[int], device: torch.device) -> None:
        self._num_examples = num_examples
        self._sizes = sizes
        self._orders = [torch.Generator().manual_seed(seed) for seed in order_seeds]
        self._device = device
        self._endless = self._all()

    def take(self, num_steps: int) -> Iterator[Batch]:
        """Yield the batches of the next steps."""
        for _ in range(num_steps):
            yield next(self._endless)

    def _all(self) -> Iterator[Batch]:
        epoch = 0
        while True:
            epoch += 1
            orders = [torch.randperm(self._num_examples, generator=order) for order in self._orders]
            shuffled = torch.stack(orders).to(self._device)
            for number, positions in enumerate(shuffled.split(self._sizes, dim=1), start=1):  # type: ignore[no-untyped-call]
                yield Batch(positions, epoch, number, number == len(self._sizes))
