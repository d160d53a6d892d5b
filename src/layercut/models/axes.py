"""Which axis of features holds the channels: known from the layers around, else measured with a larger image.

Shapes do not tell: on images of 32 x 64 pixels a map of 16 channels, 16 rows and 32 columns looks like one with its
channels last. Layers read and write channels on a certain axis, and what keeps a shape keeps the axis; behind code that
says nothing, a larger image changes every axis but that of the channels.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import torch
from torch import fx, nn
from torch.nn.modules.batchnorm import _NormBase
from torch.nn.modules.conv import _ConvNd
from torch.nn.modules.pooling import (
    _AdaptiveAvgPoolNd,
    _AdaptiveMaxPoolNd,
    _AvgPoolNd,
    _MaxPoolNd,
)

from layercut.models.base import ImageShape
from layercut.models.graph import TracedGraph
from layercut.models.observed import Observed, ObservedRun

_CHANNELS_FIRST = (_ConvNd, _NormBase, nn.GroupNorm, _AvgPoolNd, _MaxPoolNd, _AdaptiveAvgPoolNd, _AdaptiveMaxPoolNd)
_CHANNELS_LAST = (nn.Linear, nn.LayerNorm, nn.MultiheadAttention, nn.RNNBase)
_LIBRARIES = ("torch", "torchvision", "timm")
_MOVING = ("permute", "transpose", "swapaxes", "swapdims", "movedim", "moveaxis", "T", "mT", "rot90", "t")
_RESHAPING = ("reshape", "view", "unflatten", "flatten", "chunk", "split", "einsum", "matmul", "bmm")


def channel_axes(
    traced: TracedGraph, model: nn.Module, observed: Observed, shape: ImageShape, wanted: Collection[fx.Node]
) -> dict[fx.Node, int]:
    """Return the axis of the channels in one image's features, for the maps and tokens of which it can be known."""
    known: dict[fx.Node, int] = {}
    _follow(traced, model, observed, known)
    if any(node not in known for node in wanted):
        known = _measured(traced, model, observed, shape) | known
        _follow(traced, model, observed, known)
        for node in reversed(traced.graph.nodes):
            axis = _needed_by_users(model, node, known, observed)
            if axis is not None:
                known.setdefault(node, axis)
    return known


def _follow(traced: TracedGraph, model: nn.Module, observed: Observed, known: dict[fx.Node, int]) -> None:
    for node in traced.graph.nodes:
        if node in observed.shapes and node not in known:
            axis = _said_by(model, node, observed)
            if axis is None and not _is_own_code(model, node):
                axis = _inherited(node, known, observed)
            if axis is not None:
                known[node] = axis


def _measured(traced: TracedGraph, model: nn.Module, observed: Observed, shape: ImageShape) -> dict[fx.Node, int]:
    """Compare with images twice as high and wide, as far as the model can compute them."""
    larger = ObservedRun(model, traced.graph)
    channels, height, width = shape
    was_training = model.training
    try:
        with torch.no_grad():
            larger.run(torch.zeros(2, channels, 2 * height, 2 * width))
    except Exception:  # noqa: S110 - whatever a layer made for one size says; what came before it is known
        pass
    finally:
        model.train(was_training)
    found = {}
    for node, before in observed.shapes.items():
        after = larger.shapes.get(node, ())[1:]
        if len(after) == len(before) and len(before) in (2, 3):
            same = [axis for axis, (a, b) in enumerate(zip(before, after, strict=True)) if a == b]
            if len(same) == 1:
                found[node] = same[0]
    return found


def _said_by(model: nn.Module, node: fx.Node, observed: Observed) -> int | None:
    """Return what a layer itself says of its output."""
    if node.op == "placeholder":
        return 0
    if node.op != "call_module" or node not in observed.shapes:
        return None
    layer = model.get_submodule(str(node.target))
    if type(layer).__module__.startswith("torch.nn"):
        if isinstance(layer, _CHANNELS_FIRST):
            return 0
        if isinstance(layer, _CHANNELS_LAST):
            return len(observed.shapes[node]) - 1
    return None


def _is_own_code(model: nn.Module, node: fx.Node) -> bool:
    """Return whether a node is a layer that was not looked into and may move axes, whatever its shapes look like."""
    if node.op != "call_module":
        return False
    return type(model.get_submodule(str(node.target))).__module__.partition(".")[0] not in _LIBRARIES


def _inherited(node: fx.Node, known: dict[fx.Node, int], observed: Observed) -> int | None:
    """Return the axis of an input that the node only moves, or leaves where it is."""
    name = node.target if isinstance(node.target, str) else getattr(node.target, "__name__", "")
    sources = [source for source in node.all_input_nodes if source in known and source in observed.shapes]
    if not sources or node not in observed.shapes or node.op not in {"call_function", "call_method", "call_module"}:
        return None
    source, shape = sources[0], observed.shapes[node]
    if node.op != "call_module" and name in _MOVING:
        return _moved(name, node.args[1:], known[source], len(observed.shapes[source]))
    if node.op != "call_module" and name == "flatten" and known[source] == 0 and len(shape) == 2:
        return 0 if shape[0] == observed.shapes[source][0] else None
    if node.op != "call_module" and name in _RESHAPING and shape != observed.shapes[source]:
        return None
    axes = {known[other] for other in sources if observed.shapes[other] == shape}
    return axes.pop() if len(axes) == 1 else None


def _moved(name: str, arguments: Any, axis: int, rank: int) -> int | None:
    numbers = arguments[0] if arguments and isinstance(arguments[0], tuple | list) else arguments
    if not all(isinstance(number, int) for number in numbers):
        return None
    places = [number % (rank + 1) for number in numbers]
    if name == "permute" and len(places) == rank + 1:
        return places.index(axis + 1) - 1
    if name in {"transpose", "swapaxes", "swapdims"} and len(places) == 2:
        first, second = places
        return {first: second, second: first}.get(axis + 1, axis + 1) - 1  # type: ignore[no-any-return]
    return None


def _needed_by_users(model: nn.Module, node: fx.Node, known: dict[fx.Node, int], observed: Observed) -> int | None:
    """Return on which axis the next layers read channels."""
    if node not in observed.shapes:
        return None
    axes = set()
    for user in node.users:
        layer = model.get_submodule(str(user.target)) if user.op == "call_module" else None
        if isinstance(layer, _CHANNELS_FIRST):
            axes.add(0)
        elif isinstance(layer, _CHANNELS_LAST):
            axes.add(len(observed.shapes[node]) - 1)
        elif user in known and observed.shapes.get(user) == observed.shapes[node] and _keeps_axes(user):
            axes.add(known[user])
    return axes.pop() if len(axes) == 1 else None


def _keeps_axes(node: fx.Node) -> bool:
    name = node.target if isinstance(node.target, str) else getattr(node.target, "__name__", "")
    return node.op in {"call_function", "call_method"} and name not in (*_MOVING, *_RESHAPING)
