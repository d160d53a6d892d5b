"""Predictions of a model for picture files."""

from __future__ import annotations

from collections.abc import Sequence
from os import PathLike
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from layercut.data.pictures import read_pictures
from layercut.inference.classifier import Classifier, load_model
from layercut.spec.shape import Resize

_BATCH = 32


class Prediction(NamedTuple):
    """What a model says of one picture."""

    path: Path
    class_names: tuple[str, ...]
    probabilities: NDArray[np.float64]
    """Float64 "num_classes", softmax of the logits, in the order of the class names. Not calibrated."""

    def ranked(self) -> list[tuple[str, float]]:
        """Return classes with their probabilities, the most probable first."""
        order = np.argsort(-self.probabilities, kind="stable")
        return [(self.class_names[place], float(self.probabilities[place])) for place in order]

    @property
    def class_name(self) -> str:
        """Return the most probable class."""
        return self.ranked()[0][0]

    @property
    def probability(self) -> float:
        """Return the probability of the most probable class."""
        return self.ranked()[0][1]


def predict(
    model: Classifier | str | PathLike[str], paths: Sequence[Path | str], resize: Resize | None = None
) -> list[Prediction]:
    """Return the predictions of a model, or of an output directory's model, for picture files, in their order.

    Pictures are prepared like its training images: upright, with their size, channels and scale. `resize`: how they
    get that size, instead of as the study says.

    Raises:
        DataError: a file is not a readable image, or has a size that the model cannot take.
    """
    model = model if isinstance(model, Classifier) else load_model(model)
    files = [Path(path).expanduser() for path in paths]
    rule, names = model.picture_rule, tuple(model.class_names)
    rule = rule._replace(resize=resize or rule.resize)
    found = []
    for start in range(0, len(files), _BATCH):
        part = files[start : start + _BATCH]
        with torch.inference_mode():
            logits = model(read_pictures(part, model.image_shape, rule))
        shares = logits.double().softmax(dim=1).cpu().numpy()
        found += [Prediction(path, names, row) for path, row in zip(part, shares, strict=True)]
    return found
