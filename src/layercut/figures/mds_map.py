"""Distances between layers, or between models, as a map."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from layercut.charts import Axis, Chart, LegendEntry, Line, Panel, Point
from layercut.figures.kept_layers import PIXELS, images_note, reference_name, shown_representations
from layercut.figures.names import cut_style, padded
from layercut.figures.study_tables import StudyTables
from layercut.probes.mds import mds_coordinates

_LETTER_WIDTH, _LETTER_HEIGHT = 0.018, 0.035
"""Of a printed name, as shares of the picture's width."""


def compute(tables: StudyTables) -> Chart | None:
    """Return the layers of the source of one context and of its reference on a plane; None without data."""
    kept = shown_representations(tables)
    if kept is None:
        return None
    distances = kept.array("distances")
    known = np.flatnonzero(np.isfinite(np.diagonal(distances)))
    known = known[np.isfinite(distances[np.ix_(known, known)]).all(axis=1)]
    shown = [kept.representations[at] for at in known]
    groups = {"source": [at for at, one in enumerate(shown) if one.model == "source"]}
    theirs = [at for at, one in enumerate(shown) if one.model == "reference"]
    if theirs:  # both begin with the same pixels
        groups[reference_name(kept)] = [at for at, one in enumerate(shown) if one.layer == PIXELS] + theirs
    names = [one.layer for one in shown]
    return of_distances(distances[np.ix_(known, known)], names, groups, images_note(kept))


def of_distances(
    distances: NDArray[np.floating], names: Sequence[str], groups: Mapping[str, Sequence[int]], images: str = ""
) -> Chart | None:
    """Return the map; None with fewer than three places.

    Args:
        distances: "n n", symmetric.
        names: printed beside the places.
        groups: positions by legend entry, in the order in which they are connected, such as the layers of one model.
        images: of what the representations are, for the caption.

    Raises:
        ValueError: the matrix is not square and symmetric.
    """
    matrix = np.asarray(distances, dtype=np.float64)
    if matrix.shape != (len(names), len(names)) or not np.allclose(matrix, matrix.T):
        raise ValueError(f"expected a symmetric matrix of {len(names)} x {len(names)} distances; got {matrix.shape}")
    if len(names) < 3:
        return None
    places = mds_coordinates(matrix)
    low, high = padded(float(places.min()), float(places.max()), 1e-6)
    margin = 0.06 * (high - low)
    limits = (low - margin, high + margin)
    named = readable(places / (limits[1] - limits[0]), names, groups.values())
    lines = []
    for index, (group, members) in enumerate(groups.items()):
        points = tuple(_point(places[at], names[at], at in named) for at in members)
        lines.append(Line(group, points, cut_style(index, max(len(groups) - 1, 1))))
        named -= set(members)  # a place of two groups has its name once
    axes = Axis("First axis", limits=limits), Axis("Second axis", limits=limits)
    about = f", {images}" if images else ""
    return Chart(
        name="mds_map",
        title="Map of representations",
        panels=(Panel("", *axes, lines=tuple(lines), is_map=True),),
        caption=f"Classical multidimensional scaling of the distances between representations{about}: nearby layers "
        "represent the same images alike; where names would cover each other, only one is printed. Axes have the "
        "unit of the distance and no meaning of their own.",
        alt=f"Map of {len(names)} representations in {len(groups)} groups.",
        legend_title="Model",
        legend=tuple(LegendEntry(line.name, line.style, "line") for line in lines),
    )


def readable(places: NDArray[np.float64], names: Sequence[str], groups: Iterable[Sequence[int]]) -> set[int]:
    """Return the places whose names can be printed above them without covering each other; ends of groups first.

    places: "n 2" as shares of the picture's width.
    """
    ends = [at for members in groups for at in (*members[-1:], *members[:1])]
    kept: list[int] = []
    for at in dict.fromkeys([*ends, *(at for members in groups for at in members)]):
        apart = (
            abs(places[at, 1] - places[other, 1]) > _LETTER_HEIGHT
            or abs(places[at, 0] - places[other, 0]) > _LETTER_WIDTH * (len(names[at]) + len(names[other])) / 2
            for other in kept
        )
        if all(apart):
            kept.append(at)
    return set(kept)


def _point(place: NDArray[np.float64], name: str, labelled: bool) -> Point:
    return Point(float(place[0]), float(place[1]), note=name, label=name if labelled else "")
