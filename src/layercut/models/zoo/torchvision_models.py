"""torchvision's classifiers: built, fitted to images, and filled with its published weights."""

from __future__ import annotations

import re
from collections import OrderedDict
from pathlib import Path
from typing import Any

import torch
import torchvision.models as zoo
from timm.models import adapt_input_conv
from torch import nn
from torchvision.models.vision_transformer import interpolate_embeddings

from layercut.checkpoints import WeightFile
from layercut.errors import CheckpointError, SpecError, did_you_mean
from layercut.models.base import ImageShape
from layercut.models.families import MadeFor
from layercut.models.layout import Layout
from layercut.models.load_errors import load_error
from layercut.models.stages import MAX_GROUPS, Parts, parts_of
from layercut.models.weight_names import with_classifier
from layercut.models.zoo.fetch import fetch_url
from layercut.models.zoo.library import Granularity, Loaded
from layercut.models.zoo.torchvision_blocks import torchvision_layout

_PUBLISHED_CHANNELS = 3
_AUXILIARY = ("aux1.", "aux2.", "AuxLogits.")
"""Classifiers that GoogLeNet and Inception have for their own training only."""

_OLD_DENSENET_NAME = re.compile(r"^(.*denselayer\d+\.(?:norm|relu|conv))\.([12]\..*)$")


class Torchvision:
    """The library torchvision."""

    def names(self) -> list[str]:
        """Return the names of its image classifiers; detectors and quantised copies are none."""
        return list(zoo.list_models(module=zoo))

    def has(self, name: str) -> bool:
        """Return whether it has a classifier of that name."""
        return name in self.names()

    def default_shape(self, name: str) -> ImageShape:
        """Return the shape of ImageNet images; Inception wants larger ones."""
        side = 299 if name == "inception_v3" else 224
        return (_PUBLISHED_CHANNELS, side, side)

    def create(self, name: str, image_shape: ImageShape, num_classes: int, **switches: Any) -> nn.Module:
        """Return a new model.

        Another number of channels gets a new first convolution, drawn with the spread of the old one.
        """
        channels, height, width = image_shape
        options: dict[str, Any] = {"num_classes": num_classes}
        if name in {"googlenet", "inception_v3"}:
            options |= {"aux_logits": False, "init_weights": True, "transform_input": channels == _PUBLISHED_CHANNELS}
        if name.startswith("vit_"):
            options["image_size"] = _square(name, height, width)
        if name.startswith("maxvit"):
            options["input_size"] = (height, width)
        options |= switches
        if options.get("transform_input") and channels != _PUBLISHED_CHANNELS:
            raise SpecError(f"transform_input of torchvision/{name} takes images of 3 channels; got {channels}")
        try:
            model: nn.Module = zoo.get_model(name, weights=None, **options)
        except (ValueError, AssertionError, RuntimeError) as error:
            raise SpecError(
                f"torchvision/{name} cannot be built for images of {height} x {width} pixels: {error}"
            ) from error
        if channels != _PUBLISHED_CHANNELS:
            _replace_first_convolution(model, channels)
        return model

    def layout(self, model: nn.Module, granularity: Granularity) -> Layout | None:
        """Return a model's blocks, or None where its architecture is not a list of them."""
        return torchvision_layout(model, granularity)

    def stages(self, model: nn.Module) -> dict[str, Parts]:
        """Return what blocks are with `granularity: stage`; none of models whose blocks are many, and no stages."""
        whole, blocks = torchvision_layout(model, "stage"), torchvision_layout(model, "block")
        if whole is None or blocks is None or len(whole.blocks) == len(blocks.blocks) > MAX_GROUPS:
            return {}
        return {name: parts_of(stage) for name, stage in whole.blocks.items()}

    def with_weights(self, name: str, image_shape: ImageShape, values: WeightFile, **switches: Any) -> Loaded:
        """Return a model with given values; the first convolution's are summed or spread over other channels."""
        values = values.like(
            (str(_OLD_DENSENET_NAME.sub(r"\1\2", key)), value)
            for key, value in values.items()
            if not key.startswith(_AUXILIARY)
        )
        model = self.create(name, image_shape, num_classes=2, **switches)
        classifier = _classifier(model)
        rows = values.get(f"{classifier}.weight")
        if rows is not None and rows.dim() == 2 and len(rows) != 2:
            model = self.create(name, image_shape, len(rows), **switches)
        filled, has_classifier = with_classifier(values, model, classifier)
        first = f"{_first_convolution(model)}.weight"
        try:
            if first in filled:
                filled[first] = adapt_input_conv(image_shape[0], filled[first], filled[first].shape[1])
            if name.startswith("vit_") and "encoder.pos_embedding" in filled:
                ours: Any = model
                resized = interpolate_embeddings(image_shape[1], ours.patch_size, OrderedDict(filled))
                filled = filled.like(resized.items())
            if not hasattr(filled, "_metadata"):  # .safetensors has no versions of layers: today's are meant
                filled = WeightFile(filled.items(), getattr(model.state_dict(), "_metadata", None), filled.notes)
            model.load_state_dict(filled)
        except (RuntimeError, KeyError, ValueError, IndexError) as error:
            raise CheckpointError(load_error(error)) from error
        return Loaded(model, filled, has_classifier)

    def check_weights(self, name: str, weights: str) -> None:
        """Check that published weights of that name exist."""
        _published(name, weights)

    def made_for(self, name: str, weights: str) -> MadeFor:
        """Return size, scaling and interpolation of the transforms that torchvision publishes with the weights."""
        transforms = _published(name, weights).transforms()
        (side,) = transforms.crop_size
        shape = (_PUBLISHED_CHANNELS, side, side)
        return MadeFor(shape, tuple(transforms.mean), tuple(transforms.std), transforms.interpolation.value)

    def fetch_weights(self, name: str, weights: str) -> Path:
        """Return the file of published weights, in the folder where torch.hub keeps it."""
        url = str(_published(name, weights).url)
        return fetch_url(url, Path(torch.hub.get_dir()) / "checkpoints", f"{weights} of torchvision/{name}")


def _published(name: str, weights: str) -> Any:
    known = zoo.get_model_weights(name)
    wanted = "DEFAULT" if weights == "pretrained" else weights.rpartition(".")[2]
    if wanted not in known.__members__:
        names = list(known.__members__)
        raise CheckpointError(
            f"torchvision/{name} has no weights {weights!r}{did_you_mean(weights, names)}; it has {', '.join(names)}"
        )
    return known[wanted]


def _square(name: str, height: int, width: int) -> int:
    if height != width:
        raise SpecError(f"torchvision/{name} takes square images; got {height} x {width} pixels")
    return height


def _first_convolution(model: nn.Module) -> str:
    names: list[str] = [name for name, layer in model.named_modules() if isinstance(layer, nn.Conv2d)]
    return names[0]


def _replace_first_convolution(model: nn.Module, channels: int) -> None:
    name = _first_convolution(model)
    old: Any = model.get_submodule(name)
    new = nn.Conv2d(
        channels,
        old.out_channels,
        old.kernel_size,
        old.stride,
        old.padding,
        old.dilation,
        bias=old.bias is not None,
        device=old.weight.device,
    )
    if not old.weight.is_meta:
        nn.init.normal_(new.weight, std=float(old.weight.detach().std()))
        if new.bias is not None:
            nn.init.zeros_(new.bias)
    model.set_submodule(name, new)


def _classifier(model: nn.Module) -> str:
    names: list[str] = [name for name, layer in model.named_modules() if isinstance(layer, nn.Linear)]
    return names[-1] if names else ""
