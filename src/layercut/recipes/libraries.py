"""How a recipe makes a model, of a library or by a function of the user's own, and finds its weights."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from layercut.errors import UserError
from layercut.models.base import ImageShape
from layercut.models.foreign import ForeignOptions

OWN = "own"
"""Stands for the name of a library where a function of the user's own makes the model."""


class Made(NamedTuple):
    """A model as its library makes it, in lines of code."""

    name: str
    """What stands in `ARCHITECTURE`."""
    given: str
    """Arguments besides, the same for a model with published weights and for a new one."""
    loading: str | None
    """An expression for the published weights, where they are loaded after the model is made; None: with it."""


class LibraryCode(NamedTuple):
    """What differs between libraries."""

    imports: tuple[str, ...]
    make: str
    """A call that takes a name, {weights} and {given}."""
    none: str
    """What {weights} is for new values."""
    published: str
    """The same for published ones."""
    read: Callable[[str], str]
    """From the path of a weight file to an expression that reads it."""
    made: Callable[[str, str | None, ImageShape, int], Made]
    """From a model's name, that of published weights, the shape of the images and the number of classes."""


def _of_timm(name: str, weights: str | None, image_shape: ImageShape, num_classes: int) -> Made:
    import timm  # noqa: PLC0415 - slow to import

    channels, height, width = image_shape
    given = f"num_classes={num_classes}, in_chans={channels}"
    config = timm.get_pretrained_cfg(name)
    if config and config.fixed_input_size:
        given += f", img_size=({height}, {width})"
    tagged = weights not in (None, "DEFAULT", "pretrained") and "." not in name
    return Made(f"{name}.{weights}" if tagged else name, given, None)


def _of_torchvision(name: str, weights: str | None, image_shape: ImageShape, num_classes: int) -> Made:
    if image_shape[0] != 3:
        raise UserError(
            f"there is no recipe for torchvision/{name} on images of {image_shape[0]} channels: torchvision makes it "
            "for 3; take a model of timm, or export the model (`layercut export-model`)"
        )
    if name.startswith(("vit_", "maxvit")) and image_shape[1:] != (224, 224):
        raise UserError(
            f"there is no recipe for torchvision/{name} on images of {image_shape[1]} x {image_shape[2]} pixels: its "
            "weights are for 224 x 224, and torchvision does not fit them; take a model of timm, or export the model"
        )
    given = f"num_classes={num_classes}"
    if name in ("googlenet", "inception_v3"):
        given += ", aux_logits=False, init_weights=True, transform_input=True"
    asked = None if weights is None else "DEFAULT" if weights == "pretrained" else weights.rpartition(".")[2]
    loading = f"torchvision.models.get_model(ARCHITECTURE, weights={asked!r}).state_dict()"
    return Made(name, given, None if asked is None else loading)


def _read_file(path: str) -> str:
    is_safe = path.endswith(".safetensors")
    return (
        f"safetensors.torch.load_file({path!r})"
        if is_safe
        else f'torch.load({path!r}, map_location="cpu", weights_only=True)'
    )


def own_function(options: ForeignOptions) -> LibraryCode:
    """Return how a recipe calls a function of the user's own."""
    module, function = options.factory.split(":")
    found_in = () if options.folder is None else ("import sys", "", f"sys.path.insert(0, {str(options.folder)!r})")

    def made(name: str, weights: str | None, image_shape: ImageShape, num_classes: int) -> Made:
        given = {"image_shape": tuple(image_shape), "num_classes": num_classes, **options.options}
        return Made(name, ", ".join(f"{key}={value!r}" for key, value in given.items()), None)

    return LibraryCode(
        (*found_in, f"from {module} import {function}", "import safetensors.torch"),
        f"{function}({{given}})",
        "",
        "",
        lambda path: f"{_read_file(path)}  # under your model's names",
        made,
    )


LIBRARIES = {
    "timm": LibraryCode(
        ("import timm",),
        "timm.create_model({name}, pretrained={weights}, {given})",
        "False",
        "True",
        "timm.models.load_state_dict({!r})  # under timm's names".format,
        _of_timm,
    ),
    "torchvision": LibraryCode(
        ("import safetensors.torch",),
        "torchvision.models.get_model({name}, weights={weights}, {given})",
        "None",
        "None",
        lambda path: f"{_read_file(path)}  # under torchvision's names",
        _of_torchvision,
    ),
}
"""By the name of the library, as in `timm/resnet18`."""
