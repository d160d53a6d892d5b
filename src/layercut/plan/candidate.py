"""A model with weights as named on the command line, and how a study file would describe it and its images."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from layercut.data import DATASETS
from layercut.data.folder_table import is_table
from layercut.errors import UnknownNameError, UserError
from layercut.models import MODELS
from layercut.models.families import PublishedFamily

_SUFFIXES = (".pth", ".pt", ".bin", ".safetensors")


@dataclass(frozen=True)
class Candidate:
    """A model with weights, as named on the command line."""

    model: str
    """Its name in a study file, or `package.module:function`."""
    weights: str
    """A file, `random`, or the name of published weights."""
    typed: str = field(default="", compare=False, repr=False)
    """What the user wrote, for errors."""

    @property
    def source(self) -> dict[str, Any]:
        """Return what a study file says under `source`."""
        return _source(self.weights)


def parse_candidate(text: str, model: str) -> Candidate:
    """Read `WEIGHTS`, `MODEL` or `MODEL=WEIGHTS`; `model` is meant where none is named.

    Raises:
        UserError: a text alone is neither weights nor a model that has some.

    Example:
        >>> parse_candidate("torchvision/resnet18=random", "plain_cnn")
        Candidate(model='torchvision/resnet18', weights='random')
        >>> parse_candidate("timm/resnet18", "plain_cnn").weights
        'DEFAULT'
    """
    if "=" in text and not Path(text).is_file():
        name, _, weights = text.partition("=")
        return Candidate(name, weights, text)
    if text == "random" or _is_file(text):
        return Candidate(model, text, text)
    if text.partition("/")[0] in MODELS.collections():
        return Candidate(text, "DEFAULT", text)
    if text in MODELS or ":" in text:
        raise UserError(f"{text}: no weights are published for this model; name them: {text}=FILE or {text}=random")
    if ":" in model or not isinstance(MODELS[model], PublishedFamily):
        raise UserError(f"{text}: expected a weight file, `random` or a model; there is no such file, {_not_one(text)}")
    return Candidate(model, text, text)


def _not_one(name: str) -> str:
    try:
        MODELS[name]
    except UnknownNameError as error:
        return f"and {error}"
    return "and no weights of that name"


def study_content(
    candidate: Candidate, data: str, classes: Sequence[int | str] | None, overrides: Sequence[str]
) -> dict[str, Any]:
    """Return what a study file would say of one model and its images: `source`, `target`, `model`, `normalization`.

    `overrides` are not applied, only looked at.

    Raises:
        UserError: something given cannot be used.
    """
    is_own = ":" in candidate.model
    family = MODELS["foreign" if is_own else candidate.model]  # raises with the nearest name
    source = _source(candidate.weights)
    made_for = None if "weights" in source else getattr(family, "default_shape", None)
    target = _target(data, classes, made_for, overrides)
    named = {"name": "foreign", "factory": candidate.model} if is_own else {"name": candidate.model}
    content: dict[str, Any] = {"source": source, "target": target, "model": named}
    unscaled = "random" in source and not any(one.startswith("normalization") for one in overrides)
    if "/" in candidate.model and unscaled:
        content["normalization"] = "imagenet"
    return content


def typed_for(candidate: Candidate, data: str, classes: Sequence[int | str] | None = None) -> dict[str, str]:
    """Return key paths of a study and what the user typed for them, for errors."""
    typed = candidate.typed or f"{candidate.model}={candidate.weights}"
    said = {"source": typed, "target": f"--data {data}"}
    said["model"] = f"--model {candidate.model}" if typed == candidate.weights else typed
    if classes:
        said["target"] += f" --classes {','.join(map(str, classes))}"
    return said


def _source(weights: str) -> dict[str, Any]:
    if weights == "random":
        return {"random": True}
    return {"checkpoint": weights} if _is_file(weights) else {"weights": weights}


def _is_file(weights: str) -> bool:
    """Names of published weights and of models of a library may have dots and slashes, too."""
    return Path(weights).suffix in _SUFFIXES or Path(weights).expanduser().exists()


def _target(
    data: str,
    classes: Sequence[int | str] | None,
    made_for: tuple[int, int, int] | None,
    overrides: Sequence[str],
) -> dict[str, Any]:
    folder = Path(data).expanduser()
    is_folder = data not in DATASETS and (folder.is_dir() or (is_table(folder) and folder.is_file()))
    if not is_folder:
        _require_dataset(data, folder)
    target: dict[str, Any] = {"dataset": "folder", "path": str(folder)} if is_folder else {"dataset": data}
    if classes:
        if len(set(classes)) < max(len(classes), 2):
            given = ",".join(map(str, classes))
            raise UserError(f"--classes {given}: expected two or more classes, each once, such as 5,6,7")
        target["classes"] = list(classes)
    if is_folder and made_for is not None and not any(one.startswith("target.image_size") for one in overrides):
        target["image_size"] = list(made_for[1:])
    return target


def _require_dataset(data: str, folder: Path) -> None:
    try:
        DATASETS[data]
    except UnknownNameError as error:
        found = "is no folder and no table (.csv, .parquet)" if folder.exists() else f"there is no folder {folder}"
        raise UserError(f"--data {data}: {found}, and {error}") from error
