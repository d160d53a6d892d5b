"""Check that exported files give the model's logits, and on which images."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from layercut.artifacts import kept_images, kept_trials
from layercut.data.pictures import read_pictures
from layercut.errors import DataError, UserError
from layercut.inference import Classifier
from layercut.model_export.base import Answer, answer_of

TOLERANCE = 1e-5
"""Of the largest difference of logits, relative to the largest logit where that is above 1."""

_MOST = 8
_FEW = 2


class CheckImages(NamedTuple):
    """Images to compare answers on."""

    pixels: NDArray[np.uint8]
    """UInt8 "n c h w"; at least two, so that more than one image is seen to go through."""
    what: str
    """What they are, in a few words."""


class Comparison(NamedTuple):
    """How far the answers of exported files are from the model's."""

    largest_difference: float
    """Of all logits, relative to the largest logit where that is above 1."""
    images: str
    num_images: int


def images_to_check(model: Classifier, folder: Path, given: Sequence[Path]) -> CheckImages:
    """Return given picture files, else what the run of a kept model has of real images, else noise.

    Raises:
        DataError: a given file cannot be read.
    """
    if given:
        return _at_least_two(read_pictures(given, model.image_shape, model.picture_rule), "given pictures")
    for pixels in _of_run(model, folder):
        if pixels.shape[1:] == model.image_shape and len(pixels):
            return _at_least_two(pixels[:_MOST], "images of the study")
    noise = np.random.default_rng(0).integers(0, 256, size=(_MOST, *model.image_shape), dtype=np.uint8)
    return CheckImages(noise, "noise: the run kept no images (`keep: [predictions]`), and none were given")


def compare(answer: Answer, model: Classifier, images: CheckImages, opened_by: str) -> Comparison:
    """Compare the answers of exported files with the model's.

    Raises:
        UserError: they differ.
    """
    expected, got = answer_of(model)(images.pixels), answer(images.pixels)
    one = answer(images.pixels[:1])
    scale = max(1.0, float(np.abs(expected).max()))
    shapes = got.shape == expected.shape and one.shape == expected[:1].shape
    difference = np.inf
    if shapes:
        difference = max(float(np.abs(got - expected).max()), float(np.abs(one - expected[:1]).max())) / scale
    if not difference <= TOLERANCE:
        raise UserError(
            f"{opened_by} opens the exported files, but its logits differ from the model's by {difference:.1e}, more "
            f"than {TOLERANCE:g}, on {images.what}; nothing was written: export as safetensors, and please report it"
        )
    return Comparison(difference, images.what, len(images.pixels))


def _of_run(model: Classifier, folder: Path) -> Iterator[NDArray[np.uint8]]:
    run = folder.parent.parent if folder.parent.name == "artifacts" else folder.parent
    try:
        for trial in kept_trials(run):
            if "predictions" in trial.card["kept"] and trial.card["target"] == model.card["target"]:
                yield trial.examples().images
        yield from (kept.images for kept in kept_images(run) if kept.label == model.card["target"])
    except DataError:
        return


def _at_least_two(pixels: NDArray[np.uint8], what: str) -> CheckImages:
    return CheckImages(np.ascontiguousarray(np.resize(pixels, (max(_FEW, len(pixels)), *pixels.shape[1:]))), what)
