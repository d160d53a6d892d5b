"""timm's classifiers: built, fitted to images, and filled with its published weights."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import timm
import torch
from huggingface_hub import constants, hf_hub_download
from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError
from torch import nn

from layercut.checkpoints import WeightFile
from layercut.errors import CheckpointError, SpecError, did_you_mean
from layercut.models.base import ImageShape
from layercut.models.families import MadeFor
from layercut.models.layout import Layout
from layercut.models.load_errors import load_error
from layercut.models.stages import Parts
from layercut.models.weight_names import with_classifier
from layercut.models.zoo.fetch import fetch_url, require_server, unavailable
from layercut.models.zoo.library import Granularity, Loaded
from layercut.models.zoo.timm_blocks import timm_layout, timm_stages

_FILES = ("model.safetensors", "pytorch_model.bin")


class Timm:
    """The library timm; a name may have a tag, `resnet18.a1_in1k`, which is what `DEFAULT` weights are then."""

    def names(self) -> list[str]:
        """Return the names of its architectures, without tags."""
        return list(timm.list_models())

    def has(self, name: str) -> bool:
        """Return whether it has a classifier of that name, with or without a tag."""
        architecture, dot, tag = name.partition(".")
        return timm.is_model(architecture) and (not dot or tag in _tags(architecture))

    def default_shape(self, name: str) -> ImageShape:
        """Return the shape of images that it was made for."""
        channels, height, width = _config(name).input_size
        return (channels, height, width)

    def create(self, name: str, image_shape: ImageShape, num_classes: int, **switches: Any) -> nn.Module:
        """Return a new model for other channels, sizes and classes by timm's own arguments."""
        return _create(name, image_shape, num_classes, **switches)

    def layout(self, model: nn.Module, granularity: Granularity) -> Layout | None:
        """Return a model's blocks, or None where its architecture is not a list of them."""
        return timm_layout(model, granularity)

    def stages(self, model: nn.Module) -> dict[str, Parts]:
        """Return what timm takes features from; none where all of them have one size."""
        return timm_stages(model)

    def with_weights(self, name: str, image_shape: ImageShape, values: WeightFile, **switches: Any) -> Loaded:
        """Return a model with given values, adapted by timm to channels and size of the images."""
        config = _config(name)
        classifier = config.classifier if isinstance(config.classifier, str) else None
        rows = values.get(f"{classifier}.weight")
        num_classes = len(rows) if rows is not None and rows.dim() == 2 else config.num_classes
        has_classifier = True
        if rows is None and classifier is not None:
            fresh = _create(name, image_shape, num_classes, **switches)
            rest = [key for key in fresh.state_dict() if not key.startswith(f"{classifier}.")]
            if all(key in values for key in rest):  # else in names of others, which timm translates
                values, has_classifier = with_classifier(values, fresh, classifier)
        overlay = {"state_dict": dict(values), "num_classes": num_classes, "label_offset": 0, "custom_load": False}
        try:
            model = _create(name, image_shape, num_classes, pretrained=True, pretrained_cfg_overlay=overlay, **switches)
        except (RuntimeError, KeyError, ValueError, AttributeError) as error:
            raise CheckpointError(load_error(error)) from error
        return Loaded(model, values, has_classifier)

    def check_weights(self, name: str, weights: str) -> None:
        """Check that published weights of that name exist."""
        _published(name, weights)

    def made_for(self, name: str, weights: str) -> MadeFor:
        """Return what timm's configuration of the weights says."""
        config = _published(name, weights)
        return MadeFor(tuple(config.input_size), tuple(config.mean), tuple(config.std), config.interpolation)

    def fetch_weights(self, name: str, weights: str) -> Path:
        """Return the file of published weights, in the folder where its library keeps it."""
        config, what = _published(name, weights), f"{weights} of timm/{name}"
        if not config.hf_hub_id:
            return fetch_url(config.url, Path(torch.hub.get_dir()) / "checkpoints", what)
        files = (config.hf_hub_filename,) if config.hf_hub_filename else _FILES
        for file in files:
            here = _from_hub(config.hf_hub_id, file, offline=True)
            if here is not None:
                return here
        instead = f"put {config.hf_hub_id} into the Hugging Face cache ({constants.HF_HUB_CACHE})"
        if os.environ.get("HF_HUB_OFFLINE", "").upper() in {"1", "TRUE", "YES", "ON"}:
            raise unavailable(what, OSError("HF_HUB_OFFLINE is set"), instead)
        require_server(constants.ENDPOINT, what, instead)
        for file in files:
            try:
                here = _from_hub(config.hf_hub_id, file, offline=False)
            except (OSError, HfHubHTTPError) as error:
                raise unavailable(what, error, instead) from error
            if here is not None:
                return here
        raise CheckpointError(f"{config.hf_hub_id} has none of the files {', '.join(files)}")


def _create(name: str, image_shape: ImageShape, num_classes: int, **options: Any) -> nn.Module:
    channels, height, width = image_shape
    if _config(name).fixed_input_size:
        options["img_size"] = (height, width)
    try:
        model: nn.Module = timm.create_model(name, in_chans=channels, num_classes=num_classes, **options)
    except (AssertionError, ZeroDivisionError, TypeError) as error:
        raise SpecError(
            f"timm/{name} cannot be built for images of {channels} x {height} x {width}: {error or 'it asserts so'}"
        ) from error
    return model


def _config(name: str) -> Any:
    config = timm.get_pretrained_cfg(name)
    if config is None:
        config = timm.models.PretrainedCfg()
    return config


def _tags(architecture: str) -> list[str]:
    """Return the tags of its published weights, the default one first."""
    found: list[str] = timm.list_pretrained(f"{architecture}.*")
    return [name.partition(".")[2] for name in found]


def _published(name: str, weights: str) -> Any:
    architecture, _, own_tag = name.partition(".")
    tag = own_tag if weights in {"DEFAULT", "pretrained"} else weights
    tags = _tags(architecture)
    if not tags or (tag and tag not in tags):
        known = ", ".join(["DEFAULT", *tags]) if tags else "none"
        raise CheckpointError(f"timm/{name} has no weights {weights!r}{did_you_mean(weights, tags)}; it has {known}")
    return _config(f"{architecture}.{tag}" if tag else architecture)


def _from_hub(repository: str, file: str, offline: bool) -> Path | None:
    """Return a file of the hub, or None where it is not there, or offline not here."""
    try:
        return Path(hf_hub_download(repository, file, local_files_only=offline))
    except LocalEntryNotFoundError:
        if offline:
            return None
        raise
    except HfHubHTTPError as error:
        if error.response is not None and error.response.status_code == 404:
            return None
        raise
