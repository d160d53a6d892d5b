"""The graph of a model's forward pass, and the points where one tensor carries everything.

Tracing follows one path through the code and writes train or eval mode down where code, not a layer, asks for it;
both modes are traced, and a block runs the graph of the mode it is in (`models/traced.py`).

Reference:
    torch.fx (Reed et al. 2022); torchvision's `create_feature_extractor` traces both modes for the same reason.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

import torch
from timm.layers import DropPath, get_notrace_functions, get_notrace_modules
from torch import Tensor, fx, nn
from torchvision.models.feature_extraction import NodePathTracer

from layercut.errors import SpecError, one_line
from layercut.models.base import ImageShape

_WHOLE = (nn.Linear, nn.Conv2d, nn.modules.batchnorm._BatchNorm, DropPath)
"""Layers that are not looked into, kinds of them of other libraries included."""


class TracedGraph(NamedTuple):
    """One mode's graph."""

    graph: fx.Graph
    names: dict[fx.Node, str]
    """Where in the model each node comes from: names of layers, with dots."""

    @property
    def image(self) -> fx.Node:
        """Return the node of the images."""
        node: fx.Node = next(iter(self.graph.nodes))
        return node

    @property
    def answer(self) -> fx.Node:
        """Return the node whose value the model returns."""
        value = next(reversed(self.graph.nodes)).args[0]
        if not isinstance(value, fx.Node):
            raise SpecError(f"expected a model that returns one tensor; it returns {type(value).__name__}")
        return value

    def between(self, start: fx.Node, end: fx.Node) -> Iterator[fx.Node]:
        """Yield the nodes behind `start` up to `end`."""
        inside = False
        for node in self.graph.nodes:
            if inside:
                yield node
            inside = (inside or node is start) and node is not end


def trace(model: nn.Module, training: bool) -> TracedGraph:
    """Trace a model in one mode; its own mode is left as it was.

    Raises:
        SpecError: the path through its code depends on values, which a graph cannot follow.
    """
    was_training = model.training
    tracer: Any = _Tracer(
        autowrap_functions=tuple(get_notrace_functions()),
        leaf_modules=[*get_notrace_modules(), *_WHOLE],
    )
    parameters = list(inspect.signature(model.forward).parameters.values())[1:]
    optional = {p.name: p.default for p in parameters if p.default is not inspect.Parameter.empty}
    try:
        graph = tracer.trace(model.train(training), concrete_args=optional or None)
    except Exception as error:  # whatever the model's own code raises on a symbol
        reason = one_line(error, 200)
        raise SpecError(
            f"cannot follow the forward pass of {type(model).__name__} ({type(error).__name__}: {reason}); make it a "
            "torch.nn.Sequential of blocks, or a forward whose path does not depend on values"
        ) from error
    finally:
        model.train(was_training)
    _drop_optional(graph)
    return TracedGraph(graph, {node: name for node, name in tracer.node_to_qualname.items() if node.graph is graph})


def single_tensors(
    traced: TracedGraph, model: nn.Module, image_shape: ImageShape, model_name: str
) -> dict[fx.Node, tuple[int, ...]]:
    """Return the nodes behind which their value alone is needed, with the shape that it has for one image.

    Raises:
        SpecError: the forward pass fails on such images.
    """
    alone = set(_only_live(traced.graph))
    was_training = model.training
    finder = _ShapeFinder(model, traced.graph)
    try:
        with torch.no_grad():
            finder.run(torch.zeros(2, *image_shape, device=_device(model)))
    except Exception as error:  # whatever the model's own code and its layers raise
        reason = one_line(error, 300)
        raise SpecError(
            f"{model_name} fails on images of {' x '.join(map(str, image_shape))}: {type(error).__name__}: {reason}; "
            "make it for such images, or give the images another size or other channels"
        ) from error
    finally:
        model.train(was_training)
    return {node: shape for node, shape in finder.shapes.items() if node in alone}


def layers_of(nodes: Iterable[fx.Node]) -> set[str]:
    """Return the names of the layers and values of the model that nodes use."""
    return {str(node.target) for node in nodes if node.op in {"call_module", "get_attr"}}


def draws_at_random(nodes: Iterable[fx.Node]) -> bool:
    """Return whether functions draw at random: layers that do are known by their types."""
    return any(node.op == "call_function" and _drawing_call(node) for node in nodes)


class _Tracer(NodePathTracer):  # type: ignore[misc]
    """Does not look into the children of a model that is a row of them: they are its blocks."""

    def is_leaf_module(self, m: nn.Module, module_qualname: str) -> bool:
        is_child = type(self.root) is nn.Sequential and "." not in module_qualname
        return bool((is_child and type(m) is not nn.Sequential) or super().is_leaf_module(m, module_qualname))


class _ShapeFinder(fx.Interpreter):
    """Runs a graph on two images and keeps the shapes of tensors that have a value for each image."""

    def __init__(self, model: nn.Module, graph: fx.Graph) -> None:
        super().__init__(model.eval(), graph=graph)
        self.extra_traceback = False  # errors say what the layers say, and no more
        self.shapes: dict[fx.Node, tuple[int, ...]] = {}

    def run_node(self, n: fx.Node) -> Any:
        value = super().run_node(n)
        if isinstance(value, Tensor) and value.dim() > 1 and len(value) == 2 and value.is_floating_point():
            self.shapes[n] = tuple(value.shape[1:])
        return value


def _only_live(graph: fx.Graph) -> Iterator[fx.Node]:
    position = {node: index for index, node in enumerate(graph.nodes)}
    live: set[fx.Node] = set()
    for node in graph.nodes:
        live = {earlier for earlier in live | {node} if any(position[user] > position[node] for user in earlier.users)}
        if live == {node} and node.op != "get_attr":
            yield node


def _drop_optional(graph: fx.Graph) -> None:
    """Take out the arguments that were bound to their defaults, and the checks that they are."""
    extra = [node for node in graph.nodes if node.op == "placeholder"][1:]
    for node in extra:
        for user in list(node.users):
            for check in list(user.users):
                graph.erase_node(check)
            graph.erase_node(user)
        graph.erase_node(node)


def _drawing_call(node: fx.Node) -> bool:
    name = getattr(node.target, "__name__", "")
    share = node.kwargs.get("dropout_p", node.kwargs.get("p", node.args[1] if len(node.args) > 1 else 1.0))
    if name == "scaled_dot_product_attention":
        return bool(node.kwargs.get("dropout_p", 0.0))
    if any(word in name for word in ("dropout", "drop_path", "stochastic_depth")):
        return bool(share) and node.kwargs.get("training", True) is not False
    return any(word in name for word in ("rand", "bernoulli", "multinomial", "normal_"))


def _device(model: nn.Module) -> torch.device:
    return next((parameter.device for parameter in model.parameters()), torch.device("cpu"))
