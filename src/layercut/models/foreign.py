"""The user's own `nn.Module`, made by their function and cut where they say, or wherever possible."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from pydantic import Field, model_validator
from torch import nn
from torch.nn.modules.lazy import LazyModuleMixin

from layercut.errors import SpecError
from layercut.models.base import ImageShape
from layercut.models.observed import fails_on
from layercut.models.own_code import Code, import_function, locate
from layercut.models.traced_family import TracedFamily
from layercut.spec.base import StrictSpec


class ForeignOptions(StrictSpec):
    """Options of `foreign`."""

    factory: str = Field(
        pattern=r"^[A-Za-z_][\w.]*:[A-Za-z_]\w*$",
        description="`package.module:function`, called with image_shape, num_classes and `options`; returns the model.",
    )
    options: dict[str, Any] = Field(default={}, description="Further keyword arguments of the function.")
    blocks: list[str] | None = Field(
        default=None,
        min_length=1,
        description="Names of layers, each the end of a block, in order; null: a block begins wherever one can.",
    )
    folder: Path | None = Field(
        default=None, description="Where to look for the module first; null: the study file's folder."
    )
    code: str | None = Field(default=None, description="SHA-256 of the module, which layercut fills in.")

    @model_validator(mode="before")
    @classmethod
    def _find_the_code(cls, values: Any) -> Any:
        factory = values.get("factory") if isinstance(values, dict) else None
        if not isinstance(factory, str) or ":" not in factory or values.get("code") is not None:
            return values
        try:
            code = locate(factory, Path(values["folder"]).expanduser() if values.get("folder") else None)
        except SpecError as error:
            raise ValueError(str(error)) from error
        return values | {"folder": code.folder, "code": code.sha256}


class Foreign(TracedFamily[ForeignOptions]):
    """Models of the user's own; blocks have the names of their layers."""

    options = ForeignOptions

    def code_of(self, options: Mapping[str, Any]) -> str:
        """Return which function is called, and where its module is looked for first."""
        return f"the function {options.get('factory')} in {options.get('folder') or 'an installed package'}"

    def make(self, options: ForeignOptions, image_shape: ImageShape, num_classes: int) -> nn.Module:
        """Return what the user's function returns, with sizes for lazy layers."""
        function = import_function(options.factory, Code(options.folder, str(options.code)))
        try:
            model = function(image_shape=image_shape, num_classes=num_classes, **options.options)
        except Exception as error:  # whatever the user's code raises
            raise SpecError(f"{options.factory} failed: {type(error).__name__}: {error}") from error
        if not isinstance(model, nn.Module):
            raise SpecError(f"expected {options.factory} to return a torch.nn.Module; got {type(model).__name__}")
        _materialize(model, image_shape, options.factory)
        return model

    def called(self, options: ForeignOptions) -> str:
        """Return the function's name."""
        return options.factory

    def block_ends(self, options: ForeignOptions) -> list[str] | None:
        """Return what the user named."""
        return options.blocks


def _materialize(model: nn.Module, image_shape: ImageShape, name: str) -> None:
    """Give lazy layers their sizes and initial values, by one pass of blank images."""
    lazy = [layer for layer in model.modules() if isinstance(layer, LazyModuleMixin)]
    if not any(layer.has_uninitialized_params() for layer in lazy):
        return
    was_training = model.training
    try:
        with torch.no_grad():
            model.eval()(torch.zeros(2, *image_shape))
    except Exception as error:  # whatever the user's code raises
        raise fails_on(name, image_shape, error) from error
    finally:
        model.train(was_training)


FOREIGN = Foreign()
