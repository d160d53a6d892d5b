"""Describe a model as plain values: its layers by class, their attributes, and how they are connected.

What pickle does, without running what a file says: classes and functions are imported by name, everything else is a
number, a text or a list of these. No constructor runs, so a model that was changed after it was made stays as it is.
"""

from __future__ import annotations

import enum
import functools
import math
from pathlib import PurePath
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.parameter import UninitializedParameter

from layercut.registry import import_object

_OF_EVERY_LAYER = frozenset(vars(nn.Module()))


_REBUILT = frozenset({"training", "_parameters", "_buffers", "_non_persistent_buffers_set", "_modules"})


class NotDescribable(Exception):  # noqa: N818 - no error: the model then stays in its process
    """Something in a model has no name and is no plain value; says what."""


class Described(NamedTuple):
    """A model in words; `rebuild` makes it again."""

    layers: list[dict[str, Any]]
    """JSON values: a layer each, the whole model first."""
    tensors: dict[str, Tensor]
    """Buffers, and tensors that are attributes."""
    names: tuple[str, ...]
    """`module:name` of every class and function in it."""


def describe(model: nn.Module) -> Described:
    """Return what `rebuild` needs; parameters without their values.

    Raises:
        NotDescribable: an attribute, a class or a hook cannot be named.
    """
    return _Describing(model).all()


class _Describing:
    def __init__(self, model: nn.Module) -> None:
        self._layers = {id(layer): (path, layer) for path, layer in model.named_modules()}
        self._parameters = {id(value): path for path, value in model.named_parameters()}
        self._buffers = {id(value): path for path, value in model.named_buffers()}
        self._names: dict[str, None] = {}
        self._tensors: dict[str, Tensor] = {}

    def all(self) -> Described:
        layers = [self._layer(path, layer) for path, layer in self._layers.values()]
        return Described(layers, self._tensors, tuple(self._names))

    def _layer(self, path: str, layer: nn.Module) -> dict[str, Any]:
        own, place = vars(layer), path or type(layer).__name__
        hooks = [name for name in _OF_EVERY_LAYER - _REBUILT if own.get(name) and "hooks" in name]
        if hooks:
            raise NotDescribable(f"{place} has hooks")
        attributes = {name: value for name, value in own.items() if name not in _OF_EVERY_LAYER}
        return {
            "path": path,
            "class": self._name(type(layer), place),
            "attributes": {name: self._value(value, f"{place}.{name}") for name, value in attributes.items()},
            "parameters": {name: self._parameter(path, name, one) for name, one in layer._parameters.items()},
            "buffers": {name: self._buffer(path, name, layer) for name in layer._buffers},
            "children": {name: one and self._layers[id(one)][0] for name, one in layer._modules.items()},
        }

    def _parameter(self, path: str, name: str, value: nn.Parameter | None) -> dict[str, Any] | None:
        if value is None:
            return None
        if isinstance(value, UninitializedParameter):
            raise NotDescribable(f"{path}.{name} has no size yet")
        where = f"{path}.{name}".lstrip(".")
        first = self._parameters[id(value)]
        if first != where:
            return {"same": first}
        return {"shape": list(value.shape), "trained": value.requires_grad}

    def _buffer(self, path: str, name: str, layer: nn.Module) -> dict[str, Any] | None:
        value = layer._buffers[name]
        if value is None:
            return None
        first = self._buffers[id(value)]
        self._tensors.setdefault(first, value.detach())
        return {"tensor": first, "persistent": name not in layer._non_persistent_buffers_set}

    def _value(self, value: Any, place: str) -> Any:
        if value is None or type(value) in (bool, int, str):
            return value
        if type(value) is float:
            return value if math.isfinite(value) else {"float": str(value)}
        if type(value) is list:
            return [self._value(one, f"{place}[{index}]") for index, one in enumerate(value)]
        for kind in (self._known, self._container, self._named):
            found = kind(value, place)
            if found is not None:
                return found
        raise NotDescribable(f"{place} holds a {type(value).__name__}")

    def _known(self, value: Any, place: str) -> dict[str, Any] | None:
        """Return a part of the model, a tensor, or a value of one of a few types."""
        if isinstance(value, nn.Module):
            if id(value) not in self._layers:
                raise NotDescribable(f"{place} holds a layer that is not registered in the model")
            return {"layer": self._layers[id(value)][0]}
        if isinstance(value, Tensor):
            if id(value) in self._parameters:
                return {"parameter": self._parameters[id(value)]}
            if type(value) is not Tensor or value.requires_grad:
                raise NotDescribable(f"{place} holds a {type(value).__name__} that is no parameter of the model")
            self._tensors.setdefault(place, value)
            return {"tensor": place}
        return self._constant(value, place)

    def _constant(self, value: Any, place: str) -> dict[str, Any] | None:
        if isinstance(value, torch.dtype | torch.device):
            return {"torch": str(value).removeprefix("torch."), "kind": type(value).__name__}
        if isinstance(value, enum.Enum):
            return {"enum": self._name(type(value), place), "member": value.name}
        if isinstance(value, PurePath):
            return {"path": str(value)}
        return None

    def _container(self, value: Any, place: str) -> dict[str, Any] | None:
        if type(value) in (tuple, set, frozenset, torch.Size):
            ordered = sorted(value, key=repr) if isinstance(value, set | frozenset) else value
            return {type(value).__name__: [self._value(one, place) for one in ordered]}
        if isinstance(value, tuple) and hasattr(value, "_fields"):
            return {"named": self._name(type(value), place), "values": [self._value(one, place) for one in value]}
        if (isinstance(value, dict) and type(value).__reduce__ is dict.__reduce__) or type(
            value
        ).__name__ == "OrderedDict":
            pairs = [[self._value(key, place), self._value(one, f"{place}[{key!r}]")] for key, one in value.items()]
            return {"dict": pairs, "of": self._name(type(value), place)}
        if isinstance(value, functools.partial):
            parts = [value.func, list(value.args), dict(value.keywords)]
            return {"partial": [self._value(part, place) for part in parts]}
        return None

    def _named(self, value: Any, place: str) -> dict[str, Any] | None:
        """Return a function, a class, a method of a layer, or an object of a plain class."""
        owner = getattr(value, "__self__", None)
        if isinstance(owner, nn.Module) and id(owner) in self._layers:
            return {"method": self._layers[id(owner)][0], "name": value.__name__}
        if isinstance(value, type) or (callable(value) and hasattr(value, "__name__")):
            return {"name": self._name(value, place)}
        kind: Any = type(value)
        is_plain = kind.__reduce__ is object.__reduce__ and kind.__reduce_ex__ is object.__reduce_ex__
        if is_plain and hasattr(value, "__dict__"):
            attributes = {name: self._value(one, f"{place}.{name}") for name, one in vars(value).items()}
            return {"object": self._name(type(value), place), "attributes": attributes}
        return None

    def _name(self, value: Any, place: str) -> str:
        modules = [getattr(value, "__module__", None), "torch", "torch.nn.functional"]
        for name in (f"{module}:{value.__qualname__}" for module in modules if module not in (None, "__main__")):
            try:
                found = import_object(name)
            except (ImportError, AttributeError):
                continue
            if found is value:
                self._names[name] = None
                return name
        raise NotDescribable(f"{place}: {value.__qualname__} cannot be imported by name")
