"""Models of one architecture as one model: every parameter and buffer has a leading dimension of members.

Members compute side by side and share nothing: a convolution becomes a grouped one, a dense layer a batched product.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.func import functional_call, stack_module_state, vmap

from layercut.models.measured import random_layers
from layercut.training.batches import StackedExamples
from layercut.training.evaluate import Evaluation
from layercut.training.precision import Precision, evaluation_precision


class Stack:
    """Several models as one; the models themselves change only by `unstack`."""

    def __init__(self, models: Sequence[nn.Module]) -> None:
        """Copy the models' values.

        Raises:
            ValueError: there are none, or they have a layer whose random numbers would depend on the other members.
        """
        if not models:
            raise ValueError("expected at least one model to stack; got none")
        self.template = copy.deepcopy(models[0]).to("meta").train()
        """The architecture, without values."""
        drawing = random_layers(self.template, in_this_mode=True)
        if drawing:
            raise ValueError(
                f"models with layers that draw at random in training cannot be trained as one: {', '.join(drawing)}"
            )
        self.num_members = len(models)
        self._shared = dict(_other_names(models[0]))
        self.parameters, self.buffers = stack_module_state(list(models))

    def __call__(self, inputs: Tensor, shared: bool = False) -> Tensor:
        """Return logits, Float "members batch classes"; inputs: Float "members batch ...", shared: "batch ..."."""
        in_dims = (0, 0, None if shared else 0)
        return vmap(self._forward, in_dims=in_dims)(self.parameters, self.buffers, inputs)

    def train(self, training: bool = True) -> None:
        """Set training or evaluation mode."""
        self.template.train(training)

    def values(self) -> dict[str, Tensor]:
        """Return all parameters and buffers, "members ..."; they share memory with this stack."""
        return {name: value.detach() for name, value in (self.parameters | self.buffers).items()}

    def unstack(self, values: dict[str, Tensor], models: Sequence[nn.Module]) -> None:
        """Give each model its member's share of `values`."""
        for member, model in enumerate(models):
            model.load_state_dict({name: value[member] for name, value in self._by_all_names(values).items()})

    def _forward(self, parameters: dict[str, Tensor], buffers: dict[str, Tensor], inputs: Tensor) -> Tensor:
        logits: Tensor = functional_call(self.template, (self._by_all_names(parameters), buffers), (inputs,))
        return logits

    def _by_all_names(self, values: dict[str, Tensor]) -> dict[str, Tensor]:
        return values | {name: values[first] for name, first in self._shared.items()}


def _other_names(model: nn.Module) -> Iterator[tuple[str, str]]:
    """Yield further names of parameters that layers share, and the first one."""
    first: dict[int, str] = {}
    for name, parameter in model.named_parameters(remove_duplicate=False):
        known = first.setdefault(id(parameter), name)
        if known != name:
            yield name, known


def stacked_losses(logits: Tensor, labels: Tensor, label_smoothing: float = 0.0) -> Tensor:
    """Return cross-entropy in nats of every example, Float "members batch"; logits: Float "members batch classes"."""
    losses = F.cross_entropy(logits.flatten(0, 1), labels.flatten(), reduction="none", label_smoothing=label_smoothing)
    return losses.view_as(labels)


@torch.inference_mode()
def evaluate_stack(stack: Stack, examples: StackedExamples, precision: Precision = "float32") -> list[Evaluation]:
    """Evaluate all members in eval mode, each once through its examples in their order.

    Raises:
        ValueError: there are no examples.
    """
    if not len(examples):
        raise ValueError("expected at least one example to evaluate on; got none")
    stack.train(False)
    loss = torch.zeros(stack.num_members, dtype=torch.float64, device=examples.labels.device)
    num_classes, predictions = 0, []
    for inputs, labels in examples.chunks():
        with evaluation_precision(precision, inputs.device):
            logits = stack(inputs, examples.shared)
        loss += stacked_losses(logits, labels).sum(dim=1).double()
        num_classes = logits.shape[2]
        predictions.append(logits.argmax(dim=2))
    predicted = torch.cat(predictions, dim=1)
    num_right = (predicted == examples.labels).sum(dim=1)
    return [
        Evaluation(member_loss / len(examples), right / len(examples), member_predicted, labels, num_classes)
        for member_loss, right, member_predicted, labels in zip(
            loss.tolist(), num_right.tolist(), predicted, examples.labels, strict=True
        )
    ]
