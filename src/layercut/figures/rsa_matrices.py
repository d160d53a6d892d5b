"""How alike the layers of models represent the same images, as a matrix."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from layercut.charts import Axis, Cells, Chart, Panel, Tick

MOST_NUMBERS = 12


def compute(matrices: Mapping[str, NDArray[np.floating]], names: Sequence[str], quantity: str) -> Chart | None:
    """Return a panel a matrix; None without any.

    Args:
        matrices: symmetric "n n" by panel title; NaN where nothing is known.
        names: of the rows and columns, such as layers or images.
        quantity: what the numbers are, such as `Correlation distance`.

    Raises:
        ValueError: a matrix has another size.
    """
    for title, matrix in matrices.items():
        if matrix.shape != (len(names), len(names)):
            raise ValueError(f"{title}: expected {len(names)} x {len(names)} numbers; got {matrix.shape}")
    known = [matrix[np.isfinite(matrix)] for matrix in matrices.values()]
    values = np.concatenate(known) if known else np.array([])
    if not values.size:
        return None
    axis = Axis("Layer", scale="category", ticks=tuple(Tick(place, name) for place, name in enumerate(names)))
    flipped = Axis(axis.title, scale="category", ticks=tuple(Tick(at, name) for at, name in enumerate(names[::-1])))
    return Chart(
        name="rsa_matrices",
        title=f"{quantity} between layers",
        panels=tuple(
            Panel(title, axis, flipped, cells=_cells(matrix, tuple(names))) for title, matrix in matrices.items()
        ),
        caption=f"{quantity} between the representations of the same images at two layers; all panels share the scale.",
        alt=f"Matrices of {len(names)} layers, from {values.min():.2f} to {values.max():.2f}.",
        color_scale=(float(values.min()), float(values.max())),
        color_title=quantity,
    )


def _cells(matrix: NDArray[np.floating], names: tuple[str, ...]) -> Cells:
    values = tuple(tuple(float(v) if np.isfinite(v) else None for v in row) for row in matrix[::-1])
    few = len(names) <= MOST_NUMBERS
    texts = tuple(tuple(f"{v:.2f}" if few and v is not None else "" for v in row) for row in values)
    return Cells(names[::-1], names, values, texts, unit="")
