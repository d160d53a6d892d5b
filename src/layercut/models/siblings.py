"""Avoid cuts inside a block whose siblings cannot be cut inside: comparing cuts requires treating like blocks alike.

The first block of a stage often has no residual connection, as its input is of another size: it could be cut inside,
and the others of its stage cannot. Such cuts are many and say little.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from torch import nn

_CONTAINERS = (nn.Sequential, nn.ModuleList)


class Span(NamedTuple):
    """From the first to the last layer with weights of a module, as positions in the order of computing."""

    first: int
    last: int

    def has(self, position: int) -> bool:
        """Return whether a cut behind a position is inside of the module."""
        return self.first <= position < self.last


def without_siblings(model: nn.Module, layers: Mapping[int, str], cuts: Sequence[int]) -> list[int]:
    """Return the cuts that are not inside of a block whose sibling has none inside.

    Siblings are modules of one class, or at one place of their containers (`blocks.0.0` and `blocks.3.1`).

    Args:
        model: what is cut.
        layers: the layers with weights, by position.
        cuts: positions behind which it could be cut.
    """
    modules = dict(model.named_modules())
    spans = {path: span for path, span in _spans(layers).items() if not isinstance(modules[path], _CONTAINERS)}
    whole = [path for path, span in spans.items() if not any(map(span.has, cuts)) and not _wraps_one(span, path, spans)]
    kinds = {kind for path in whole for kind in _kinds(path, modules)}
    banned = [span for path, span in spans.items() if kinds.intersection(_kinds(path, modules))]
    return [cut for cut in cuts if not any(span.has(cut) for span in banned)]


def _spans(layers: Mapping[int, str]) -> dict[str, Span]:
    """Return the spans of the modules, the model itself aside, that have at least two layers with weights."""
    spans: dict[str, Span] = {}
    for position, layer in sorted(layers.items()):
        for path in _above(layer):
            spans[path] = Span(spans[path].first if path in spans else position, position)
    return {path: span for path, span in spans.items() if span.first < span.last}


def _above(layer: str) -> Iterator[str]:
    steps = layer.split(".")
    for length in range(1, len(steps)):
        yield ".".join(steps[:length])


def _wraps_one(span: Span, path: str, spans: Mapping[str, Span]) -> bool:
    """Return whether all of a module is one module in it: a stage of a single block is no block."""
    return any(other == span and inner.startswith(f"{path}.") for inner, other in spans.items())


def _kinds(path: str, modules: Mapping[str, nn.Module]) -> tuple[object, ...]:
    steps = path.split(".")
    place = [
        "*" if isinstance(modules[".".join(steps[:index])], _CONTAINERS) else step for index, step in enumerate(steps)
    ]
    inside = "*" in place
    return (type(modules[path]), *([tuple(place)] if inside else []))
