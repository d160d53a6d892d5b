"""One call that turns Python objects into a study."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from os import PathLike
from pathlib import Path
from typing import Any

from layercut.data.cache import default_cache_dir
from layercut.errors import SpecError, did_you_mean
from layercut.interactive.images import is_pair
from layercut.interactive.modules import GivenModel
from layercut.interactive.modules import model as given_model
from layercut.interactive.tasks import is_task, task
from layercut.models import MODELS
from layercut.models.families import PublishedFamily
from layercut.runner.given import GIVEN
from layercut.spec import StudySpec, TransferSpec
from layercut.spec.load import make_study


def study(*, model: Any, target: Any, source: Any = None, name: str | None = None, **settings: Any) -> StudySpec:
    """Return a study of what is at hand in Python; `layercut.run` runs it.

    Args:
        model: an `nn.Module`, which is cut on its graph; the name of a model, such as `timm/resnet18`; a function
            that takes `image_shape` and `num_classes` and returns one; or a mapping as in a study file.
        target: what it is transferred to: `(images, labels)` as arrays or tensors; a torch Dataset; a folder with one
            folder per class; the name of a dataset; or a mapping: `{"train": ..., "test": ...}` of pairs or
            Datasets, `{"images": ..., "labels": ..., "test_images": ..., "test_labels": ..., "class_names": ...}`,
            or as in a study file.
        source: where its weights come from: None for those that an `nn.Module` has, or that a library publishes;
            a weight file; `random`; the name of published weights; or, to pretrain it, whatever `target` may be.
        name: of the study and its output directory; by default the target's.
        settings: every other key of a study file, those of `transfer` too: `fractions=[0.1, 1.0]`,
            `strategies=["scratch", "freeze"]`, `training={"epochs": 20}`, `normalization="imagenet"`.

    Images are bytes in 0..255, or floats in 0..1, which become bytes: (n, channels, height, width), (n, height, width,
    channels), or (n, height, width). Arrays and modules are kept in the cache by content; a run keeps its own copy.

    Raises:
        SpecError: something is no study's.
        DataError: images or labels cannot be used.

    Example:
        >>> import numpy as np
        >>> from torch import nn
        >>> images = np.random.default_rng(0).integers(0, 256, (40, 8, 8), dtype=np.uint8)
        >>> net = nn.Sequential(nn.Flatten(), nn.Linear(64, 5), nn.ReLU(), nn.Linear(5, 2))
        >>> small = study(model=net, target=(images, [0, 1] * 20), fractions=[0.5], training={"epochs": 2})
        >>> small.transfer.training.epochs
        2
    """
    kept = default_cache_dir() / GIVEN
    models = [given_model(one, kept) for one in _each(model)]
    targets = [task(one, kept, "target") for one in _each(target)]
    values: dict[str, Any] = {
        "name": name or _name_of(targets[0]),
        "source": _sources(source, models, kept),
        "target": targets,
        "model": [one.values for one in models],
    }
    if "normalization" not in settings and source is None and models[0].normalization:
        values["normalization"] = models[0].normalization
    return make_study(values | _settings(settings))


def _each(value: Any) -> list[Any]:
    """Return the values of a list; a pair of arrays is one value."""
    return value if isinstance(value, list) and not is_pair(value) else [value]


def _sources(source: Any, models: Sequence[GivenModel], kept: Path) -> list[dict[str, Any]]:
    if source is None:
        return [_own_source(models)]
    return [_source(one, models, kept) for one in _each(source)]


def _own_source(models: Sequence[GivenModel]) -> dict[str, Any]:
    """Return the source that goes without saying.

    Raises:
        SpecError: none does.
    """
    weights = [one.weights for one in models if one.weights]
    if weights and len(models) == 1:
        return {"checkpoint": str(weights[0])}
    if weights:
        raise SpecError("source: expected one nn.Module a study, whose weights are its source; got several models")
    if all(_is_published(one.values) for one in models):
        return {"weights": "DEFAULT"}
    names = ", ".join(str(one.values.get("name", one.values.get("factory"))) for one in models)
    raise SpecError(
        f"source: expected where the weights of {names} come from: source='weights.pth', a dataset to pretrain it on "
        "(source='mnist'), or source='random'; got none"
    )


def _is_published(values: Mapping[str, Any]) -> bool:
    return "name" in values and "/" in str(values["name"]) and isinstance(MODELS[values["name"]], PublishedFamily)


def _source(value: Any, models: Sequence[GivenModel], kept: Path) -> dict[str, Any]:
    if isinstance(value, Mapping) and {"checkpoint", "weights", "random"} & set(value):
        return dict(value)
    if is_task(value) or not isinstance(value, str | PathLike):
        return task(value, kept, "source")
    if value == "random":
        return {"random": True}
    path = Path(value).expanduser()
    if path.is_file():
        return {"checkpoint": str(path)}
    if path.suffix or isinstance(value, PathLike):
        raise SpecError(f"source: no file {path}")
    if all(_is_published(one.values) for one in models):
        return {"weights": value}
    return task(value, kept, "source")


def _name_of(target: Mapping[str, Any]) -> str:
    told = Path(str(target["path"])).name if "path" in target else str(target["dataset"])
    return re.sub(r"[^\w.-]+", "-", told).strip("-.") or "study"


def _settings(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return the keys of a study, those of `transfer` where they belong.

    Raises:
        SpecError: there is no such key, or one is given twice.
    """
    found = {key: value for key, value in settings.items() if key in StudySpec.model_fields}
    within = {key: value for key, value in settings.items() if key in TransferSpec.model_fields}
    known = [*StudySpec.model_fields, *TransferSpec.model_fields]
    for key in settings:
        if key not in known:
            raise SpecError(f"{key}: no key of a study{did_you_mean(key, known)}; there are {', '.join(known)}")
    twice = sorted(set(within) & set(found.get("transfer", {})))
    if twice:
        raise SpecError(f"{twice[0]}: expected it once, here or in `transfer`; got both")
    if within:
        found["transfer"] = {**found.get("transfer", {}), **within}
    return found
