"""A library's or a user's classifier taken apart: blocks in a row, what comes before the classifier, the classifier."""

from __future__ import annotations

import copy
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple, TypeVar

import torch
from torch import Tensor, nn

from layercut.errors import SpecError, did_you_mean
from layercut.models.base import CuttableModel

M = TypeVar("M", bound=nn.Module)


class Layout(NamedTuple):
    """The parts of one model; they are its own modules, with its own special initialisations."""

    blocks: dict[str, nn.Module]
    hidden: nn.Sequential
    """What the head does before the classifier: norm, pooling, dropout, dense layers."""
    out: nn.Linear
    """The classifier."""
    rank: int
    """Dimensions of the last features of one image: 3 maps, 2 tokens, 1 a vector."""
    initialize: Callable[[nn.Linear], None] | None = None
    """Draws a classifier's initial values as the library does; None: as torch does."""
    pool: nn.Module | None = None
    """From maps to a vector, where a truncated trunk ends in maps; None: their average."""
    taps: dict[str, str] | None = None
    notes: tuple[str, ...] = ()
    """What its user should know of it."""
    stages: dict[str, str] | None = None
    """As `CuttableModel` takes them."""

    def model(self) -> CuttableModel:
        """Return the whole model."""
        head = LayoutHead(self.hidden, self.out)
        return CuttableModel(self.blocks, head, self.taps, notes=self.notes, stages=self.stages)


class LayoutHead(nn.Module):
    """What comes before the classifier, and the classifier.

    features: Float "n ..." -> logits: Float "n num_classes".
    """

    def __init__(self, hidden: nn.Sequential, out: nn.Linear) -> None:
        super().__init__()
        self.hidden = hidden
        self.out = out

    def forward(self, features: Tensor) -> Tensor:
        logits: Tensor = self.out(self.hidden(features))
        return logits


class Average(nn.Module):
    """Mean over some dimensions: of maps or tokens."""

    def __init__(self, dims: tuple[int, ...]) -> None:
        super().__init__()
        self.dims = dims

    def forward(self, features: Tensor) -> Tensor:
        return features.mean(self.dims)


class Entering(nn.Module):
    """Give features the order that the layers behind it were written for, in dimensions and in memory.

    Between blocks maps are "n c h w" and tokens "n tokens width"; `axis` of one image's features is where these layers
    have the channels. The same numbers in another order in memory could take another kernel, and end in other bits.

    strict: the layers take no other order in memory, so the whole model is trained in it.
    """

    def __init__(self, axis: int | None = None, strict: bool = False) -> None:
        super().__init__()
        self.axis, self.strict = axis, strict

    def forward(self, features: Tensor) -> Tensor:
        if self.axis is not None:
            features = features.movedim(_usual_axis(features), self.axis + 1)
        return features.contiguous()


class Leaving(nn.Module):
    """Bring the channels, which the layers before it have on `axis`, to where they are between blocks."""

    def __init__(self, axis: int) -> None:
        super().__init__()
        self.axis = axis

    def forward(self, features: Tensor) -> Tensor:
        return features.movedim(self.axis + 1, _usual_axis(features))


def memory_format(model: nn.Module) -> torch.memory_format:
    """Return the order in memory in which a model is run: channels last, where it can take it."""
    strict = any(isinstance(layer, Entering) and layer.strict for layer in model.modules())
    return torch.contiguous_format if strict else torch.channels_last


def in_memory(model: M, order: torch.memory_format | None = None) -> M:
    """Return the model with its maps and kernels in an order in memory, its own where None.

    PyTorch's `Module.to` takes values of five dimensions for volumes, and refuses them channels last.
    """
    order = memory_format(model) if order is None else order
    for values in [*model.parameters(), *model.buffers()]:
        if values.dim() == 4:
            values.data = values.data.to(memory_format=order)
    return model


def is_usual(axis: int | None, shape: tuple[int, ...]) -> bool:
    """Return whether one image's features have their channels where they are between blocks."""
    return axis is None or len(shape) not in (2, 3) or axis == (0 if len(shape) == 3 else 1)


def _usual_axis(features: Tensor) -> int:
    return 1 if features.dim() == 4 else 2


def fresh_head(layout: Layout, feature_shape: tuple[int, ...], num_classes: int) -> LayoutHead:
    """Return a new head: the model's own where the features are as wide as its last ones, else pooling and classifier.

    Initial values come from torch's global generator; `layout` may be on the meta device.
    """
    if len(feature_shape) == layout.rank and _width(feature_shape) == _head_width(layout):
        hidden = copy.deepcopy(layout.hidden).to_empty(device="cpu")
        num_features = layout.out.in_features
        _reset(layout, hidden)
    else:
        hidden = nn.Sequential(OrderedDict(pool=_pool(layout, feature_shape)))
        with torch.no_grad():
            num_features = hidden(torch.zeros(1, *feature_shape)).shape[1]
    out = nn.Linear(num_features, num_classes, bias=layout.out.bias is not None)
    if layout.initialize is not None:
        layout.initialize(out)
    return LayoutHead(hidden.train(), out)


def merge_blocks(blocks: Mapping[str, nn.Module], cuts: Sequence[str | int] | None, where: str) -> dict[str, nn.Module]:
    """Return the blocks between chosen cut points, each named by its last one; the last block always ends one.

    cuts: names, or numbers of blocks as `layercut list cuts` prints them; None: all.

    Raises:
        SpecError: there is no such cut point.
    """
    if cuts is None:
        return dict(blocks)
    names = list(blocks)
    ends = {_end(names, cut, where) for cut in cuts} | {len(names)}
    merged: dict[str, nn.Module] = {}
    start = 0
    for end in sorted(ends):
        part = OrderedDict((name, blocks[name]) for name in names[start:end])
        merged[names[end - 1]] = nn.Sequential(part)
        start = end
    return merged


def in_row(modules: Iterable[tuple[str, nn.Module]]) -> nn.Sequential:
    """Return modules in a row; names may have dots.

    Raises:
        ValueError: two have one name.
    """
    named = [(name.replace(".", "_"), module) for name, module in modules]
    if len({name for name, _ in named}) < len(named):
        raise ValueError(f"expected modules of different names; got {', '.join(name for name, _ in named)}")
    return nn.Sequential(OrderedDict(named))


def _end(names: list[str], cut: str | int, where: str) -> int:
    if isinstance(cut, int):
        if not 1 <= cut <= len(names):
            raise SpecError(f"{where}: expected cuts in 1..{len(names)}; got {cut}")
        return cut
    if cut not in names:
        raise SpecError(f"{where} has no cut point {cut!r}{did_you_mean(cut, names)}; it has {', '.join(names)}")
    return names.index(cut) + 1


def _width(shape: tuple[int, ...]) -> int:
    return shape[0] if len(shape) == 3 else shape[-1]


def _head_width(layout: Layout) -> int:
    dense = [layer for layer in layout.hidden.modules() if isinstance(layer, nn.Linear)]
    return dense[0].in_features if dense else layout.out.in_features


def _pool(layout: Layout, shape: tuple[int, ...]) -> nn.Module:
    if len(shape) == 3:
        return copy.deepcopy(layout.pool) if layout.pool is not None else Average((2, 3))
    return Average((1,)) if len(shape) == 2 else nn.Flatten()


def _reset(layout: Layout, hidden: nn.Sequential) -> None:
    """Draw initial values for modules that have none yet."""
    for name, layer in hidden.named_modules():
        if not any(True for _ in [*layer.parameters(recurse=False), *layer.buffers(recurse=False)]):
            continue
        reset = getattr(layer, "reset_parameters", None)
        if reset is None:
            raise ValueError(f"expected layers that can be re-initialised in a head; {name} cannot")
        reset()
        if isinstance(layer, nn.Linear) and layout.initialize is not None:
            layout.initialize(layer)
