"""The training of a design point: the study's, changed by its target and by its factor levels."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, TypeVar

from pydantic import ValidationError

from layercut.spec import PretrainingSpec, StudySpec, TrainingSpec
from layercut.spec.load import describe_errors

T = TypeVar("T", bound=TrainingSpec)


class Layer(NamedTuple):
    """Fields of a training that stand in one place of the study file."""

    place: str
    """Key path, for errors."""
    fields: Mapping[str, Any]


def target_training(spec: StudySpec, target_index: int, levels: Sequence[tuple[str, str]]) -> TrainingSpec:
    """Return the training of one target under some levels; what stands later wins, levels last.

    Raises:
        SpecError: unknown field, impossible value, or fields that do not go together.
    """
    return _merge(spec, _target_layers(spec, target_index, levels), TrainingSpec)


def target_place(spec: StudySpec, target_index: int, levels: Sequence[tuple[str, str]], field: str) -> str:
    """Return the key path that a field of the training of one target under some levels comes from."""
    saying = [layer.place for layer in _target_layers(spec, target_index, levels) if field in layer.fields]
    return f"{saying[-1] if saying else 'transfer.training'}.{field}"


def source_training(spec: StudySpec, source_index: int) -> PretrainingSpec:
    """Return the training of one source.

    Raises:
        SpecError: unknown field, impossible value, or fields that do not go together.
    """
    own = getattr(spec.source[source_index], "training", {})
    layers = [
        Layer("pretraining", spec.pretraining.model_dump(exclude_unset=True)),
        Layer(f"source[{source_index}].training", own),
    ]
    return _merge(spec, layers, PretrainingSpec)


def _target_layers(spec: StudySpec, target_index: int, levels: Sequence[tuple[str, str]]) -> list[Layer]:
    transfer = spec.transfer
    return [
        Layer("transfer.training", transfer.training.model_dump(exclude_unset=True)),
        Layer(f"target[{target_index}].training", spec.target[target_index].training),
        *(Layer(f"transfer.factors.{name}.{level}", transfer.factors[name][level]) for name, level in levels),
    ]


def _merge(spec: StudySpec, layers: Sequence[Layer], kind: type[T]) -> T:
    merged: dict[str, Any] = {}
    for layer in layers:
        merged |= layer.fields
    try:
        return kind.model_validate(merged)
    except ValidationError as error:
        raise spec.error(_guilty(layers, error, kind), describe_errors(error, kind)) from error


def _guilty(layers: Sequence[Layer], error: ValidationError, kind: type[TrainingSpec]) -> str:
    """Return the last place that says something about a field that is wrong, or about fields that clash."""
    names: set[str] = set()
    for problem in error.errors():
        words = set(re.findall(r"\w+", problem["msg"])) & set(kind.model_fields)
        names |= {str(problem["loc"][0])} if problem["loc"] else words
    saying = [layer.place for layer in layers if names & set(layer.fields)]
    return saying[-1] if saying else layers[-1].place
