"""Picture files prepared like the training images of a task."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, cast, get_args

import numpy as np
from numpy.typing import NDArray

from layercut.data.decode import decode_images, upright_sizes
from layercut.data.reading import parse_options, parse_view
from layercut.data.shape import MODES
from layercut.errors import DataError
from layercut.spec.shape import WHITE, Color, Interpolation, Resize, ShapeOptions


class PictureRule(NamedTuple):
    """How a picture file becomes an image of a task, beside what is the same for all (`pixels.py`)."""

    resize: Resize | None
    """None: the task's pictures had one size, and none was resized."""
    interpolation: Interpolation
    background: Color
    """What shows through transparent pixels."""
    variant: str | None = None
    """What stands in the place of the task's pixels, such as `noise`."""

    def card(self) -> dict[str, Any]:
        """Return it as JSON values."""
        return {**self._asdict(), "background": list(self.background)}


def picture_rule(dataset: str, options: Mapping[str, Any]) -> PictureRule:
    """Return how picture files become images of a dataset, seen as its options say.

    Raises:
        UnknownNameError: no such dataset.
        SpecError: an option is unknown, missing or has an impossible value.
    """
    own, view = parse_options(dataset, options), parse_view(dataset, options)
    shape = own if isinstance(own, ShapeOptions) else view
    resize = shape.resize if shape.image_size else None
    return PictureRule(resize, shape.interpolation, getattr(own, "background", WHITE), view.variant)


def rule_of(card: Any) -> PictureRule:
    """Return what `PictureRule.card` gave.

    Raises:
        ValueError: it is something else.
    """
    if not isinstance(card, dict) or card.keys() != set(PictureRule._fields):
        raise ValueError(f"expected {', '.join(PictureRule._fields)} of how pictures become images; got {card!r:.100}")
    background = tuple(card["background"])
    if card["interpolation"] not in get_args(Interpolation) or len(background) != len(WHITE):
        raise ValueError(f"expected an interpolation and a background of three shades; got {card!r:.200}")
    return PictureRule(card["resize"], card["interpolation"], cast(Color, background), card["variant"])


def read_pictures(paths: Sequence[Path], image_shape: tuple[int, int, int], rule: PictureRule) -> NDArray[np.uint8]:
    """Return picture files as a model takes them, UInt8 "n channels height width", with the pixels training had.

    Raises:
        DataError: a file is no readable image (named), or has another size where none is resized; or the model was
            trained on something that no picture becomes.
    """
    channels, height, width = image_shape
    if rule.variant is not None:
        raise DataError(f"the model was trained on `variant: {rule.variant}`, which cannot be made from a picture file")
    if channels not in MODES:
        raise DataError(f"expected a model for images with 1 or 3 channels; it takes {channels}")
    if rule.resize is None:
        for path, found in zip(paths, upright_sizes(paths), strict=True):
            _require_size(path, found, (height, width))
    shape = ShapeOptions(image_size=(height, width), resize=rule.resize or "crop", interpolation=rule.interpolation)
    images = decode_images(paths, shape, 1 if channels == 1 else 3, rule.background)
    return images[: len(paths)]


def _require_size(path: Path, found: tuple[int, int], expected: tuple[int, int]) -> None:
    if found != expected:
        raise DataError(
            f"{path}: expected {expected[0]} x {expected[1]} pixels (height x width), as the study's images have "
            f"without resizing; got {found[0]} x {found[1]}: say how to resize it: crop, stretch or pad"
        )
