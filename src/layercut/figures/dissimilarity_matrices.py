"""Dissimilarity of images at each layer: every image against every other, sorted by class, a matrix a layer."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

from layercut.artifacts import KeptRepresentations
from layercut.artifacts.tasks import first_of_each_class
from layercut.charts import Axis, Chart, Panel, Picture
from layercut.charts.palette import sequential
from layercut.figures.kept_layers import PIXELS, images_note, reference_name, shown_representations, spread
from layercut.figures.study_tables import StudyTables

MOST_IMAGES = 100
"""Images shown of those kept: as many of each class as there is room for."""

_COLUMNS = 3
_SHADES = 32
"""More are not told apart and make a page larger."""
_UNKNOWN = (128, 128, 128)


def compute(tables: StudyTables) -> Chart | None:
    """Return a panel for the source of one context and one for its reference; None where nothing of it is kept."""
    kept = shown_representations(tables)
    if kept is None:
        return None
    order = by_class(kept.array("labels"), MOST_IMAGES)
    dissimilarities = kept.array("dissimilarities")
    panels = tuple(
        Panel(title, Axis(""), Axis(""), pictures=pictures, picture_columns=_COLUMNS)
        for model, title in (("source", "source"), ("reference", reference_name(kept)))
        if (pictures := _pictures(kept, dissimilarities, model, order))
    )
    if not panels:
        return None
    labels = kept.array("labels")[order]
    classes = ", ".join(kept.class_names[label] for label in dict.fromkeys(labels.tolist()))
    return Chart(
        name="dissimilarity_matrices",
        title="Dissimilarity of images at each layer",
        panels=panels,
        caption=f"Dissimilarity (1 − Pearson over units) of each of {len(order)} images with each other, of "
        f"{images_note(kept)}, sorted by class from the upper left corner: {classes}. Colours are ranks within one "
        "matrix, from the most alike pair to the least. Dark blocks on the diagonal: images of a class are alike.",
        alt=f"Matrices of {len(order)} by {len(order)} images at layers "
        f"{', '.join(picture.caption for picture in panels[0].pictures)}.",
        num_columns=2,
        color_scale=(0.0, 100.0),
        color_title="Rank of dissimilarity (%)",
    )


def by_class(labels: NDArray[np.int64], most: int) -> NDArray[np.intp]:
    """Return the positions of at most so many images, class by class, of each class as many as there is room for.

    Example:
        >>> by_class(np.array([1, 0, 1, 0, 1]), 4)
        array([1, 3, 0, 2])
    """
    each = max(1, most // len(np.unique(labels)))
    return first_of_each_class(labels, each)[:most]


def _pictures(
    kept: KeptRepresentations, dissimilarities: NDArray[np.float16], model: str, order: NDArray[np.intp]
) -> tuple[Picture, ...]:
    at = {one.layer: place for place, one in enumerate(kept.representations) if one.model == model}
    if at and PIXELS in kept.layers:  # the same for both: layers then stand at the same places
        at = {PIXELS: kept.layers.index(PIXELS)} | at
    known = [layer for layer, place in at.items() if np.isfinite(dissimilarities[place]).any()]
    return tuple(_picture(dissimilarities[at[layer]][np.ix_(order, order)], layer) for layer in spread(known))


def _picture(matrix: NDArray[np.float16], layer: str) -> Picture:
    """Return a matrix as a picture: ranks of its pairs as shades, unknown ones grey."""
    known = np.isfinite(matrix)
    shades = np.zeros(matrix.shape, dtype=np.intp)
    pairs = np.triu(known, k=1) | np.tril(known, k=-1)
    if pairs.any():
        ranks = rankdata(matrix[pairs].astype(np.float64))
        shades[pairs] = ((ranks - 1) / max(len(ranks) - 1, 1) * (_SHADES - 1)).round().astype(np.intp)
    pixels = _palette()[shades]
    pixels[~known] = _UNKNOWN
    return Picture(len(matrix), len(matrix), pixels.tobytes(), layer)


def _palette() -> NDArray[np.uint8]:
    colors = [sequential(step / (_SHADES - 1)) for step in range(_SHADES)]
    return np.array([[int(color[start : start + 2], 16) for start in (1, 3, 5)] for color in colors], dtype=np.uint8)
