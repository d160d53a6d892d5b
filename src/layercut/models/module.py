"""An `nn.Module` given as an object: kept in a folder, rebuilt from its description.

    FOLDER/layers.json            the layers by class (`models/described.py`), or why they have no names
    FOLDER/buffers.safetensors    values that are no parameters
    FOLDER/NAME.safetensors       the weights, under the model's own names: a source like any file

What cannot be said in words lives on in the process that has it, and is known there by its outline.
"""

from __future__ import annotations

import copy
import hashlib
import inspect
import json
import sysconfig
from collections.abc import Mapping
from functools import lru_cache
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple

import safetensors
import torch
from pydantic import Field, model_validator
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from layercut.checkpoints import tensors_hash
from layercut.errors import SpecError, few, one_line
from layercut.files import folder_written_whole, needing_space
from layercut.keys import canonical_json
from layercut.models.base import ImageShape
from layercut.models.described import Described, NotDescribable, describe
from layercut.models.ending import before_classifier, dense_layer
from layercut.models.fresh_values import draw, not_drawn
from layercut.models.graph import trace
from layercut.models.own_code import Code, import_function, locate
from layercut.models.rebuilt import rebuild
from layercut.models.traced_family import TracedFamily
from layercut.registry import import_object
from layercut.spec.base import StrictSpec

_LAYERS, _BUFFERS = "layers.json", "buffers.safetensors"
_VERSIONED = ("torch", "torchvision", "timm")
"""Libraries whose version every record names; the code of all others is hashed, like a factory's."""
_MOST = 4

_here: dict[str, nn.Module] = {}
"""Models that exist in this process alone, by identity."""


class ModuleOptions(StrictSpec):
    """Options of `module`, which `layercut.study` writes."""

    folder: Path = Field(description="Where `layercut.study(model=...)` has kept the model.")
    blocks: list[str] | None = Field(
        default=None,
        min_length=1,
        description="Names of layers, each the end of a block, in order; null: a block begins wherever one can.",
    )
    code: str | None = Field(default=None, description="SHA-256 of the model's layers, which layercut fills in.")

    @model_validator(mode="before")
    @classmethod
    def _find_the_code(cls, values: Any) -> Any:
        if not isinstance(values, dict) or values.get("code") is not None or not values.get("folder"):
            return values
        try:
            return values | {"code": _identity_of(Path(values["folder"]).expanduser())}
        except SpecError as error:
            raise ValueError(str(error)) from error


class KeptModule(NamedTuple):
    """Where a model is kept."""

    folder: Path
    weights: Path
    only_here: str | None
    """Why it cannot be built in another process; None where it can."""


class Module(TracedFamily[ModuleOptions]):
    """Models given as instances; blocks have the names of their layers."""

    options = ModuleOptions

    def make(self, options: ModuleOptions, image_shape: ImageShape, num_classes: int) -> nn.Module:
        """Return a copy with initial values and a classifier of so many classes."""
        model, classifier = _template(options.folder, str(options.code))
        model = copy.deepcopy(model)
        draw(model)
        old = dense_layer(model, classifier)
        new = nn.Linear(old.in_features, num_classes, bias=old.bias is not None)
        for layer in model.modules():
            for name, child in layer.named_children():
                if child is old:
                    setattr(layer, name, new)
        return model.train()

    def called(self, options: ModuleOptions) -> str:
        """Return the name of its class."""
        return options.folder.name

    def block_ends(self, options: ModuleOptions) -> list[str] | None:
        """Return what the user named."""
        return options.blocks

    def code_of(self, options: Mapping[str, Any]) -> str:
        """Return which classes are used."""
        return f"the classes of the layers in {options.get('folder')}"

    def bound_to_process(self, options: Mapping[str, Any]) -> str | None:
        """Return why a model exists in this process alone; None where others can build it."""
        return _told(Path(str(options["folder"]))).get("only_here")


def keep_module(model: nn.Module, parent: Path) -> KeptModule:
    """Write a model into a folder of `parent` that is named by its content; the model is left as it is.

    Raises:
        SpecError: it is not defined how a parameter begins, or the model cannot be cut.
        StorageFullError: the disk is full.
    """
    label = type(model).__name__
    whole = copy.deepcopy(model).cpu().float().eval()
    classifier = before_classifier(trace(whole, training=False), whole).classifier
    weights = {name: value.detach().clone().contiguous() for name, value in whole.state_dict().items()}
    _require_drawn(whole)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        draw(whole)  # statistics of a trained batch norm are weights, not part of what the model is
    told, tensors = _in_words(whole)
    told |= {"classifier": classifier}
    identity = _identity(told, tensors)
    if told.get("only_here"):
        _here[identity] = whole
    folder = parent / f"{identity[:16]}-{tensors_hash(weights)[:16]}" / label
    file = folder / f"{label}.safetensors"
    if not file.is_file():
        with needing_space(f"cannot write {folder}"), folder_written_whole(folder) as unfinished:
            (unfinished / _LAYERS).write_text(json.dumps(told), encoding="utf-8")
            save_file({name: value.contiguous() for name, value in tensors.items()}, unfinished / _BUFFERS)
            save_file(weights, unfinished / file.name)
    return KeptModule(folder, file, told.get("only_here"))


def _require_drawn(model: nn.Module) -> None:
    label = type(model).__name__
    try:
        without = not_drawn(model)
    except Exception as error:  # whatever the user's code raises
        raise SpecError(f"{label}: `reset_parameters` fails: {type(error).__name__}: {one_line(error)}") from error
    if without:
        raise SpecError(
            f"{label}: it is not defined how {few(without, _MOST)} begin{'' if len(without) > 1 else 's'} in training "
            "from scratch: give the layer a `reset_parameters`, pass the function that makes the model in place of the "
            "model (model=make_model, source='weights.pth'), or name a library's model (model='timm/NAME', "
            "source='DEFAULT')"
        )


def _in_words(model: nn.Module) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """Return a model as JSON values and tensors; where it has no words, its outline and why."""
    try:
        found = describe(model)
        codes = {module: _code_of(module) for module in sorted({name.partition(":")[0] for name in found.names})}
    except (NotDescribable, SpecError) as reason:
        return {"only_here": str(reason), "outline": _outline(model)}, {}
    return {
        "layers": found.layers,
        "code": {module: code.sha256 for module, code in codes.items() if code},
        "folders": {module: str(code.folder) for module, code in codes.items() if code and code.folder},
    }, found.tensors


def _code_of(module: str) -> Code | None:
    """Return where a module is and its content; None where a record names its version, or Python has it."""
    if module.partition(".")[0] in _VERSIONED or not hasattr(import_module(module), "__file__"):
        return None
    found = locate(f"{module}:_", None, "model")
    origin = import_module(module).__file__
    if found.folder is not None or origin is None or _is_installed(Path(origin)):
        return found
    return locate(f"{module}:_", _root(Path(origin), module), "model")  # later sessions may look elsewhere


def _is_installed(file: Path) -> bool:
    places = [Path(path) for path in sysconfig.get_paths().values()]
    return any(file.resolve().is_relative_to(place.resolve()) for place in places)


def _root(file: Path, module: str) -> Path:
    """Return the folder that must be on the path so that a module's file is found."""
    depth = len(module.split(".")) + (file.name == "__init__.py")
    return file.parents[depth - 1]


def _outline(model: nn.Module) -> str:
    """Return a hash that equal models made in two sessions share: layers, shapes and the code of their classes."""
    parts: list[Any] = [[path, type(layer).__qualname__, layer.extra_repr()] for path, layer in model.named_modules()]
    parts += [[name, list(value.shape)] for name, value in model.state_dict().items()]
    for kind in sorted({type(layer) for layer in model.modules()}, key=lambda one: f"{one.__module__}:{one}"):
        try:
            parts.append(inspect.getsource(kind))
        except (OSError, TypeError):  # typed into an interpreter that forgets it
            parts.append(kind.__qualname__)
    return hashlib.sha256(canonical_json(parts).encode()).hexdigest()


def _identity(told: Mapping[str, Any], tensors: Mapping[str, Tensor]) -> str:
    """Return what makes two models the same, wherever their code lies."""
    content = {key: value for key, value in told.items() if key not in ("folders", "only_here")}
    return hashlib.sha256(f"{canonical_json(content)} {tensors_hash(tensors)}".encode()).hexdigest()


def _identity_of(folder: Path) -> str:
    return _identity(_told(folder), _tensors(folder))


def _told(folder: Path) -> dict[str, Any]:
    try:
        found: dict[str, Any] = json.loads((folder / _LAYERS).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise SpecError(
            f"expected the folder of a model with a {_LAYERS}, as `layercut.study(model=...)` writes it; {folder} has "
            f"none: {one_line(error)}"
        ) from error
    return found


def _tensors(folder: Path) -> dict[str, Tensor]:
    try:
        return load_file(folder / _BUFFERS)
    except (OSError, safetensors.SafetensorError) as error:
        raise SpecError(f"cannot read {folder / _BUFFERS}: {one_line(error)}; give the model again") from error


@lru_cache(maxsize=16)
def _template(folder: Path, identity: str) -> tuple[nn.Module, str]:
    """Return a kept model, its values meaningless, and the path of its classifier."""
    told, tensors = _told(folder), _tensors(folder)
    if _identity(told, tensors) != identity:
        raise SpecError(f"{folder} changed after the study was planned; run the command again")
    classifier = str(told["classifier"])
    if "only_here" in told:
        if identity not in _here:
            raise SpecError(
                f"the model {folder.name} exists only in the Python session that made it ({told['only_here']}): "
                "call `layercut.study(model=...)` there again and run that, or put its classes into a file beside the "
                "notebook, import them from there, and every process can build it"
            )
        return _here[identity], classifier

    def imported(name: str) -> Any:
        module = name.partition(":")[0]
        if module not in told["code"]:
            return import_object(name)
        own = told["folders"].get(module)
        return import_function(name, Code(Path(own) if own else None, told["code"][module]), "model")

    return rebuild(Described(told["layers"], tensors, ()), imported), classifier


MODULE = Module()
