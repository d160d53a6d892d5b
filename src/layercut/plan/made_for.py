"""The images that published weights were made for, which a study uses unless it says otherwise.

Weights that a library publishes come with size, scaling and interpolation. A weight file for a library's model is
taken for weights like its default ones, unless layercut wrote it. Size and channels are those of the whole study:
weights that were made for different sizes need one that the study file states.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from layercut.checkpoints import is_own_checkpoint
from layercut.data.statistics import ChannelStatistics
from layercut.errors import CheckpointError, UnknownNameError
from layercut.models import MODELS
from layercut.models.base import ImageShape
from layercut.models.families import MadeFor, MadeForFamily
from layercut.spec import CheckpointSource, SourceSpec, StudySpec, TaskSpec, WeightsSource

_INTERPOLATIONS = ("nearest", "box", "bilinear", "bicubic", "lanczos")
_DEFAULT_INTERPOLATION = "bilinear"


def made_for(source: SourceSpec, model: str) -> MadeFor | None:
    """Return what images the weights of a source were made for; None if unknown."""
    if isinstance(source, WeightsSource):
        weights = source.weights
    elif isinstance(source, CheckpointSource) and not is_own_checkpoint(source.checkpoint):
        weights = "DEFAULT"
    else:
        return None
    try:
        family = MODELS[model]
        return family.made_for(weights) if isinstance(family, MadeForFamily) else None
    except (CheckpointError, UnknownNameError):  # said where the model or the weights are resolved
        return None


def with_made_for(spec: StudySpec, index: int, target: TaskSpec) -> TaskSpec:
    """Return a target with the size, channels and interpolation that the study's weights were made for.

    What the target or `match` says comes first.

    Raises:
        SpecError: the weights were made for different sizes, and the study does not say which one counts.
    """
    known = list(dict.fromkeys(found for source in spec.source for found in _of_models(spec, source)))
    if not known or spec.match is not None:
        return target
    told = target.options
    added: dict[str, Any] = {}
    if "image_size" not in told:
        sizes = list(dict.fromkeys(found.image_shape[1:] for found in known))
        if len(sizes) > 1:
            listed = ", ".join(f"{height} x {width}" for height, width in sizes)
            raise spec.error(
                f"target[{index}]",
                f"expected an `image_size`: the weights of this study were trained at different sizes ({listed})",
            )
        added["image_size"] = list(sizes[0])
    if "channels" not in told:
        added["channels"] = known[0].image_shape[0]
    ways = {found.interpolation for found in known} & set(_INTERPOLATIONS)
    if "interpolation" not in told and len(ways) == 1 and ways != {_DEFAULT_INTERPOLATION}:
        added["interpolation"] = ways.pop()
    own: dict[str, Any] = target.model_dump(exclude_unset=True)
    return type(target).model_validate({**own, **added})


def weights_scaling(spec: StudySpec, index: int, model: str, channels: int) -> ChannelStatistics | None:
    """Return what pixels are scaled by because weights were made for it; None where something else counts.

    A source that does not say, such as random weights, is scaled like the weights of the same model beside it: trials
    that keep nothing of a source are then the same for all.

    Raises:
        SpecError: the study asks for it, and there are no such weights.
    """
    if "normalization" in spec.model_fields_set and spec.normalization != "weights":
        return None
    own = made_for(spec.source[index], model)
    beside = {(found.mean, found.std) for source in spec.source if (found := made_for(source, model))}
    if own is None and len(beside) != 1:
        if spec.normalization == "weights":
            raise spec.error(
                "normalization",
                f"expected weights whose scaling is known; got source[{index}], "
                f"{spec.source[index].label}, for the model {model}: write numbers (`{{mean: ..., std: ...}}`) or "
                "`imagenet`",
            )
        return None
    mean, std = (own.mean, own.std) if own else beside.pop()
    return ChannelStatistics(_for_channels(mean, channels), _for_channels(std, channels))


def made_for_note(spec: StudySpec, index: int, model: str, shape: ImageShape, interpolation: str) -> list[str]:
    """Say what a source's weights were made for, and what they get in this study."""
    found = made_for(spec.source[index], model)
    if found is None:
        return _unknown_scaling(spec, index)
    wanted, given = _images(found.image_shape, found.interpolation), _images(shape, interpolation)
    scaling = f"normalised by mean {_listed(found.mean)} and deviation {_listed(found.std)}"
    is_scaled = weights_scaling(spec, index, model, shape[0]) is not None
    if (given, is_scaled) == (wanted, True):
        gets = "the same here"
    else:
        gets = f"here {given}, normalised {'likewise' if is_scaled else 'as `normalization` says'}"
    return [f"{spec.source[index].label} of {model}: made for {wanted}, {scaling}; {gets}"]


def _unknown_scaling(spec: StudySpec, index: int) -> list[str]:
    """Say that somebody else's weights may have been trained on pixels of another scale, where the study says none."""
    source = spec.source[index]
    if not isinstance(source, CheckpointSource) or "normalization" in spec.model_fields_set:
        return []
    if is_own_checkpoint(source.checkpoint):
        return []
    return [
        f"{source.label}: it is not known how its images were scaled in training; here pixels in 0..1 become "
        "(x - 0.5) / 0.5: if that is wrong, set `normalization: imagenet`, or mean and std"
    ]


def _images(shape: ImageShape, interpolation: str) -> str:
    return f"{shape[1]} x {shape[2]} pixels in {shape[0]} channel{'s' if shape[0] > 1 else ''} ({interpolation})"


def _of_models(spec: StudySpec, source: SourceSpec) -> list[MadeFor]:
    return [found for model in spec.model if (found := made_for(source, model.name))]


def _for_channels(values: Sequence[float], channels: int) -> tuple[float, ...]:
    """Return a value a channel, or one where all are equal; grey has the mean, as it stands for each colour."""
    if len(set(values)) == 1:
        return (values[0],)
    return tuple(values) if len(values) == channels else (sum(values) / len(values),)


def _listed(values: Sequence[float]) -> str:
    return ", ".join(f"{value:g}" for value in _for_channels(values, len(values)))
