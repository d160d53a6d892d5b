"""How similarly the layers of models represent the same images, as a matrix."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from layercut.artifacts import KeptRepresentations
from layercut.charts import Axis, Cells, Chart, Panel, Tick
from layercut.figures.kept_layers import images_note, reference_name, shown_representations
from layercut.figures.study_tables import StudyTables

MOST_NUMBERS = 12


class Matrix(NamedTuple):
    """Distances between two lists of layers."""

    values: NDArray[np.floating]
    """"rows columns"; NaN where nothing is known."""
    rows: Sequence[str]
    columns: Sequence[str]


def compute(tables: StudyTables) -> Chart | None:
    """Return the matrix of the source of one context, those of its reference and of both; None without data."""
    kept = shown_representations(tables)
    if kept is None:
        return None
    return of_matrices(
        _matrices(kept),
        "Distance (1 − Spearman)",
        f"Of each layer's matrix of dissimilarities between images (1 − Pearson over units, {images_note(kept)}), "
        "1 − Spearman's correlation with that of another layer: 0 where both represent the same images alike.",
    )


def _matrices(kept: KeptRepresentations) -> dict[str, Matrix]:
    names = [(one.model, one.layer) for one in kept.representations]
    distances = kept.array("distances")
    ours, theirs = ([at for at, (model, _) in enumerate(names) if model == which] for which in ("source", "reference"))
    layers = [layer for _, layer in names]
    found = {"source": Matrix(distances[np.ix_(ours, ours)], *[[layers[at] for at in ours]] * 2)}
    if theirs:
        other = [layers[at] for at in theirs]
        found[reference_name(kept)] = Matrix(distances[np.ix_(theirs, theirs)], other, other)
        both = Matrix(distances[np.ix_(ours, theirs)], [layers[at] for at in ours], other)
        found[f"source (rows) and {reference_name(kept)} (columns)"] = both
    return found


def of_matrices(matrices: Mapping[str, Matrix], quantity: str, explained: str = "") -> Chart | None:
    """Return a panel a matrix; None without a number.

    Args:
        matrices: by panel title.
        quantity: what the numbers are, such as `Correlation distance`.
        explained: how they came about; a sentence of the caption.

    Raises:
        ValueError: a matrix has another size than its names.
    """
    for title, (matrix, rows, columns) in matrices.items():
        if matrix.shape != (len(rows), len(columns)):
            raise ValueError(f"{title}: expected {len(rows)} x {len(columns)} numbers; got {matrix.shape}")
    known = [matrix.values[np.isfinite(matrix.values)] for matrix in matrices.values()]
    values = np.concatenate(known) if known else np.array([])
    if not values.size:
        return None
    default = f"{quantity} between the representations of the same images at two layers."
    sharing = " All panels share the scale." if len(matrices) > 1 else ""
    return Chart(
        name="rsa_matrices",
        title="How similarly layers represent the same images",
        panels=tuple(
            Panel(title, _axis(matrix.columns), _axis([*matrix.rows][::-1]), cells=_cells(matrix))
            for title, matrix in matrices.items()
        ),
        caption=(explained or default) + sharing,
        alt=f"Matrices of layers: {'; '.join(matrices)}; {quantity} from {values.min():.2f} to {values.max():.2f}.",
        color_scale=(float(values.min()), float(values.max())),
        color_title=quantity,
    )


def _axis(names: Sequence[str]) -> Axis:
    return Axis("Layer", scale="category", ticks=tuple(Tick(place, name) for place, name in enumerate(names)))


def _cells(matrix: Matrix) -> Cells:
    values = tuple(tuple(float(v) if np.isfinite(v) else None for v in row) for row in matrix.values[::-1])
    few = len(matrix.columns) <= MOST_NUMBERS
    texts = tuple(tuple(f"{v:.2f}" if few and v is not None else "" for v in row) for row in values)
    return Cells(tuple(matrix.rows)[::-1], tuple(matrix.columns), values, texts, unit="")
