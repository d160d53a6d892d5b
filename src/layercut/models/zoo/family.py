"""A classifier of torchvision or timm as a model family; every name is one."""

from __future__ import annotations

import copy
import difflib
from functools import lru_cache
from pathlib import Path
from typing import Any

import torch
from pydantic import Field
from torch import nn

from layercut.checkpoints import WeightFile
from layercut.errors import SpecError, UnknownNameError
from layercut.models.base import CuttableModel, ImageShape
from layercut.models.families import MadeFor
from layercut.models.layout import Layout, fresh_head, merge_blocks
from layercut.models.stages import stage_ends
from layercut.models.traced import CutPlan, plan_cuts, traced_layout
from layercut.models.weight_names import own_names
from layercut.models.zoo.library import Granularity, Library
from layercut.registry import import_object
from layercut.spec.base import StrictSpec

_LIBRARIES = {
    "torchvision": "layercut.models.zoo.torchvision_models:Torchvision",
    "timm": "layercut.models.zoo.timm_models:Timm",
}

_SWITCHED = ("torchvision/googlenet", "torchvision/inception_v3")

_NEAREST = 20
"""Names among which an unknown one is looked for by eye."""


class ZooOptions(StrictSpec):
    """Options of every model of torchvision and timm; channels, image size and classes follow from the task."""

    granularity: Granularity = Field(
        default="block", description="Cut after every `block`, or after every `stage` where the model has stages."
    )
    cuts: list[str | int] | None = Field(
        default=None,
        min_length=1,
        description="Only these cut points, by name or number (`layercut list cuts NAME`); null: all.",
    )


class SwitchedOptions(ZooOptions):
    """Options of torchvision's GoogLeNet and Inception, which have a switch."""

    transform_input: bool | None = Field(
        default=None,
        description="Scale images as the published weights want it: torchvision sets it for `weights=...` alone; null: "
        "set for images of three channels, and asked for with `source: {checkpoint: ...}`.",
    )


class ZooFamily:
    """Models of one name."""

    def __init__(self, library: str, name: str) -> None:
        self.library, self.name = library, name

    @property
    def options(self) -> type[ZooOptions]:
        """Legal keys beside `name` in a study file."""
        return SwitchedOptions if self.full_name in _SWITCHED else ZooOptions

    @property
    def full_name(self) -> str:
        """Return the name as it stands in a study file."""
        return f"{self.library}/{self.name}"

    @property
    def default_shape(self) -> ImageShape:
        """Return the shape of images that the model was made for."""
        return open_library(self.library).default_shape(self.name)

    def build(self, options: ZooOptions, image_shape: ImageShape, num_classes: int) -> CuttableModel:
        """Return a new model, initial values as its library draws them."""
        model = open_library(self.library).create(self.name, image_shape, num_classes, **_switches(options))
        return self._cut(model, options, image_shape)

    def head(self, options: ZooOptions, feature_shape: tuple[int, ...], num_classes: int) -> nn.Module:
        """Return a new head: the model's own, or its pooling and a classifier at the width of a truncated trunk."""
        return fresh_head(_recipe(self.library, self.name), feature_shape, num_classes)

    def import_names(self, options: ZooOptions, names: list[str]) -> dict[str, str] | None:
        """Files in the library's own names are read with `adapt`: shapes may differ, too."""
        return None

    def unsaid(self, options: ZooOptions) -> str | None:
        """Return what no weight file holds."""
        if not isinstance(options, SwitchedOptions) or options.transform_input is not None:
            return None
        return (
            f"a {self.full_name} made with published weights scales its images itself, another one does not, and the "
            "file does not say which it is: write `transform_input: true` or `transform_input: false` beside the "
            "model's name"
        )

    def file_names(self, options: ZooOptions, image_shape: ImageShape) -> list[str]:
        """Return the names in a file of the library's own model."""
        with torch.random.fork_rng(devices=[]):
            return list(open_library(self.library).create(self.name, image_shape, num_classes=2).state_dict())

    def adapt(self, options: ZooOptions, image_shape: ImageShape, values: WeightFile) -> WeightFile:
        """Return the values of one of the library's files under our names, for images of another shape.

        Raises:
            CheckpointError: they do not fit the model.
        """
        library = open_library(self.library)
        with torch.random.fork_rng(devices=[]):
            loaded = library.with_weights(self.name, image_shape, values, **_switches(options))
        return own_names(loaded.values, self._cut(loaded.model, options, image_shape), loaded.has_classifier)

    def check_weights(self, weights: str) -> None:
        """Check that published weights of that name exist.

        Raises:
            CheckpointError: there are none.
        """
        open_library(self.library).check_weights(self.name, weights)

    def made_for(self, weights: str) -> MadeFor:
        """Return what images published weights were made for.

        Raises:
            CheckpointError: there are none of that name.
        """
        return open_library(self.library).made_for(self.name, weights)

    def fetch_weights(self, weights: str) -> Path:
        """Return the file of published weights; downloads it where it is not here.

        Raises:
            CheckpointError: there are none of that name, or they cannot be downloaded.
        """
        return open_library(self.library).fetch_weights(self.name, weights)

    def own_and_cut(
        self, options: ZooOptions, image_shape: ImageShape, num_classes: int
    ) -> tuple[nn.Module, CuttableModel, dict[str, str]]:
        """Return a model of the library, it made ours, and which of our values each of the library's is.

        Ours is made of the library's own modules: the tensors tell. What its forward pass does not use is in no block
        and has no name here. The library's may be of no use any more, but for its modules.
        """
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            made = open_library(self.library).create(self.name, image_shape, num_classes, **_switches(options))
            theirs = made.state_dict(keep_vars=True)
            whole = copy.copy(made)
            whole._modules = dict(made._modules)
            cut = self._cut(made, options, image_shape)
        place = {id(value): name for name, value in cut.state_dict(keep_vars=True).items()}
        return whole, cut, {name: place[id(value)] for name, value in theirs.items() if id(value) in place}

    def uncut(self, options: ZooOptions, image_shape: ImageShape, model: CuttableModel) -> nn.Module:
        """Return the library's own model with the values of a whole one of ours, in eval mode."""
        num_classes = [layer for layer in model.head.modules() if isinstance(layer, nn.Linear)][-1].out_features
        _, _, names = self.own_and_cut(options, image_shape, num_classes)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)  # for what its forward pass does not use
            made = open_library(self.library).create(self.name, image_shape, num_classes, **_switches(options))
        values = model.state_dict()
        made.load_state_dict({name: values[ours].contiguous() for name, ours in names.items()}, strict=False)
        return made.eval()

    def _cut(self, model: nn.Module, options: ZooOptions, image_shape: ImageShape) -> CuttableModel:
        library = open_library(self.library)
        stages = library.stages(model) if options.granularity == "block" and options.cuts is None else None
        layout = library.layout(model, options.granularity)
        if layout is None:
            layout = traced_layout(model, _plan(self.library, self.name, image_shape, **_switches(options)))
        blocks = merge_blocks(layout.blocks, options.cuts, self.full_name)
        ends = None if stages is None else stage_ends(blocks, stages)
        return layout._replace(blocks=blocks, stages=ends).model()


def _switches(options: ZooOptions) -> dict[str, Any]:
    said = options.transform_input if isinstance(options, SwitchedOptions) else None
    return {} if said is None else {"transform_input": said}


class Zoo:
    """The families of one library, looked up by name."""

    options = ZooOptions

    def __init__(self, library: str) -> None:
        self.library = library

    def names(self) -> list[str]:
        """Return the names of all its models."""
        return open_library(self.library).names()

    def __getitem__(self, name: str) -> ZooFamily:
        """Return the family of one model.

        Raises:
            UnknownNameError: the library has no classifier of that name; the message has near ones.
        """
        if not open_library(self.library).has(name):
            names = self.names()
            near = difflib.get_close_matches(name, names, n=_NEAREST, cutoff=0.5)
            raise UnknownNameError(f"{self.library} model", name, near or names[:_NEAREST], num_known=len(names))
        return ZooFamily(self.library, name)


@lru_cache
def open_library(name: str) -> Library:
    """Import a library."""
    library: type[Library] = import_object(_LIBRARIES[name])  # type: ignore[assignment]
    return library()


@lru_cache(maxsize=64)
def _recipe(library: str, name: str) -> Layout:
    """Return the parts of a model without values: what its heads are like."""
    opened = open_library(library)
    shape = opened.default_shape(name)
    try:
        with torch.device("meta"):
            model = opened.create(name, shape, num_classes=2)
    except (SpecError, RuntimeError):  # its constructor looks at values, which a model on the meta device has not
        with torch.random.fork_rng(devices=[]):
            model = opened.create(name, shape, num_classes=2)
    layout = opened.layout(model, "stage") or traced_layout(model, _plan(library, name, shape))
    return layout._replace(blocks={})


@lru_cache(maxsize=64)
def _plan(library: str, name: str, image_shape: ImageShape, **switches: Any) -> CutPlan:
    with torch.random.fork_rng(devices=[]):
        model = open_library(library).create(name, image_shape, num_classes=2, **switches)
        return plan_cuts(model, image_shape, f"{library}/{name}")


TORCHVISION = Zoo("torchvision")
TIMM = Zoo("timm")
