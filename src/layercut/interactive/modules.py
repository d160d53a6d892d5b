"""Models as Python objects, turned into the mapping that a study file would have."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from torch import nn

from layercut.errors import SpecError
from layercut.models.module import keep_module

_MODELS = "an nn.Module, the name of a model ('timm/resnet18'), a function that makes one, or a mapping"


class GivenModel(NamedTuple):
    """A model as a study file has it, and what an instance brings with it."""

    values: dict[str, Any]
    weights: Path | None = None
    normalization: dict[str, Any] | None = None
    """What its pixels are scaled by, where the instance says."""


def model(value: Any, kept: Path) -> GivenModel:
    """Return a model; an instance is written into `kept`.

    Raises:
        SpecError: it is none, or layercut cannot build it.
    """
    if isinstance(value, nn.Module):
        return _instance(value, kept, {})
    if isinstance(value, Mapping) and isinstance(value.get("module"), nn.Module):
        return _instance(value["module"], kept, {key: one for key, one in value.items() if key != "module"})
    if isinstance(value, Mapping):
        return GivenModel(dict(value))
    if isinstance(value, str):
        return GivenModel({"factory": value} if ":" in value else {"name": value})
    if callable(value):
        return GivenModel(_function(value))
    raise SpecError(f"model: expected {_MODELS}; got a {type(value).__name__}")


def _instance(module: nn.Module, kept: Path, more: Mapping[str, Any]) -> GivenModel:
    while (inner := _wrapped(module)) is not None:
        module = inner
    found = keep_module(module, kept)
    values = {"name": "module", "folder": str(found.folder), **more}
    return GivenModel(values, found.weights, _scaling(module))


def _wrapped(module: nn.Module) -> nn.Module | None:
    """Return what `torch.compile` or a data-parallel wrapper has around it."""
    inner = getattr(module, "_orig_mod", None)
    if inner is None and isinstance(module, nn.DataParallel | nn.parallel.DistributedDataParallel):
        inner = module.module
    return inner if isinstance(inner, nn.Module) else None


def _scaling(module: nn.Module) -> dict[str, Any] | None:
    """Return how pixels are scaled, where timm has written it down in the model."""
    told = getattr(module, "pretrained_cfg", None)
    if not isinstance(told, Mapping) or not told.get("mean") or not told.get("std"):
        return None
    return {"mean": list(told["mean"]), "std": list(told["std"])}


def _function(function: Any) -> dict[str, Any]:
    name = getattr(function, "__qualname__", type(function).__name__)
    module = getattr(function, "__module__", None)
    try:
        takes = dict(inspect.signature(function).parameters)
    except (TypeError, ValueError):
        takes = {}
    has_rest = any(one.kind == one.VAR_KEYWORD for one in takes.values())
    lacks = [] if has_rest else [need for need in ("image_shape", "num_classes") if need not in takes]
    if lacks:
        instead = f"an instance, {name}(), in place of the class" if isinstance(function, type) else _MODELS
        raise SpecError(f"model: {name} does not take {' and '.join(lacks)}; expected {instead}")
    if module in (None, "__main__") or not name.isidentifier():
        raise SpecError(
            f"model: other processes cannot import {name}; write it into a file beside this one, such as my_model.py, "
            f"and pass `my_model.{name.rpartition('.')[2]}`, or pass the model that it returns"
        )
    return {"factory": f"{module}:{name}"}
