"""Keys of what is run, and of design points that are equivalent.

Rule 6 of docs/architecture.md: with B blocks and a wholly new head, all strategies but `truncate` over all cuts are
5(B+1)+1 design points and 4B distinct ones. Each strategy names its own equivalences (`Strategy.canonical`);
tests train both sides of each and compare bits.
"""

from __future__ import annotations

import dataclasses
import hashlib
from typing import Any, cast

from layercut.keys import content_key
from layercut.plan.jobs import Condition, ModelRef, TaskRef
from layercut.spec.points import LAST
from layercut.training.augment import Step
from layercut.training.config import TrainingConfig
from layercut.training.own_transform import OwnTransform

CUTTING_VERSION = 3
"""Raised where models that are cut on their graph get other cuts."""

SOLVING_VERSION = 2
"""Raised where heads are solved to other values."""


def source_key(
    kind: str, identity: Any, model: ModelRef, config: TrainingConfig | None, study_seed: int, num_threads: int
) -> str:
    """Return the key of a source's checkpoint.

    `identity` is what the values come from: task and split for training, the file's hash for weights on disk.
    Weights from a file depend on neither training nor seed.
    """
    trained = {} if config is None else {"fitting": _training(config), "seed": study_seed, "threads": num_threads}
    return content_key("source", {"kind": kind, "identity": identity, "model": model_identity(model), **trained})


def checkpoint_key(source: str, point: str) -> str:
    """Return the key of a source's checkpoint; that of the last one is the source's own."""
    return source if point == LAST else content_key("checkpoint", [source, point])


def condition_key(condition: Condition) -> str:
    """Return the key of a condition whose strategy and cut are canonical.

    Where replicates are trained as one model, it depends on how many there are, as the bits of each do. Where each is
    trained by itself they do not depend on the number of replicates, nor does the key. As long as the learning rate is
    open, the key is that of what it is chosen for and from: nothing is trained under it.
    """
    groups = (condition.num_replicates, condition.group) if condition.group else None
    stacked = {} if groups is None else {"groups": groups}
    identity = _identity(condition)
    if condition.rates:
        return content_key("open", {**_without_rate(identity), "rates": condition.rates, **stacked})
    return content_key("condition", {**identity, **stacked})


def search_key(condition: Condition) -> str:
    """Return the key of all that a condition says but its learning rate, as its pilots train it."""
    return content_key("search", _without_rate(_identity(condition)))


def pilot_key(search: str, rate: float, replicate: int) -> str:
    """Return the key of one pilot of a search."""
    return hashlib.sha256(f"pilot {search} {rate.hex()} {replicate}".encode()).hexdigest()[:32]


def row_key(condition: Condition) -> str:
    """Return the key of what the open conditions have in common that differ in nothing but the cut."""
    design = condition.strategy, condition.fraction
    return content_key("row", {**_without_rate(_identity(condition)), "design": design, "rates": condition.rates})


def _identity(condition: Condition) -> dict[str, Any]:
    folds = condition.validation == "folds"
    return {
        "source": condition.source,
        "task": task_identity(condition.task),
        "model": model_identity(condition.model),
        "design": (condition.strategy, condition.cut, condition.fraction),
        "fitting": _training(condition.training),
        "splits": (condition.validation, condition.num_folds if folds else condition.val_split),
        "keep_hidden": condition.keep_hidden,
        "seed": condition.study_seed,
        **({"options": condition.options} if condition.options else {}),
        **({"solving": SOLVING_VERSION} if condition.head != "trained" else {}),
    }


def _without_rate(identity: dict[str, Any]) -> dict[str, Any]:
    training = cast(dict[str, Any], identity["fitting"])
    return {**identity, "fitting": {name: value for name, value in training.items() if name != "lr"}}


def trial_key(condition: str, replicate: int) -> str:
    """Return the key of one replicate of a condition.

    Not through `content_key`: a plan of a million trials makes a million of these.
    """
    return hashlib.sha256(f"trial {condition} {replicate}".encode()).hexdigest()[:32]


def probe_key(probing: str, replicate: int, layer: str) -> str:
    """Return the key of one score of a probing."""
    return hashlib.sha256(f"probe {probing} {replicate} {layer}".encode()).hexdigest()[:32]


def task_identity(task: TaskRef) -> dict[str, Any]:
    """Return what makes two tasks the same: images, labels and classes, not names."""
    return {"fingerprint": task.fingerprint, "classes": task.classes}


def model_identity(model: ModelRef) -> dict[str, Any]:
    """Return what makes two models the same, names of files and labels aside."""
    options = {name: value for name, value in model.options.items() if name != "folder"}  # its content counts
    cutting = {"cutting": CUTTING_VERSION} if model.traced else {}
    return {"name": model.name, "options": options, "image_shape": model.image_shape, **cutting}


def _training(config: TrainingConfig) -> dict[str, Any]:
    """Return the fields that change numbers: a report of the same predictions does not, nor do more checkpoints.

    A field that has its default value is left out: records from before there was such a field keep their keys.
    How epochs are validated changes no decision, but the curve, which is part of a record.
    """
    fields = {field.name: (getattr(config, field.name), field.default) for field in dataclasses.fields(config)}
    ignored = {"classification_report", "checkpoints"}
    told = {
        name: value
        for name, (value, default) in fields.items()
        if name not in ignored and (value != default or name == "precision")
    }
    if config.augmentation:
        told["augmentation"] = tuple(map(_step, config.augmentation))
    return told


def _step(step: Step) -> Any:
    """Return what makes two augmentations the same: of one's own, the code and not where it lies."""
    return [step.function, step.sha256] if isinstance(step, OwnTransform) else step
