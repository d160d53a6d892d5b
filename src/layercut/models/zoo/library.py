"""The contract of a library of classifiers."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal, NamedTuple, Protocol

from torch import nn

from layercut.checkpoints import WeightFile
from layercut.models.base import ImageShape
from layercut.models.families import MadeFor
from layercut.models.layout import Layout
from layercut.models.stages import Parts

Granularity = Literal["block", "stage"]


class Loaded(NamedTuple):
    """A model with the values of a file."""

    model: nn.Module
    values: WeightFile
    """What it was given."""
    has_classifier: bool
    """Whether the file had a classifier that fits."""


class Library(Protocol):
    """torchvision or timm."""

    def names(self) -> list[str]:
        """Return the names of all its classifiers."""
        ...

    def has(self, name: str) -> bool:
        """Return whether it has a classifier of that name."""
        ...

    def default_shape(self, name: str) -> ImageShape:
        """Return the shape of the images that it was made for."""
        ...

    def create(self, name: str, image_shape: ImageShape, num_classes: int, **switches: Any) -> nn.Module:
        """Return a new model; initial values come from torch's global generator.

        switches: further arguments of its constructor.

        Raises:
            SpecError: it cannot be made for images of this shape.
        """
        ...

    def layout(self, model: nn.Module, granularity: Granularity) -> Layout | None:
        """Return a model's blocks, or None where its architecture is not a list of them."""
        ...

    def stages(self, model: nn.Module) -> dict[str, Parts]:
        """Return the library's own stages of a model that is not taken apart yet; none where it has none."""
        ...

    def with_weights(self, name: str, image_shape: ImageShape, values: WeightFile, **switches: Any) -> Loaded:
        """Return a model with the values of one of its weight files, fitted to channels and size of the images.

        It has the classes of the file's classifier.

        Raises:
            CheckpointError: the values do not fit; says what does not.
        """
        ...

    def check_weights(self, name: str, weights: str) -> None:
        """Check that published weights of that name exist; asks nobody.

        Raises:
            CheckpointError: there are none of that name.
        """
        ...

    def made_for(self, name: str, weights: str) -> MadeFor:
        """Return what images published weights were made for; asks nobody.

        Raises:
            CheckpointError: there are none of that name.
        """
        ...

    def fetch_weights(self, name: str, weights: str) -> Path:
        """Return the file of published weights; downloads it where it is not here.

        Raises:
            CheckpointError: there are none of that name, or they cannot be downloaded.
        """
        ...
