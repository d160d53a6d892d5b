"""The graph of a model's forward pass, and the points where one tensor carries everything.

Tracing follows one path through the code and writes train or eval mode down where code, not a layer, asks for it;
both modes are traced, and a block runs the graph of the mode it is in (`models/traced.py`).

Reference:
    torch.fx (Reed et al. 2022); torchvision's `create_feature_extractor` traces both modes for the same reason.
"""

from __future__ import annotations

import inspect
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator
from typing import Any, NamedTuple

from timm.layers import DropPath, get_notrace_functions, get_notrace_modules
from torch import fx, nn
from torchvision.models.feature_extraction import NodePathTracer

from layercut.errors import SpecError, one_line

_WHOLE = (nn.Linear, nn.Conv2d, nn.modules.batchnorm._BatchNorm, DropPath)
"""Layers that are not looked into, kinds of them of other libraries included."""


_AGAIN = " again "
"""Between the name of a layer and the number of its use, which no name of a layer can have."""


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
    optional = _optional_arguments(model)
    try:
        graph = tracer.trace(model.train(training), concrete_args=optional or None)
    except Exception as error:  # whatever the model's own code raises on a symbol
        reason = one_line(error, 200)
        raise SpecError(
            f"cannot follow the forward pass of {type(model).__name__} ({type(error).__name__}: {reason}); make it a "
            "torch.nn.Sequential of blocks, or write a forward whose path does not depend on values"
        ) from error
    finally:
        model.train(was_training)
    _drop_optional(graph)
    return TracedGraph(graph, {node: name for node, name in tracer.node_to_qualname.items() if node.graph is graph})


def single_tensors(traced: TracedGraph, loose: Collection[fx.Node]) -> set[fx.Node]:
    """Return the nodes behind which their value alone is needed, beside what is `loose`."""
    position = {node: index for index, node in enumerate(traced.graph.nodes)}
    live: set[fx.Node] = set()
    alone = set()
    for node in traced.graph.nodes:
        if node in loose:
            continue
        last = {node: max((position[user] for user in node.users if user not in loose), default=-1) for node in live}
        last[node] = max((position[user] for user in node.users if user not in loose), default=-1)
        live = {earlier for earlier in live | {node} if last[earlier] > position[node]}
        if live == {node} and node.op != "get_attr":
            alone.add(node)
    return alone


def layers_of(nodes: Iterable[fx.Node]) -> set[str]:
    """Return the names of the layers and values of the model that nodes use."""
    return {str(node.target) for node in nodes if node.op in {"call_module", "get_attr"}}


def draws_at_random(nodes: Iterable[fx.Node]) -> bool:
    """Return whether functions draw at random: layers that do are known by their types."""
    return any(node.op in {"call_function", "call_method"} and drawing_call(node) for node in nodes)


def _optional_arguments(model: nn.Module) -> dict[str, Any]:
    """Return the further arguments of a forward pass with their defaults.

    Raises:
        SpecError: it takes no images, or needs more than images.
    """
    taken = [
        parameter
        for parameter in inspect.signature(model.forward).parameters.values()
        if parameter.kind not in {parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD}
    ]
    name = type(model).__name__
    if not taken:
        raise SpecError(f"expected {name}.forward to take images; it takes no arguments")
    needed = [parameter.name for parameter in taken[1:] if parameter.default is parameter.empty]
    if needed:
        raise SpecError(
            f"expected {name}.forward to take only images; it needs {', '.join(needed)} too: give them a default, or "
            "wrap the model in one that passes them"
        )
    return {parameter.name: parameter.default for parameter in taken[1:]}


class _Tracer(NodePathTracer):  # type: ignore[misc]
    """Does not look into the children of a model that is a row of them: they are its blocks.

    Nodes have names of their own, in which a layer is called what it is called: torchvision's drop a number at the end
    (`conv_2` becomes `conv_1`), and fail where one layer's name begins with another's.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._times: Counter[str] = Counter()

    def _get_node_qualname(self, module_qualname: str, node: fx.Node) -> str:
        name = module_qualname
        if node.op != "call_module":
            called = node.target if isinstance(node.target, str) else getattr(node.target, "__name__", "function")
            name = f"{name}.{called}" if name else called
        self._times[name] += 1
        return name if self._times[name] == 1 else f"{name}{_AGAIN}{self._times[name]}"

    def call_module(
        self, m: nn.Module, forward: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Any:
        """Look into a layer that the forward pass makes itself: it has no name, and without values needs none."""
        if not list(m.state_dict()) and not any(m is layer for layer in self.root.modules()):
            return forward(*args, **kwargs)
        return super().call_module(m, forward, args, kwargs)

    def is_leaf_module(self, m: nn.Module, module_qualname: str) -> bool:
        is_child = type(self.root) is nn.Sequential and "." not in module_qualname
        return bool((is_child and type(m) is not nn.Sequential) or super().is_leaf_module(m, module_qualname))


def _drop_optional(graph: fx.Graph) -> None:
    """Take out the arguments that were bound to their defaults, and the checks that they are."""
    extra = [node for node in graph.nodes if node.op == "placeholder"][1:]
    for node in extra:
        for user in list(node.users):
            for check in list(user.users):
                graph.erase_node(check)
            graph.erase_node(user)
        graph.erase_node(node)


def drawing_call(node: fx.Node) -> bool:
    """Return whether a call of a function or method draws at random when it runs."""
    name = node.target if isinstance(node.target, str) else getattr(node.target, "__name__", "")
    share = node.kwargs.get("dropout_p", node.kwargs.get("p", node.args[1] if len(node.args) > 1 else 1.0))
    if name == "scaled_dot_product_attention":
        return bool(node.kwargs.get("dropout_p", 0.0))
    if any(word in name for word in ("dropout", "drop_path", "stochastic_depth")):
        return bool(share) and node.kwargs.get("training", True) is not False
    return any(word in name for word in ("rand", "bernoulli", "multinomial", "normal_"))
