"""Models that were not written for layercut: their cuts are found on their graph."""

from __future__ import annotations

import copy
from abc import ABC, abstractmethod
from collections import OrderedDict
from functools import lru_cache
from typing import Any, Generic, TypeVar

import torch
from pydantic import BaseModel
from torch import nn

from layercut.checkpoints import WeightFile
from layercut.errors import CheckpointError
from layercut.keys import canonical_json
from layercut.models.base import CuttableModel, ImageShape
from layercut.models.layout import Layout, fresh_head
from layercut.models.load_errors import load_error
from layercut.models.traced import CutPlan, plan_cuts, traced_layout
from layercut.models.weight_names import own_names, with_classifier

Options = TypeVar("Options", bound=BaseModel)


class TracedFamily(ABC, Generic[Options]):
    """A `ModelFamily` of which only the making is left open; blocks have the names of their layers."""

    options: type[Options]

    @abstractmethod
    def make(self, options: Options, image_shape: ImageShape, num_classes: int) -> nn.Module:
        """Return a new model; initial values come from torch's global generator.

        Raises:
            SpecError: it cannot be made.
        """

    @abstractmethod
    def called(self, options: Options) -> str:
        """Return what errors call the model."""

    @abstractmethod
    def block_ends(self, options: Options) -> list[str] | None:
        """Return the layers that end a block, in order; None: a block begins wherever one can."""

    def build(self, options: Options, image_shape: ImageShape, num_classes: int) -> CuttableModel:
        """Return a new model, cut; initial values are those that its code draws."""
        return self._layout(options, image_shape, self.make(options, image_shape, num_classes)).model()

    def own_and_cut(
        self, options: Options, image_shape: ImageShape, num_classes: int
    ) -> tuple[nn.Module, CuttableModel, dict[str, str]]:
        """Return a model as its code makes it, it cut, and which of the cut one's values each of its own is.

        Both are made of the same modules: the tensors tell. What its forward pass does not use has no name here.
        """
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            made = self.make(options, image_shape, num_classes)
            theirs = made.state_dict(keep_vars=True)
            whole = copy.copy(made)
            whole._modules = dict(made._modules)
            cut = self._layout(options, image_shape, made).model()
        place = {id(value): name for name, value in cut.state_dict(keep_vars=True).items()}
        return whole, cut, {name: place[id(value)] for name, value in theirs.items() if id(value) in place}

    def head(self, options: Options, feature_shape: tuple[int, ...], num_classes: int) -> nn.Module:
        """Return a new head: a classifier, behind the model's own dropout or an average over maps or tokens."""
        plan = _plans.get((self, _identity(options)))
        if plan is None:
            raise ValueError("expected a model to be built before its heads: what they are like is known from it")
        hidden = nn.Sequential(OrderedDict(dropout=nn.Dropout(plan.dropout)))
        layout = Layout({}, hidden, nn.Linear(feature_shape[-1], num_classes), rank=1)
        return fresh_head(layout, feature_shape, num_classes)

    def import_names(self, options: Options, names: list[str]) -> dict[str, str] | None:
        """Files in the model's own names are read with `adapt`."""
        return None

    def file_names(self, options: Options, image_shape: ImageShape) -> list[str]:
        """Return the names in a file that the model itself writes."""
        with torch.random.fork_rng(devices=[]):
            return list(self.make(options, image_shape, 2).state_dict())

    def adapt(self, options: Options, image_shape: ImageShape, values: WeightFile) -> WeightFile:
        """Return the values of a file that the model itself wrote, under our names; maybe without a classifier.

        Raises:
            CheckpointError: they do not fit the model.
        """
        classifier = self._plan(options, image_shape).classifier
        rows = values.get(f"{classifier}.weight")
        with torch.random.fork_rng(devices=[]):
            model = self.make(options, image_shape, len(rows) if rows is not None and rows.dim() == 2 else 2)
        filled, has_classifier = with_classifier(values, model, classifier)
        try:
            model.load_state_dict(filled)
        except RuntimeError as error:
            raise CheckpointError(load_error(error)) from error
        return own_names(filled, self._layout(options, image_shape, model).model(), has_classifier)

    def _layout(self, options: Options, image_shape: ImageShape, model: nn.Module) -> Layout:
        return traced_layout(model, self._plan(options, image_shape))

    def _plan(self, options: Options, image_shape: ImageShape) -> CutPlan:
        identity = _identity(options)
        plan = _planned(self, identity, image_shape)
        _plans[self, identity] = plan
        return plan


_plans: dict[tuple[TracedFamily[Any], str], CutPlan] = {}
"""The last plan of each options: what heads are like does not depend on the size of the images."""


@lru_cache(maxsize=64)
def _planned(family: TracedFamily[Any], identity: str, image_shape: ImageShape) -> CutPlan:
    options = family.options.model_validate_json(identity)
    with torch.random.fork_rng(devices=[]):
        model = family.make(options, image_shape, num_classes=2)
        return plan_cuts(model, image_shape, family.called(options), family.block_ends(options))


def _identity(options: BaseModel) -> str:
    return canonical_json(options.model_dump(mode="json"))
