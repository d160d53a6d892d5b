"""Rebuild a model from its description."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from layercut.models.described import Described
from layercut.registry import import_object

Import = Callable[[str], Any]
"""From `module:name` to the object of that name."""


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
