"""Optional abilities of a model family, besides `ModelFamily`."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any, NamedTuple, Protocol, runtime_checkable

from layercut.checkpoints import WeightFile
from layercut.models.base import ImageShape


@runtime_checkable
class PublishedFamily(Protocol):
    """What a family says beside `ModelFamily` where its models have published weights."""

    def check_weights(self, weights: str) -> None:
        """Check that published weights of that name exist; asks nobody.

        Raises:
            CheckpointError: there are none.
        """
        ...

    def fetch_weights(self, weights: str) -> Path:
        """Return the file of published weights; downloads it where it is not here.

        Raises:
            CheckpointError: there are none of that name, or they cannot be downloaded.
        """
        ...


class MadeFor(NamedTuple):
    """What images published weights were made for."""

    image_shape: ImageShape
    mean: tuple[float, ...]
    std: tuple[float, ...]
    """Of pixels in 0..1, a value a channel."""
    interpolation: str
    """Name of what lies between pixels where images are resized, as in a study file."""


@runtime_checkable
class MadeForFamily(Protocol):
    """What a family says beside `ModelFamily` where it is known what images its published weights were made for."""

    def made_for(self, weights: str) -> MadeFor:
        """Return what images published weights were made for; asks nobody.

        Raises:
            CheckpointError: there are none of that name.
        """
        ...


@runtime_checkable
class AdaptingFamily(Protocol):
    """What a family says beside `ModelFamily` where a weight file needs more than other names."""

    def file_names(self, options: Any, image_shape: ImageShape) -> Collection[str]:
        """Return the names in the files that `adapt` reads, for a model with these options."""
        ...

    def adapt(self, options: Any, image_shape: ImageShape, values: WeightFile) -> WeightFile:
        """Return the values of a weight file under our names, fitted to channels and size of the images.

        The classifier, which is new on every target, may be missing before and after.

        Raises:
            CheckpointError: they do not fit the model; says what does not, the caller adds file and model.
        """
        ...


@runtime_checkable
class OwnCodeFamily(Protocol):
    """What a family declares besides `ModelFamily` if its options name user code, which building the model runs."""

    def code_of(self, options: Mapping[str, Any]) -> str:
        """Return in words which code that is; runs none of it, whatever the options are."""
        ...


@runtime_checkable
class BoundFamily(Protocol):
    """What a family says beside `ModelFamily` where a model may exist in one process alone."""

    def bound_to_process(self, options: Mapping[str, Any]) -> str | None:
        """Return why no other process can build the model; None where others can."""
        ...


@runtime_checkable
class SwitchedFamily(Protocol):
    """What a family says beside `ModelFamily` where weights were made with a switch that no weight file holds."""

    def unsaid(self, options: Any) -> str | None:
        """Return what the user must say of weights from a file, in a sentence; None where they have."""
        ...
