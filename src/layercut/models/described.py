"""A model as plain values: its layers by class, their attributes, and how they hang together; and back.

What pickle does, without running what a file says: classes and functions are imported by name, everything else is a
number, a text or a list of these. No constructor runs, so a model that was changed after it was made stays as it is.
"""

from __future__ import annotations

import enum
import functools
import math
from collections.abc import Callable, Mapping
from pathlib import Path, PurePath
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


Import = Callable[[str], Any]
"""From `module:name` to the object of that name."""


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


def rebuild(described: Described, imported: Import = import_object) -> nn.Module:
    """Return a described model; its parameters have no values yet."""
    return _Rebuilding(described, imported).whole()


class _Rebuilding:
    def __init__(self, described: Described, imported: Import) -> None:
        self._described = described
        self._import = imported
        self._layers: dict[str, nn.Module] = {}
        self._parameters: dict[str, nn.Parameter] = {}
        self._tensors = {name: value.clone() for name, value in described.tensors.items()}

    def whole(self) -> nn.Module:
        for told in self._described.layers:
            kind = self._import(told["class"])
            layer = kind.__new__(kind)
            nn.Module.__init__(layer)
            self._layers[told["path"]] = layer
        for told in self._described.layers:
            self._hold(self._layers[told["path"]], told)
        for told in self._described.layers:  # attributes may name parameters and layers
            attributes = {name: self._value(value) for name, value in told["attributes"].items()}
            vars(self._layers[told["path"]]).update(attributes)
        return self._layers[self._described.layers[0]["path"]]

    def _hold(self, layer: nn.Module, told: Mapping[str, Any]) -> None:
        for name, value in told["parameters"].items():
            layer._parameters[name] = self._parameter(f"{told['path']}.{name}".lstrip("."), value)
        for name, value in told["buffers"].items():
            layer._buffers[name] = None if value is None else self._tensors[value["tensor"]]
            if value is not None and not value["persistent"]:
                layer._non_persistent_buffers_set.add(name)
        for name, path in told["children"].items():
            layer._modules[name] = None if path is None else self._layers[path]

    def _parameter(self, path: str, told: Mapping[str, Any] | None) -> nn.Parameter | None:
        if told is None:
            return None
        if "same" in told:
            return self._parameters[told["same"]]
        self._parameters[path] = nn.Parameter(torch.zeros(told["shape"]), requires_grad=told["trained"])
        return self._parameters[path]

    def _value(self, told: Any) -> Any:
        if isinstance(told, list):
            return [self._value(one) for one in told]
        if not isinstance(told, dict):
            return told
        kind = next(iter(told))
        value = told[kind]
        return getattr(self, f"_of_{kind.lower()}")(value, told)

    def _of_float(self, value: str, _: Any) -> float:
        return float(value)

    def _of_tuple(self, value: list[Any], _: Any) -> tuple[Any, ...]:
        return tuple(self._value(value))

    def _of_size(self, value: list[Any], _: Any) -> torch.Size:
        return torch.Size(value)

    def _of_set(self, value: list[Any], _: Any) -> set[Any]:
        return set(self._value(value))

    def _of_frozenset(self, value: list[Any], _: Any) -> frozenset[Any]:
        return frozenset(self._value(value))

    def _of_dict(self, value: list[Any], told: Mapping[str, Any]) -> Any:
        return self._import(told["of"])((self._value(key), self._value(one)) for key, one in value)

    def _of_layer(self, value: str, _: Any) -> nn.Module:
        return self._layers[value]

    def _of_parameter(self, value: str, _: Any) -> nn.Parameter:
        return self._parameters[value]

    def _of_tensor(self, value: str, _: Any) -> Tensor:
        return self._tensors[value]

    def _of_torch(self, value: str, told: Mapping[str, Any]) -> Any:
        return torch.device(value) if told["kind"] == "device" else getattr(torch, value)

    def _of_enum(self, value: str, told: Mapping[str, Any]) -> Any:
        return self._import(value)[told["member"]]

    def _of_path(self, value: str, _: Any) -> Path:
        return Path(value)

    def _of_named(self, value: str, told: Mapping[str, Any]) -> Any:
        return self._import(value)(*self._value(told["values"]))

    def _of_partial(self, value: list[Any], _: Any) -> Any:
        function, given, named = (self._value(part) for part in value)
        return functools.partial(function, *given, **named)

    def _of_method(self, value: str, told: Mapping[str, Any]) -> Any:
        return getattr(self._layers[value], told["name"])

    def _of_name(self, value: str, _: Any) -> Any:
        return self._import(value)

    def _of_object(self, value: str, told: Mapping[str, Any]) -> Any:
        kind = self._import(value)
        made = kind.__new__(kind)
        vars(made).update({name: self._value(one) for name, one in told["attributes"].items()})
        return made
