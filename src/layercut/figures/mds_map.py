"""Distances between layers, or between models, as a map."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from layercut.charts import Axis, Chart, Entry, Line, Panel, Point
from layercut.figures.names import cut_style, padded


def classical_mds(distances: NDArray[np.floating]) -> NDArray[np.float64]:
    """Return places in the plane, float64 "n 2", whose distances are near the given ones ("n n", symmetric).

    The sign of each axis is fixed: its coordinate of largest size is positive.

    Reference:
        Torgerson 1952, Psychometrika 17: double centring of the squared distances, then eigenvectors.

    Raises:
        ValueError: the matrix is not square and symmetric.
    """
    matrix = np.asarray(distances, dtype=np.float64)
    if matrix.ndim != 2 or matrix.shape[0] != matrix.shape[1] or not np.allclose(matrix, matrix.T):
        raise ValueError(f"expected a symmetric matrix of distances; got the shape {matrix.shape}")
    centring = np.eye(len(matrix)) - 1 / len(matrix)
    values, vectors = np.linalg.eigh(-0.5 * centring @ matrix**2 @ centring)
    order = np.argsort(values)[::-1][:2]
    places = vectors[:, order] * np.sqrt(np.maximum(values[order], 0.0))
    places = np.pad(places, ((0, 0), (0, 2 - places.shape[1])))
    signs = np.sign(places[np.abs(places).argmax(axis=0), [0, 1]])
    fixed: NDArray[np.float64] = places * np.where(signs == 0, 1.0, signs)
    return fixed


def compute(distances: NDArray[np.floating], names: Sequence[str], groups: Mapping[str, Sequence[int]]) -> Chart | None:
    """Return the map; None with fewer than three places.

    Args:
        distances: "n n", symmetric.
        names: printed beside the places.
        groups: positions by legend entry, in the order in which they are connected, such as the layers of one model.
    """
    if len(names) < 3:
        return None
    places = classical_mds(distances)
    low, high = padded(float(places.min()), float(places.max()), 1e-6)
    margin = 0.06 * (high - low)
    limits = (low - margin, high + margin)
    lines = tuple(
        Line(
            group,
            tuple(
                Point(float(places[at, 0]), float(places[at, 1]), note=str(names[at]), label=str(names[at]))
                for at in members
            ),
            cut_style(index, max(len(groups) - 1, 1)),
        )
        for index, (group, members) in enumerate(groups.items())
    )
    return Chart(
        name="mds_map",
        title="Map of representations",
        panels=(Panel("", Axis("First axis", limits=limits), Axis("Second axis", limits=limits), lines=lines),),
        caption="Classical multidimensional scaling of the distances between representations: near places represent "
        "the same images alike. Axes have the unit of the distance and no meaning of their own.",
        alt=f"Map of {len(names)} representations in {len(groups)} groups.",
        legend_title="Model",
        legend=tuple(Entry(line.name, line.style, "line") for line in lines),
    )
