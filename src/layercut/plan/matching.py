"""Give the images of source and target one shape, as the study file's `match` says."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias, TypeVar

from layercut.spec import StudySpec, TaskSpec

ImageShape: TypeAlias = tuple[int, int, int]
"""channels, height, width"""

Task = TypeVar("Task", bound=TaskSpec)


def matched_target(spec: StudySpec, index: int, shape_of: Callable[[TaskSpec, str], ImageShape]) -> TaskSpec:
    """Return a target with the keys that `match` adds; keys of its own come first.

    Raises:
        SpecError: it is to have the source's shape, and the sources have none or several.
    """
    target = spec.target[index]
    if spec.match is None or spec.match.to == "target":
        return target
    if spec.match.to is None:
        return _with_shape(spec, target, None)
    shapes = {
        shape_of(source, f"source[{place}]") for place, source in enumerate(spec.source) if isinstance(source, TaskSpec)
    }
    if len(shapes) != 1:
        found = "no source has a `dataset`" if not shapes else f"sources have {', '.join(map(str, sorted(shapes)))}"
        raise spec.error("match", f"expected sources of one shape; {found}: give `image_size` and `channels` instead")
    return _with_shape(spec, target, *shapes)


def matched_source(spec: StudySpec, source: Task, target_shape: ImageShape) -> Task:
    """Return a source with the keys that `match` adds; keys of its own come first."""
    if spec.match is None or spec.match.to == "source":
        return source
    return _with_shape(spec, source, target_shape if spec.match.to == "target" else None)


def keys_to_match(source: ImageShape, target: ImageShape) -> str:
    """Return what to write where source and target have different shapes, for an error message."""
    keys = [f"`channels: {target[0]}`"] if source[0] != target[0] else []
    keys += [f"`image_size: [{target[1]}, {target[2]}]`"] if source[1:] != target[1:] else []
    return f"set {' and '.join(keys)} on the source, others on the target, or `match: target` for the whole study"


def _with_shape(spec: StudySpec, task: Task, shape: ImageShape | None) -> Task:
    if spec.match is None:
        return task
    added: dict[str, Any] = spec.match.model_dump(exclude={"to"}, exclude_unset=True, exclude_none=True)
    if shape is not None:
        added |= {"channels": shape[0], "image_size": list(shape[1:])}
    own: Mapping[str, Any] = task.model_dump(exclude_unset=True)
    return type(task).model_validate({**added, **own})
