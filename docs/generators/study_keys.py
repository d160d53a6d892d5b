"""Every key of a study file, from the models that check it."""

from __future__ import annotations

import types
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import yaml
from docs.generators.markdown import table
from pydantic import BaseModel, BeforeValidator
from pydantic.fields import FieldInfo

from layercut.spec import StudySpec
from layercut.spec.base import OpenSpec

_PLAIN = {
    int: "integer",
    float: "number",
    str: "text",
    bool: "true or false",
    Path: "path",
    Any: "anything",
    type(None): "null",
}
_BOUNDS = (("gt", "above"), ("ge", "at least"), ("lt", "below"), ("le", "at most"))


def page(docs: Path) -> str:
    """Return the page."""
    models = list(_models(StudySpec))
    parts = [
        "# Every key of a study file",
        "Written by the models in `layercut.spec` that check study files. [Study files](../study-file.md) shows them "
        "in use; options of datasets, models and probes are in the [catalogue](catalogue.md).",
    ]
    for model in models:
        parts += [f"## {title(model)}", (model.__doc__ or "").strip(), _table(model)]
        if issubclass(model, OpenSpec):
            parts.append("Further keys are options of what is named: see the [catalogue](catalogue.md).")
    return "\n\n".join(parts) + "\n"


def title(model: type[BaseModel]) -> str:
    """Return the heading of a model: its name in words."""
    name = model.__name__.removesuffix("Spec")
    words = "".join(f" {c.lower()}" if c.isupper() else c for c in name).strip()
    return words.capitalize()


def described(annotation: Any, metadata: tuple[Any, ...] | list[Any] = ()) -> str:
    """Return a type in words, models as links to their section."""
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return described(arguments[0], list(arguments[1:]))
    bounds = [f"{word} {getattr(m, name):g}" for m in _flat(metadata) for name, word in _BOUNDS if _has(m, name)]
    text = _described(annotation, origin, arguments)
    if origin is list and any(isinstance(m, BeforeValidator) for m in metadata):
        one = described(arguments[0])
        text = f"{one}, or a list of them"
    return f"{text}, {' and '.join(bounds)}" if bounds else text


def _described(annotation: Any, origin: Any, arguments: tuple[Any, ...]) -> str:
    if annotation in _PLAIN:
        return _PLAIN[annotation]
    if origin is Literal:
        return " or ".join(f"`{_yaml(value)}`" for value in arguments)
    if origin in (Union, types.UnionType):
        parts = list(dict.fromkeys(described(argument) for argument in arguments))
        return (", or " if any(" " in part for part in parts[:-1]) else " or ").join(parts)
    if origin in (list, dict):
        parts = [described(argument) for argument in arguments]
        return f"list, each {parts[0]}" if origin is list else f"mapping of {parts[0]} to {parts[1]}"
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return f"[{title(annotation).lower()}](#{title(annotation).lower().replace(' ', '-')})"
    return f"`{getattr(annotation, '__name__', annotation)}`"


def _table(model: type[BaseModel]) -> str:
    rows = [
        (f"`{name}`", described(field.annotation, field.metadata), default_of(field), field.description or "")
        for name, field in model.model_fields.items()
    ]
    return table(("key", "value", "default", "meaning"), rows)


def default_of(field: FieldInfo) -> str:
    """Return the default of a field as YAML, or that there is none."""
    if field.is_required():
        return "required"
    value = field.get_default(call_default_factory=True)
    return "as in its section" if isinstance(value, BaseModel) else f"`{_yaml(value)}`"


def _yaml(value: Any) -> str:
    if isinstance(value, BaseModel):
        value = value.model_dump(exclude_unset=True)
    text = yaml.safe_dump(value, default_flow_style=True, width=10_000, sort_keys=False)
    return text.removesuffix("\n").removesuffix("...").strip()


def _models(model: type[BaseModel]) -> Iterator[type[BaseModel]]:
    """Yield a model and those below it, each once, in the order of a study file."""
    seen: dict[type[BaseModel], None] = {}

    def visit(annotation: Any) -> None:
        if isinstance(annotation, type) and issubclass(annotation, BaseModel) and annotation not in seen:
            seen[annotation] = None
            for field in annotation.model_fields.values():
                visit(field.annotation)
        for argument in get_args(annotation):
            visit(argument)

    visit(model)
    yield from seen


def _flat(metadata: Any) -> Iterator[Any]:
    for entry in metadata:
        if isinstance(entry, FieldInfo):
            yield from entry.metadata
        else:
            yield entry


def _has(constraint: Any, name: str) -> bool:
    return isinstance(getattr(constraint, name, None), int | float)
