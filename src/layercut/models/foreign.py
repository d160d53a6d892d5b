"""The user's own `nn.Module`, made by a function of theirs and cut where they say, or where it can be."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

import torch
from pydantic import Field, model_validator
from torch import nn
from torch.nn.modules.lazy import LazyModuleMixin

from layercut.checkpoints import WeightFile
from layercut.errors import CheckpointError, SpecError
from layercut.keys import canonical_json
from layercut.models.base import CuttableModel, ImageShape
from layercut.models.layout import Layout, fresh_head
from layercut.models.misfit import misfit
from layercut.models.observed import fails_on
from layercut.models.own_code import Code, import_function, locate
from layercut.models.traced import Plan, plan_cuts, traced_layout
from layercut.models.weight_names import own_names, with_classifier
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


class Foreign:
    """Models of the user's own; blocks have the names of their layers."""

    options = ForeignOptions

    def code_of(self, options: Mapping[str, Any]) -> str:
        """Return which function is called, and where its module is looked for first."""
        return f"the function {options.get('factory')} in {options.get('folder') or 'an installed package'}"

    def build(self, options: ForeignOptions, image_shape: ImageShape, num_classes: int) -> CuttableModel:
        """Return a new model, cut; initial values are those that the user's code draws."""
        return self._layout(options, image_shape, _make(options, image_shape, num_classes)).model()

    def head(self, options: ForeignOptions, feature_shape: tuple[int, ...], num_classes: int) -> nn.Module:
        """Return a new head: a classifier, behind the model's own dropout or an average over maps or tokens."""
        plan = _plans.get(_identity(options))
        if plan is None:
            raise ValueError("expected a model to be built before its heads: what they are like is known from it")
        hidden = nn.Sequential(OrderedDict(dropout=nn.Dropout(plan.dropout)))
        layout = Layout({}, hidden, nn.Linear(feature_shape[-1], num_classes), rank=1)
        return fresh_head(layout, feature_shape, num_classes)

    def import_names(self, options: ForeignOptions, names: list[str]) -> dict[str, str] | None:
        """Files in the user's own names are read with `adapt`."""
        return None

    def file_names(self, options: ForeignOptions, image_shape: ImageShape) -> list[str]:
        """Return the names in a file that the user's own model writes."""
        with torch.random.fork_rng(devices=[]):
            return list(_make(options, image_shape, 2).state_dict())

    def adapt(self, options: ForeignOptions, image_shape: ImageShape, values: WeightFile) -> WeightFile:
        """Return the values of a file that the user's own model wrote, under our names; maybe without a classifier.

        Raises:
            CheckpointError: they do not fit the model.
        """
        classifier = _plan(options, image_shape).classifier
        rows = values.get(f"{classifier}.weight")
        with torch.random.fork_rng(devices=[]):
            model = _make(options, image_shape, len(rows) if rows is not None and rows.dim() == 2 else 2)
        filled, has_classifier = with_classifier(values, model, classifier)
        try:
            model.load_state_dict(filled)
        except RuntimeError as error:
            raise CheckpointError(misfit(error)) from error
        return own_names(filled, self._layout(options, image_shape, model).model(), has_classifier)

    def _layout(self, options: ForeignOptions, image_shape: ImageShape, model: nn.Module) -> Layout:
        return traced_layout(model, _plan(options, image_shape))


_plans: dict[str, Plan] = {}
"""The last plan of each options: what heads are like does not depend on the size of the images."""


def _plan(options: ForeignOptions, image_shape: ImageShape) -> Plan:
    plan = _planned(_identity(options), image_shape)
    _plans[_identity(options)] = plan
    return plan


@lru_cache(maxsize=64)
def _planned(identity: str, image_shape: ImageShape) -> Plan:
    options = ForeignOptions.model_validate_json(identity)
    with torch.random.fork_rng(devices=[]):
        model = _make(options, image_shape, num_classes=2)
        return plan_cuts(model, image_shape, options.factory, options.blocks)


def _make(options: ForeignOptions, image_shape: ImageShape, num_classes: int) -> nn.Module:
    function = import_function(options.factory, Code(options.folder, str(options.code)))
    try:
        model = function(image_shape=image_shape, num_classes=num_classes, **options.options)
    except Exception as error:  # whatever the user's code raises
        raise SpecError(f"{options.factory} failed: {type(error).__name__}: {error}") from error
    if not isinstance(model, nn.Module):
        raise SpecError(f"expected {options.factory} to return a torch.nn.Module; got {type(model).__name__}")
    _materialize(model, image_shape, options.factory)
    return model


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


def _identity(options: ForeignOptions) -> str:
    return canonical_json(options.model_dump(mode="json"))


FOREIGN = Foreign()
