"""The end of a graph: the dense layer that is the classifier, and a dropout in front of it."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import fx, nn
from torch.nn import functional

from layercut.errors import SpecError
from layercut.models.graph import TracedGraph


class End(NamedTuple):
    """Where the blocks of a model end and its head begins."""

    features: fx.Node
    """What the head is given."""
    classifier: str
    dropout: float


def before_classifier(traced: TracedGraph, model: nn.Module) -> End:
    """Find the classifier, which must come last, and a dropout in front of it.

    A logarithm of softmax behind it is left out: the loss takes it anyway, and taken twice it is the same.

    Raises:
        SpecError: the model ends otherwise, or its classifier is given more than one tensor.
    """
    node = traced.answer
    while _says_the_same(node, model):
        node = node.all_input_nodes[0]
    if node.op != "call_module" or not isinstance(model.get_submodule(str(node.target)), nn.Linear):
        raise SpecError(f"expected {type(model).__name__} to end in a dense layer; it ends in {traced.names[node]}")
    features, dropout = node.args[0], 0.0
    if isinstance(features, fx.Node) and features.op == "call_module":
        layer = model.get_submodule(str(features.target))
        if isinstance(layer, nn.Dropout | nn.Identity):
            features, dropout = features.args[0], getattr(layer, "p", 0.0)
    if not isinstance(features, fx.Node):
        raise SpecError(f"expected one tensor in front of the classifier {node.target}")
    return End(features, str(node.target), dropout)


def _says_the_same(node: fx.Node, model: nn.Module) -> bool:
    """Return whether what comes behind a dense layer, which is flat, changes no class's share."""
    if node.op == "call_module":
        layer = model.get_submodule(str(node.target))
        if isinstance(layer, nn.LogSoftmax):
            return layer.dim in (1, -1)
        return isinstance(layer, nn.Identity | nn.Flatten)
    is_log = node.target in {functional.log_softmax, torch.log_softmax, "log_softmax"}
    dim = node.kwargs.get("dim", node.args[1] if len(node.args) > 1 else None)
    return is_log and dim in (1, -1)


def dense_layer(model: nn.Module, path: str) -> nn.Linear:
    """Return a classifier by its path.

    Raises:
        SpecError: it is another layer.
    """
    layer = model.get_submodule(path)
    if not isinstance(layer, nn.Linear):
        raise SpecError(f"expected a dense layer {path}; got {type(layer).__name__}")
    return layer
