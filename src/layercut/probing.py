"""Scores of models for a task without a study: which of these, and which cut, for my images?"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd

from layercut.data import DATASETS
from layercut.data.cache import default_cache_dir, default_data_dir
from layercut.errors import UnknownNameError, UserError
from layercut.models import MODELS
from layercut.models.base import PublishedFamily
from layercut.plan.preflight import plan_with_data
from layercut.plan.probes import asked_probes, describe_probes
from layercut.probes import PROBES
from layercut.records import FailureRecord, ProbeRecord
from layercut.spec import StudySpec
from layercut.spec.load import make_study
from layercut.stages.context import Context
from layercut.stages.probe import run_probe
from layercut.stages.source import run_source
from layercut.stats.tables import probe_table
from layercut.training.device import resolve_device

MOST_UNITS = 8192
"""What is learned from 500 images does not need more numbers of each, and the first maps of a ResNet have 200,704."""

_SUFFIXES = (".pth", ".pt", ".bin", ".safetensors")

_DEFAULT = ("logistic_regression", "nearest_centroid", "knn", "logme", "h_score")
"""Three name the class of images held out, two are what was published for choosing models; all look at every cut."""
_SLOW = ("channel_clustering", "kmeans_clustering")
"""Each takes longer than all others together."""


class Probed(NamedTuple):
    """What probes say of some models."""

    table: pd.DataFrame
    """As `load_probes` gives it."""
    failures: list[FailureRecord]


def default_probes() -> list[str]:
    """Return a few probes that say the most of a cut."""
    return list(_DEFAULT)


def every_probe() -> list[str]:
    """Return all probes that need no other model and are quick."""
    return [name for name in PROBES if PROBES[name].kind != "pair" and name not in _SLOW]


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


def probe_spec(
    candidate: Candidate,
    data: str,
    classes: Sequence[int | str] | None,
    probes: Sequence[str] | None,
    sample: int,
    overrides: Sequence[str] = (),
) -> StudySpec:
    """Return the study whose probes answer for one model; its trials are never run.

    Models of a library get images as their weights were made for, without weights the image size that the model was
    made for and the pixels of ImageNet, where nothing else is said.

    Args:
        candidate: a model and its weights.
        data: a dataset's name, or a folder of images.

    Raises:
        UserError: something given cannot be used.
    """
    content = study_content(candidate, data, classes, overrides) | {
        "name": "probe",
        "transfer": {"strategies": ["freeze_truncate"], "cuts": [0], "replicates": 1},
        "probes": [{"name": name, "sample": sample, "replicates": 1} for name in probes or default_probes()],
    }
    return make_study(content, overrides, _said(candidate, data, classes, probes, sample))


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


def typed_for(candidate: Candidate, data: str) -> dict[str, str]:
    """Return key paths of a study and what the user typed for them, for errors."""
    return _said(candidate, data, None, None, 0)


def _said(
    candidate: Candidate, data: str, classes: Sequence[int | str] | None, probes: Sequence[str] | None, sample: int
) -> dict[str, str]:
    """Return key paths of the study and what the user typed for them."""
    typed = candidate.typed or f"{candidate.model}={candidate.weights}"
    said = {"source": typed, "target": f"--data {data}"}
    said["model"] = f"--model {candidate.model}" if typed == candidate.weights else typed
    if classes:
        said["target"] += f" --classes {','.join(map(str, classes))}"
    for index, name in enumerate(probes or []):
        said |= {f"probes[{index}]": f"--probes {name}", f"probes[{index}].sample": f"--sample {sample}"}
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
    is_folder = data not in DATASETS and folder.is_dir()
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
        found = "is a file, not a folder" if folder.exists() else f"there is no folder {folder}"
        raise UserError(f"--data {data}: {found}, and {error}") from error


def probe_models(specs: Sequence[StudySpec], *, device: str = "auto", data_dir: str | Path | None = None) -> Probed:
    """Compute the probes of each study on all of its models, in this process; nothing is kept.

    Features of more than `MOST_UNITS` numbers an image are averaged over neighbouring places until they fit.

    Raises:
        UserError: something in a study or its data cannot be used.
    """
    place = resolve_device(device)
    scores: list[ProbeRecord] = []
    failures: list[FailureRecord] = []
    about: dict[str, Any] = {}
    for spec in specs:
        checked = plan_with_data(
            spec, Path(data_dir or default_data_dir()).expanduser(), default_cache_dir(), "float32"
        )
        about |= describe_probes(asked_probes(spec))
        with tempfile.TemporaryDirectory() as folder:
            context = Context(Path(folder), place.type, checked.datasets, "", reraise=True)
            used = {key for job in checked.plan.probes for key in (job.source, job.reference)}
            for source in (job for job in checked.plan.sources if job.key in used):
                list(run_source(source, context))
            for job in checked.plan.probes:
                for record in run_probe(replace(job, most_units=MOST_UNITS), context):
                    (failures if isinstance(record, FailureRecord) else scores).append(record)  # type: ignore[arg-type]
    if not scores:
        why = failures[0].message if failures else "no probe has anything to look at"
        raise UserError(f"no probe has a value: {why}")
    if len({record.model for record in scores}) > 1:
        scores = [replace(record, source=f"{record.model}: {record.source}") for record in scores]
    return Probed(probe_table(scores, about), failures)
