"""Validation that does only what the choice of the best epoch needs: `validate_epochs: as_needed`.

Nobody has to know how good an epoch is as long as it cannot end the training, which is `patience` epochs after the
best one. So epochs wait, with their weights, until one of them could: then the latest is validated first, which is
mostly the best, and each of the others only until it has as many images wrong as an epoch that is known. Images that
were least surely right when they were last looked at come first, so that is soon.

Best epoch, last epoch and weights are those of validating every epoch in full, and so are loss and accuracy of every
epoch that was validated to its end, bit for bit: logits of an image do not depend on the images beside it, which
a test measures. An epoch that was left has no validation values in the curve.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from layercut.records import EpochPoint
from layercut.training.batches import Examples
from layercut.training.evaluate import Evaluation, evaluate_logits
from layercut.training.history import TrainingHistory
from layercut.training.precision import Precision, evaluation_precision
from layercut.training.validation import Validated, with_validation

WAITING_BYTES = 2**28
"""Upper limit for the weights of all waiting epochs; with large models, fewer epochs wait."""

_MEMORY = 0.5
"""What an earlier look at an image counts, beside the last one."""


class _Waiting(NamedTuple):
    point: EpochPoint
    state: dict[str, Tensor]


class LazyValidation:
    """Follows one training in place of an evaluation after each epoch."""

    def __init__(
        self, examples: Examples, precision: Precision, history: TrainingHistory, patience: int | None, epochs: int
    ):
        self._examples = examples
        self._precision = precision
        self._history = history
        self._patience = epochs if patience is None else patience
        self._epochs = epochs
        self._waiting: list[_Waiting] = []
        self._doubts = torch.zeros(len(examples), device=examples.labels.device)
        """How far each image was from being right: 1 less the probability of its class, faded over its looks."""
        self._best_epoch = 0
        self._best_wrong = len(examples) + 1
        self.num_looks = 0
        self.best: Evaluation | None = None

    def add(self, model: nn.Module, point: EpochPoint) -> Validated:
        """Add an epoch that is not validated yet.

        Raises:
            DivergedError: the loss became infinite or NaN, in this epoch or on an image looked at now.
        """
        if not math.isfinite(point.train_loss):
            self._settle(model)
            self._history.add(point)
        state = {name: value.clone() for name, value in model.state_dict().items()}
        self._waiting.append(_Waiting(point, state))
        if point.epoch == self._epochs or len(self._waiting) == self._most_waiting(state) or self._could_stop(point):
            return Validated(point, self._settle(model))
        return Validated(point, None)

    def _could_stop(self, point: EpochPoint) -> bool:
        return point.epoch - max(self._best_epoch, 1) >= self._patience  # none is known: the first may be the best

    def _most_waiting(self, state: Mapping[str, Tensor]) -> int:
        num_bytes = sum(value.numel() * value.element_size() for value in state.values())
        return int(max(1, WAITING_BYTES // max(num_bytes, 1)))

    def _settle(self, model: nn.Module) -> dict[str, Tensor] | None:
        """Settle all waiting epochs; the model ends with the weights that it had before."""
        results: dict[int, Evaluation | None] = {}
        for point, state in reversed(self._waiting):
            model.load_state_dict(state)
            results[point.epoch] = self._validate(model, point.epoch)
        best = None
        for point, state in self._waiting:
            result = results[point.epoch]
            if result is None:
                self._history.pass_over(point)
            elif self._history.add(with_validation(point, result)):
                best, self.best = state, result
        if self._waiting:
            model.load_state_dict(self._waiting[-1].state)
        self._waiting = []
        return best

    def _validate(self, model: nn.Module, epoch: int) -> Evaluation | None:
        """Return an epoch's validation, or None as soon as it has too many images wrong to be the best."""
        earlier = epoch < self._best_epoch  # then it is the best at as many
        enough = self._best_wrong + 1 if earlier else self._best_wrong
        order = torch.argsort(self._doubts, descending=True, stable=True)
        looks = _look(model, self._examples, order, enough, self._precision)
        seen = order[: len(looks.logits)]
        self.num_looks += len(seen)
        self._doubts[seen] = _MEMORY * self._doubts[seen] + (1 - torch.exp(-looks.losses))
        if not torch.isfinite(looks.losses).all():
            labels = self._examples.labels[seen]
            return Evaluation(math.nan, 0.0, looks.logits.argmax(dim=1), labels, looks.logits.shape[1])
        if len(seen) < len(order):
            return None
        logits = torch.empty_like(looks.logits)
        logits[order] = looks.logits
        if looks.num_wrong < enough:
            self._best_epoch, self._best_wrong = epoch, looks.num_wrong
        return evaluate_logits(logits, self._examples)


class _Looks(NamedTuple):
    logits: Tensor
    """Float "seen classes"."""
    losses: Tensor
    """Float32 "seen"."""
    num_wrong: int


def _look_size(examples: Examples) -> int:
    """Return how many images to evaluate at a time: fewer than a large `chunk`, as the answer may come soon."""
    return min(max(32, min(examples.chunk, 64), examples.chunk // 4), len(examples))


@torch.inference_mode()
def _look(model: nn.Module, examples: Examples, order: Tensor, enough: int, precision: Precision) -> _Looks:
    """Evaluate images in the given order, in chunks of one size (the last padded), until enough are wrong."""
    model.eval()
    size = _look_size(examples)
    chunks: list[Tensor] = []
    num_wrong = 0
    for start in range(0, len(order), size):
        positions = order[start : start + size]
        filled = positions if len(positions) == size else torch.cat([positions, order[: size - len(positions)]])
        inputs = examples.inputs.gather(filled)
        with evaluation_precision(precision, inputs.device):
            logits = model(inputs)[: len(positions)]
        chunks.append(logits)
        num_wrong += int((logits.argmax(dim=1) != examples.labels[positions]).sum())
        if num_wrong >= enough:
            break
    logits = torch.cat(chunks)
    losses = F.cross_entropy(logits.float(), examples.labels[order[: len(logits)]], reduction="none")
    return _Looks(logits, losses, num_wrong)
