"""Classical multidimensional scaling: a picture of dissimilarities.

Reference:
    Torgerson, "Multidimensional scaling: I. Theory and method", Psychometrika 17, 1952. Unlike iterative scaling it has
    no random start; where dissimilarities are no Euclidean distances, negative axes are dropped.
"""

from __future__ import annotations

import numpy as np


def mds_coordinates(dissimilarities: np.ndarray, num_axes: int = 2) -> np.ndarray:
    """Return float64 "n num_axes": points whose distances come near the symmetric "n n" dissimilarities.

    The largest coordinate of each axis is positive, so that the picture does not depend on the solver.

    Example:
        >>> line = np.array([0.0, 3.0, 4.0])
        >>> points = mds_coordinates(abs(line[:, None] - line), num_axes=1)
        >>> bool(np.allclose(abs(points[0] - points[2]), 4))
        True
    """
    squares = np.square(dissimilarities)
    centred = squares - squares.mean(0) - squares.mean(1, keepdims=True) + squares.mean()
    values, axes = np.linalg.eigh(-centred / 2)
    points = np.zeros((len(squares), num_axes))
    found = min(num_axes, len(squares))
    none = np.abs(values).max() * len(squares) * np.finfo(np.float64).eps
    points[:, :found] = (axes * np.sqrt(np.where(values > none, values, 0)))[:, ::-1][:, :found]
    largest = np.take_along_axis(points, np.abs(points).argmax(0)[None], axis=0)
    return points * np.where(largest < 0, -1.0, 1.0)
