"""How pixels become inputs: mean and deviation from the study file, or from the images of a task.

With `source`, source and trials both scale by the source's images, as someone does who takes over a trained network
with its preprocessing. With `target` each scales by its own: a source that is trained does not know the target.
"""

from __future__ import annotations

from layercut.data.statistics import ChannelStatistics
from layercut.keys import content_key
from layercut.spec import CheckpointSource, NormalizationSpec, RandomSource, StudySpec, WeightsSource

IMAGENET = NormalizationSpec(mean=[0.485, 0.456, 0.406], std=[0.229, 0.224, 0.225])
"""Of torchvision's and most other published weights."""


def numbers(spec: StudySpec) -> NormalizationSpec:
    """Return the numbers of the study file; where a task's images give them, the default that they replace."""
    if isinstance(spec.normalization, NormalizationSpec):
        return spec.normalization
    return IMAGENET if spec.normalization == "imagenet" else NormalizationSpec()


def from_images(spec: StudySpec) -> bool:
    """Return whether a task's images give mean and deviation."""
    return spec.normalization in ("source", "target")


def check_numbers(spec: StudySpec, channels: int, label: str) -> None:
    """Refuse means and deviations of another number of channels.

    Raises:
        SpecError: there is neither one value nor one for each channel.
    """
    for name, values in numbers(spec):
        if isinstance(values, list) and len(values) not in (1, channels):
            place = f"normalization.{name}" if isinstance(spec.normalization, NormalizationSpec) else "normalization"
            raise spec.error(
                place,
                f"expected one value, or one for each of the {channels} channels of {label}; got {len(values)}: set "
                f"`channels: {len(values)}` on the task, or give as many values",
            )


def check_sources(spec: StudySpec) -> None:
    """Refuse to scale pixels by the images of a source whose images are unknown, before anything is read.

    Raises:
        SpecError: `normalization: source` with such a source.
    """
    for index, source in enumerate(spec.source):
        if spec.normalization == "source" and getattr(source, "dataset", None) is None:
            got = f"got source[{index}], {source.label}"
            raise spec.error(
                "normalization", f"expected sources whose images are known; {got}, {_INSTEAD[type(source)]}"
            )


_INSTEAD: dict[type, str] = {
    WeightsSource: "whose training images have a mean and deviation that only its makers know: leave it out, or write "
    "`imagenet` for weights trained on ImageNet, or numbers (`{mean: [...], std: [...]}`), or `target`",
    CheckpointSource: "without a `dataset`: add the one that its weights were trained on (and `classes`), or write "
    "numbers (`{mean: ..., std: ...}`), or `target`",
    RandomSource: "which have seen no images: write numbers (`{mean: ..., std: ...}`), or `target`",
}
"""What to write, where a source has no images that are known."""


def unknown_statistics(fingerprint: str, classes: tuple[int, ...]) -> ChannelStatistics:
    """Return what stands for those of a task whose images are not here: equal for equal tasks, no deviation."""
    return ChannelStatistics((float(int(content_key("statistics", [fingerprint, classes])[:12], 16)),), ())
