"""Models cut on their graph: blocks between the points where one tensor carries everything.

A block begins at a layer with a matrix of weights, so that norm, activation and pooling belong to the block before
them; a residual block, which has no such point inside, stays whole, and so do its siblings (`models/siblings.py`).
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from torch import Tensor, fx, nn

from layercut.errors import SpecError, did_you_mean, few
from layercut.models.axes import channel_axes
from layercut.models.base import ImageShape
from layercut.models.ending import End, before_classifier, dense_layer
from layercut.models.graph import TracedGraph, draws_at_random, layers_of, single_tensors, trace
from layercut.models.layout import Entering, Layout, Leaving, in_row, is_usual
from layercut.models.names import block_names
from layercut.models.observed import cut_out, observe
from layercut.models.siblings import without_siblings

_SEVERAL = "more than one tensor is needed"
_SHARED = "weights are used that layers before it use too"
_NO_AXIS = "it is not known which axis of the features holds the channels"


class CutPlan(NamedTuple):
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
    axes: list[int | None]
    """Where the channels are behind each block, where they are not where they should be between blocks."""
    channels_last: bool
    """Whether models can be trained with channels last in memory."""
    constants: dict[str, Tensor]
    """Tensors that the tracing found in the code."""


class TracedBlock(nn.Module):
    """A part of a model's graph with the layers that it uses, under their own names."""

    is_traced = True

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


def plan_cuts(
    model: nn.Module, image_shape: ImageShape, model_name: str, named: Sequence[str] | None = None
) -> CutPlan:
    """Find where a model can be cut; the model is of no use afterwards.

    model_name: as its user writes it.
    named: layers in order, each the end of a block; what comes behind the last one belongs to its block. None: a block
        begins wherever one can.

    Raises:
        SpecError: its graph cannot be traced or ends in no dense layer, the model fails on such images, or more than
            one tensor passes a named point.
    """
    evaluated, trained = trace(model, training=False), trace(model, training=True)
    on, on_trained = (observe(traced, model, image_shape, model_name) for traced in (evaluated, trained))
    end = before_classifier(evaluated, model)
    last = before_classifier(trained, model).features
    alone, alone_trained = single_tensors(evaluated, on.loose), single_tensors(trained, on_trained.loose)
    if end.features not in alone or end.features not in on.shapes:
        raise SpecError(f"{type(model).__name__}: more than one tensor reaches its classifier {end.classifier}")
    twins = {trained.names[node]: node for node in alone_trained if node in on_trained.shapes and node in trained.names}
    inside = list(evaluated.between(evaluated.image, end.features))[:-1]
    legal = [node for node in inside if node in alone and node in on.shapes and evaluated.names[node] in twins]
    unshared = list(_unshared(evaluated, model, legal, end))
    why = dict.fromkeys(legal, _SHARED) | dict.fromkeys(unshared, _NO_AXIS)
    axes = channel_axes(evaluated, model, on, image_shape, [n for n in unshared if len(on.shapes[n]) in (2, 3)])
    legal = [node for node in unshared if node in axes or len(on.shapes[node]) not in (2, 3)]
    legal = [*legal, end.features]
    if named:
        chosen = _ends_of(evaluated, legal, named, why)
    else:
        chosen = _alike(evaluated, model, _before_weights(evaluated, model, legal))
    parts = list(_parts(evaluated, [evaluated.image, *chosen]))
    ends = [evaluated.image, *chosen[:-1]]
    others = list(_parts(trained, [trained.image, *(twins[evaluated.names[node]] for node in ends[1:]), last]))
    moved = [None if is_usual(axes.get(n), on.shapes[n]) else axes[n] for n in chosen[:-1]]
    return CutPlan(
        block_names(named or _names(model, parts)),
        [(cut_out(part, on), cut_out(other, on_trained)) for part, other in zip(parts, others, strict=True)],
        [draws_at_random(other[1:]) for other in others],
        end.dropout,
        end.classifier,
        len(on.shapes[end.features]),
        [*moved, None],
        on.channels_last and on_trained.channels_last,
        {name: value for name, value in vars(model).items() if name.startswith("_tensor_constant")},
    )


def traced_layout(model: nn.Module, plan: CutPlan) -> Layout:
    """Return the parts of a model, cut as planned for its architecture."""
    blocks: dict[str, nn.Module] = {}
    ordered = not plan.channels_last or any(axis is not None for axis in plan.axes)
    entries = [None, *plan.axes[:-1]]
    for index, (name, graphs, random) in enumerate(zip(plan.names, plan.graphs, plan.random, strict=True)):
        used = {layer for graph in graphs for layer in layers_of(graph.nodes)}
        constants = {layer: plan.constants[layer] for layer in used if layer in plan.constants}
        layers = {layer: _get(model, layer) for layer in _outermost(used - set(constants))} | constants
        block: nn.Module = TracedBlock(layers, graphs, random)
        if ordered:
            entering, axis = Entering(entries[index], strict=not plan.channels_last), plan.axes[index]
            block = in_row(
                [("contiguous", entering), ("traced", block), *([("back", Leaving(axis))] if axis is not None else [])]
            )
        blocks[name] = block
    hidden = in_row([("dropout", nn.Dropout(plan.dropout))])
    out = dense_layer(model, plan.classifier)
    return Layout(blocks, hidden, out, plan.rank, notes=tuple(_unused(model, [*blocks.values(), out])))


def _unused(model: nn.Module, parts: Sequence[nn.Module]) -> Iterator[str]:
    used = {id(parameter) for part in parts for parameter in part.parameters()}
    lost = [name for name, parameter in model.named_parameters() if id(parameter) not in used]
    if lost:
        yield f"its forward pass does not use {few(lost, 4)}: left out of all blocks and counts"


def _unshared(traced: TracedGraph, model: nn.Module, legal: list[fx.Node], end: End) -> Iterator[fx.Node]:
    """Leave out cuts with a parameter on both sides, by identity: it would have to be frozen and trained at once.

    Raises:
        SpecError: the classifier, which is new on every target, shares one.
    """
    position = {node: index for index, node in enumerate(traced.graph.nodes)}
    spans: dict[int, list[int]] = {}
    for node in traced.graph.nodes:
        for value in _values(model, node):
            spans.setdefault(id(value), []).append(position[node])
    head = {id(value): position[end.features] + 1 for value in dense_layer(model, end.classifier).parameters()}
    if any(value in head and min(uses) < head[value] for value, uses in spans.items()):
        raise SpecError(
            f"the classifier {end.classifier} shares its weights with other layers, but every target gets a "
            "new classifier: give it weights of its own"
        )
    shared = [(min(uses), max(uses)) for uses in spans.values() if len(uses) > 1]
    return (node for node in legal if not any(first <= position[node] < last for first, last in shared))


def _values(model: nn.Module, node: fx.Node) -> Iterator[Tensor]:
    """Yield the parameters that a node uses, and a layer's buffers: what training changes."""
    if node.op == "call_module":
        layer = model.get_submodule(str(node.target))
        yield from layer.parameters()
        yield from layer.buffers()
    elif node.op == "get_attr" and isinstance(_get(model, str(node.target)), nn.Parameter):
        yield _get(model, str(node.target))


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


def _alike(traced: TracedGraph, model: nn.Module, ends: list[fx.Node]) -> list[fx.Node]:
    """Leave out cuts inside of blocks whose siblings have none inside; the last one stays."""
    order = list(traced.graph.nodes)
    layers = {place: str(node.target) for place, node in enumerate(order) if _is_heavy(model, node)}
    place = {node: index for index, node in enumerate(order)}
    kept = set(without_siblings(model, layers, [place[node] for node in ends[:-1]]))
    return [*(node for node in ends[:-1] if place[node] in kept), ends[-1]]


def _ends_of(
    traced: TracedGraph, legal: list[fx.Node], named: Sequence[str], why: Mapping[fx.Node, str]
) -> list[fx.Node]:
    """Return the cut behind each named layer but the last, whose block goes on to the classifier.

    why: what is in the way of a cut that is not legal.
    """
    inside = [node for node in traced.between(traced.image, legal[-1]) if node in traced.names]
    chosen = []
    for name in named:
        nodes = [node for node in inside if traced.names[node] == name or traced.names[node].startswith(f"{name}.")]
        if not nodes:
            tops = sorted({traced.names[node].partition(".")[0] for node in inside})
            raise SpecError(f"blocks: the model has no layer {name!r}{did_you_mean(name, tops)}; it has {tops}")
        chosen.append(nodes[-1])
    for name, node in zip(named[:-1], chosen, strict=False):
        if node not in legal:
            raise SpecError(f"blocks: after {name!r} {why.get(node, _SEVERAL)}, so nothing can be cut there")
    order = [inside.index(node) for node in chosen]
    if order != sorted(set(order)):
        raise SpecError(f"blocks: expected layers in the order in which they run; got {', '.join(named)}")
    return [*chosen[:-1], legal[-1]]


def _parts(traced: TracedGraph, cuts: Sequence[fx.Node]) -> Iterator[list[fx.Node]]:
    """Yield the nodes between cuts, each part begun by the node that it is given."""
    for start, end in itertools.pairwise(cuts):
        yield [start, *traced.between(start, end)]


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


def _outermost(layers: set[str]) -> list[str]:
    return sorted(layer for layer in layers if not any(layer.startswith(f"{other}.") for other in layers))


def _get(model: nn.Module, path: str) -> Any:
    found: Any = model
    for name in path.split("."):
        found = getattr(found, name)
    return found
