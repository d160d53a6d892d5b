"""Models cut on their graph: blocks between the points where one tensor carries everything.

A block begins at a layer with a matrix of weights, so that norm, activation and pooling belong to the block before
them; a residual block, which has no such point inside, stays whole.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from torch import Tensor, fx, nn

from layercut.errors import SpecError, did_you_mean
from layercut.models.base import ImageShape
from layercut.models.graph import TracedGraph, draws_at_random, layers_of, single_tensors, trace
from layercut.models.layout import Contiguous, Layout, in_row


class Plan(NamedTuple):
    """How models of one architecture are cut: names and graphs only, good for any instance of it."""

    names: list[str]
    graphs: list[tuple[fx.Graph, fx.Graph]]
    """Of each block in eval and in training mode."""
    random: list[bool]
    """Whether functions of a block draw at random in training."""
    dropout: float
    """Between the last block and the classifier."""
    classifier: str
    rank: int
    channels_last: bool
    constants: dict[str, Tensor]
    """Tensors that the tracing found in the code."""


class TracedBlock(nn.Module):
    """A part of a model's graph with the layers that it uses, under their own names."""

    def __init__(self, layers: Mapping[str, Any], graphs: tuple[fx.Graph, fx.Graph], draws_at_random: bool) -> None:
        super().__init__()
        for path, layer in layers.items():
            *parents, name = path.split(".")
            holder: nn.Module = self
            for parent in parents:
                if not hasattr(holder, parent):
                    holder.add_module(parent, nn.Module())
                holder = getattr(holder, parent)
            if isinstance(layer, nn.Module):
                holder.add_module(name, layer)
            elif isinstance(layer, nn.Parameter):
                holder.register_parameter(name, layer)
            else:
                holder.register_buffer(name, layer, persistent=False)
        self._graphs = graphs
        self.draws_at_random = draws_at_random

    def forward(self, features: Tensor) -> Tensor:
        answer: Tensor = fx.Interpreter(self, graph=self._graphs[self.training]).run(features)
        return answer


def plan_cuts(model: nn.Module, image_shape: ImageShape, model_name: str, named: Sequence[str] | None = None) -> Plan:
    """Find where a model can be cut.

    model_name: as its user writes it.
    named: layers in order, each the end of a block; what comes behind the last one belongs to its block. None: a block
        begins wherever one can.

    Raises:
        SpecError: its graph cannot be traced or ends in no dense layer, the model fails on such images, or more than
            one tensor passes a named point.
    """
    evaluated, trained = trace(model, training=False), trace(model, training=True)
    shapes = single_tensors(evaluated, model, image_shape, model_name)
    end = _before_classifier(evaluated, model)
    last = _before_classifier(trained, model).features
    if end.features not in shapes:
        raise SpecError(f"{type(model).__name__}: more than one tensor reaches its classifier {end.classifier}")
    twins = {trained.names[node]: node for node in single_tensors(trained, model, image_shape, model_name)}
    inside = list(evaluated.between(evaluated.image, end.features))[:-1]
    legal = [node for node in inside if node in shapes and evaluated.names[node] in twins]
    legal = [*_unshared(evaluated, legal), end.features]
    chosen = _ends_of(evaluated, legal, named) if named else _before_weights(evaluated, model, legal)
    parts = list(_parts(evaluated, [evaluated.image, *chosen]))
    ends = [evaluated.image, *chosen[:-1]]
    others = list(_parts(trained, [trained.image, *(twins[evaluated.names[node]] for node in ends[1:]), last]))
    return Plan(
        [name.replace(".", "_") for name in named or _names(model, parts)],
        [(_cut_out(part), _cut_out(other)) for part, other in zip(parts, others, strict=True)],
        [draws_at_random(other[1:]) for other in others],
        end.dropout,
        end.classifier,
        len(shapes[end.features]),
        any(_channels_last(shapes[node]) for node in chosen),
        {name: value for name, value in vars(model).items() if name.startswith("_tensor_constant")},
    )


def traced_layout(model: nn.Module, plan: Plan) -> Layout:
    """Return the parts of a model, cut as planned for its architecture."""
    blocks: dict[str, nn.Module] = {}
    for name, graphs, random in zip(plan.names, plan.graphs, plan.random, strict=True):
        used = {layer for graph in graphs for layer in layers_of(graph.nodes)}
        constants = {layer: plan.constants[layer] for layer in used if layer in plan.constants}
        layers = {layer: _get(model, layer) for layer in _outermost(used - set(constants))} | constants
        block: nn.Module = TracedBlock(layers, graphs, random)
        blocks[name] = in_row([("contiguous", Contiguous()), ("traced", block)]) if plan.channels_last else block
    hidden = in_row([("dropout", nn.Dropout(plan.dropout))])
    return Layout(blocks, hidden, _dense(model, plan.classifier), plan.rank, channels_last=plan.channels_last)


class _End(NamedTuple):
    features: fx.Node
    """What the head is given."""
    classifier: str
    dropout: float


def _before_classifier(traced: TracedGraph, model: nn.Module) -> _End:
    """Find the classifier, which must come last, and a dropout in front of it."""
    node = traced.answer
    while node.op == "call_module" and isinstance(model.get_submodule(str(node.target)), nn.Identity | nn.Flatten):
        node = node.all_input_nodes[0]  # what is behind a dense layer is flat
    if node.op != "call_module" or not isinstance(model.get_submodule(str(node.target)), nn.Linear):
        raise SpecError(f"expected {type(model).__name__} to end in a dense layer; it ends in {traced.names[node]}")
    features, dropout = node.args[0], 0.0
    if isinstance(features, fx.Node) and features.op == "call_module":
        layer = model.get_submodule(str(features.target))
        if isinstance(layer, nn.Dropout | nn.Identity):
            features, dropout = features.args[0], getattr(layer, "p", 0.0)
    if not isinstance(features, fx.Node):
        raise SpecError(f"expected one tensor in front of the classifier {node.target}")
    return _End(features, str(node.target), dropout)


def _unshared(traced: TracedGraph, legal: list[fx.Node]) -> Iterator[fx.Node]:
    """Leave out cuts with a layer on both sides: it would have to be frozen and trained at once."""
    position = {node: index for index, node in enumerate(traced.graph.nodes)}
    spans: dict[str, list[int]] = {}
    for node in traced.graph.nodes:
        for layer in layers_of([node]):
            spans.setdefault(layer, []).append(position[node])
    shared = [(min(uses), max(uses)) for uses in spans.values() if len(uses) > 1]
    return (node for node in legal if not any(first <= position[node] < last for first, last in shared))


def _before_weights(traced: TracedGraph, model: nn.Module, legal: list[fx.Node]) -> list[fx.Node]:
    """Return the cuts behind which a layer with a matrix of weights comes at once, and the last one."""
    segments = list(_parts(traced, [traced.image, *legal]))
    heavy = [any(_is_heavy(model, node) for node in segment[1:]) for segment in segments]
    kept, weights_since = [], False
    for index, node in enumerate(legal[:-1]):
        weights_since = weights_since or heavy[index]
        if weights_since and heavy[index + 1]:
            kept.append(node)
            weights_since = False
    return [*kept, legal[-1]]


def _ends_of(traced: TracedGraph, legal: list[fx.Node], named: Sequence[str]) -> list[fx.Node]:
    """Return the cut behind each named layer but the last, whose block goes on to the classifier."""
    inside = [node for node in traced.between(traced.image, legal[-1]) if node in traced.names]
    chosen = []
    for name in named:
        nodes = [node for node in inside if traced.names[node] == name or traced.names[node].startswith(f"{name}.")]
        if not nodes:
            tops = sorted({traced.names[node].partition(".")[0] for node in inside})
            raise SpecError(f"blocks: the model uses no layer {name!r}{did_you_mean(name, tops)}; it has {tops}")
        chosen.append(nodes[-1])
    for name, node in zip(named[:-1], chosen, strict=False):
        if node not in legal:
            raise SpecError(f"blocks: behind {name!r} more than one tensor is needed, so nothing can be cut there")
    order = [inside.index(node) for node in chosen]
    if order != sorted(set(order)):
        raise SpecError(f"blocks: expected layers in the order in which they compute; got {', '.join(named)}")
    return [*chosen[:-1], legal[-1]]


def _parts(traced: TracedGraph, cuts: Sequence[fx.Node]) -> Iterator[list[fx.Node]]:
    """Yield the nodes between cuts, each part begun by the node that it is given."""
    for start, end in itertools.pairwise(cuts):
        yield [start, *traced.between(start, end)]


def _cut_out(part: list[fx.Node]) -> fx.Graph:
    graph = fx.Graph()
    copies = {part[0]: graph.placeholder("features")}
    for node in part[1:]:
        copies[node] = graph.node_copy(node, copies.__getitem__)
    graph.output(copies[part[-1]])
    return graph


def _names(model: nn.Module, parts: list[list[fx.Node]]) -> list[str]:
    """Name each block by what its layers have in common, else those with weights, else by the first of these."""
    layers = [[str(node.target) for node in part[1:] if node.op == "call_module"] for part in parts]
    heavy = [[str(node.target) for node in part[1:] if _is_heavy(model, node)] for part in parts]
    whole = [_common(block) for block in layers]
    names: list[str] = []
    for index, common in enumerate(whole):
        name, others = common, [other for at, other in enumerate(whole) if at != index]
        if not name or any(other == name or other.startswith(f"{name}.") for other in others):
            name = _common(heavy[index]) or (heavy[index] or [f"block{index}"])[0]
        names.append(name if name not in names else f"{name}_{index}")
    return names


def _common(layers: list[str]) -> str:
    steps = zip(*(layer.split(".") for layer in layers), strict=False)
    return ".".join(step[0] for step in itertools.takewhile(lambda step: len(set(step)) == 1, steps))


def _is_heavy(model: nn.Module, node: fx.Node) -> bool:
    """Return whether a node is a layer with a matrix of weights."""
    if node.op != "call_module":
        return False
    return any(value.dim() > 1 for value in model.get_submodule(str(node.target)).parameters())


def _channels_last(shape: tuple[int, ...]) -> bool:
    """Return whether maps look like `h w c`: the image's sides come first."""
    return len(shape) == 3 and shape[0] == shape[1] != shape[2]


def _outermost(layers: set[str]) -> list[str]:
    return sorted(layer for layer in layers if not any(layer.startswith(f"{other}.") for other in layers))


def _dense(model: nn.Module, path: str) -> nn.Linear:
    layer = model.get_submodule(path)
    if not isinstance(layer, nn.Linear):
        raise SpecError(f"expected a dense layer {path}; got {type(layer).__name__}")
    return layer


def _get(model: nn.Module, path: str) -> Any:
    found: Any = model
    for name in path.split("."):
        found = getattr(found, name)
    return found
