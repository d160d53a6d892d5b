"""Shapes of the tensors in a graph for images of one shape, and what does not depend on the images.

Sizes that code reads at its start and uses at its end (`n = x.size(0)`, `x.view(n, -1)`) are no features: a block that
needs one reads it from what it is given, or knows the number.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from torch import Tensor, fx, nn

from layercut.errors import SpecError, one_line
from layercut.models.base import ImageShape
from layercut.models.graph import TracedGraph, drawing_call
from layercut.models.layout import in_memory

_READERS = {"size", "dim", "ndimension", "numel", "nelement"}
_READ_ATTRIBUTES = {"shape", "device", "dtype", "ndim"}
_FILLERS = {"new_zeros", "new_ones", "new_full"}
"""Of the tensor that they are called on they take type and place only."""

_OF_THE_FEATURES = {"device", "dtype"}
"""What is read from whatever tensor is at hand: the plan was made on the CPU in float32."""


class Observed(NamedTuple):
    """One graph, run on images of one shape."""

    shapes: dict[fx.Node, tuple[int, ...]]
    """Of tensors that have a value for each image: their shape for one."""
    loose: set[fx.Node]
    """What depends on sizes alone: wherever it is needed it can be made again."""
    values: dict[fx.Node, tuple[Any, Any]]
    """Numbers, and tuples of them, with two and with three images."""
    channels_last: bool
    """Whether it runs on images and layers with channels last in memory, as models are trained where they can be."""


def observe(traced: TracedGraph, model: nn.Module, image_shape: ImageShape, model_name: str) -> Observed:
    """Run a graph on blank images, laid out in memory as in training; where it cannot take that, in the other way.

    Raises:
        SpecError: the forward pass fails on such images.
    """
    was_training = model.training
    channels_last = True
    try:
        try:
            two = run(traced, in_memory(model, torch.channels_last), (2, *image_shape), channels_last)
        except RuntimeError:  # a `view`, or memory in another order than some layer wants it
            channels_last = False
            two = run(traced, in_memory(model, torch.contiguous_format), (2, *image_shape), channels_last)
        three = run(traced, model, (3, *image_shape), channels_last)
    except Exception as error:  # whatever the model's own code and its layers raise
        raise fails_on(model_name, image_shape, error) from error
    finally:
        model.train(was_training)
    shapes = {
        node: value[1:]
        for node, value in two.shapes.items()
        if len(value) > 1 and value[0] == 2 and three.shapes[node][0] == 3 and three.shapes[node][1:] == value[1:]
    }
    values = {node: (value, three.values[node]) for node, value in two.values.items() if node in three.values}
    return Observed(shapes, _loose(traced.graph, model), values, channels_last)


def fails_on(model_name: str, image_shape: ImageShape, error: Exception) -> SpecError:
    """Return the refusal of images that a model cannot take."""
    return SpecError(
        f"{model_name} fails on images of {' x '.join(map(str, image_shape))}: {type(error).__name__}: "
        f"{one_line(error, 300)}; build it for such images, or give the images a different size or number of channels"
    )


class ObservedRun(fx.Interpreter):
    """Runs a graph in evaluation mode and keeps shapes of floating-point tensors, and numbers."""

    def __init__(self, model: nn.Module, graph: fx.Graph) -> None:
        super().__init__(model.eval(), graph=graph)
        self.extra_traceback = False  # errors say what the layers say, and no more
        self.shapes: dict[fx.Node, tuple[int, ...]] = {}
        self.values: dict[fx.Node, Any] = {}

    def run_node(self, n: fx.Node) -> Any:
        """Run one node and note what it gives."""
        value = super().run_node(n)
        if isinstance(value, Tensor):
            if value.is_floating_point() and value.dim():
                self.shapes[n] = tuple(value.shape)
        elif isinstance(value, int | float | tuple):
            self.values[n] = value
        return value


def run(traced: TracedGraph, model: nn.Module, shape: tuple[int, ...], channels_last: bool) -> ObservedRun:
    """Run a graph on blank images and return what it gave."""
    finder = ObservedRun(model, traced.graph)
    images = torch.zeros(shape, device=next((value.device for value in model.parameters()), None))
    with torch.no_grad():
        finder.run(images.to(memory_format=torch.channels_last) if channels_last else images)
    return finder


def cut_out(part: list[fx.Node], observed: Observed) -> fx.Graph:
    """Return the graph of one block: the first node of the part is what it is given.

    Raises:
        SpecError: a size is needed that cannot be known there.
    """
    graph = fx.Graph()
    features = graph.placeholder("features")
    copies = {part[0]: features}

    def copy_of(node: fx.Node) -> Any:
        if node not in copies:
            copies[node] = _made_again(node, observed, graph, features, copy_of)
        return copies[node]

    for node in part[1:]:
        copies[node] = graph.node_copy(node, copy_of)
    graph.output(copies[part[-1]])
    return graph


def _made_again(
    node: fx.Node, observed: Observed, graph: fx.Graph, features: fx.Node, copy_of: Callable[[fx.Node], Any]
) -> Any:
    """Return what stands for a loose node of an earlier block."""
    if node.target is getattr and node.args[1] in _OF_THE_FEATURES:
        return graph.call_function(getattr, (features, node.args[1]))
    if node in observed.values:
        two, three = observed.values[node]
        if isinstance(two, tuple):
            return tuple(_number(a, b, graph, features, node) for a, b in zip(two, three, strict=True))
        return _number(two, three, graph, features, node)
    if node.op == "call_method" and node.target in _FILLERS:
        return graph.node_copy(node, lambda source: features if source is node.args[0] else copy_of(source))
    if node not in observed.loose:
        raise SpecError(f"cannot cut: {node} is needed on both sides")
    return graph.node_copy(node, copy_of)


def _number(two: Any, three: Any, graph: fx.Graph, features: fx.Node, node: fx.Node) -> Any:
    if type(two) is type(three) and two == three:
        return two
    if isinstance(two, int) and two % 2 == 0 and three * 2 == two * 3:  # so many for each image
        size = graph.call_method("size", (features, 0))
        return size if two == 2 else graph.call_function(operator.mul, (size, two // 2))
    raise SpecError(
        f"expected sizes that are fixed or grow with the number of images; {node} is {two} for 2, {three} for 3"
    )


def _loose(graph: fx.Graph, model: nn.Module) -> set[fx.Node]:
    loose: set[fx.Node] = set()
    for node in graph.nodes:
        if node.op == "get_attr":
            found = operator.attrgetter(str(node.target))(model)
            if not isinstance(found, nn.Parameter):
                loose.add(node)
        elif _reads_a_size(node) or (
            node.op in {"call_function", "call_method"}
            and all(source in loose for source in node.all_input_nodes[node.target in _FILLERS :])
            and not drawing_call(node)
        ):
            loose.add(node)
    return loose


def _reads_a_size(node: fx.Node) -> bool:
    if node.op == "call_method":
        return node.target in _READERS
    return node.target is getattr and node.args[1] in _READ_ATTRIBUTES
