"""Histograms of the dissimilarity of images of the same and of different classes, layer by layer."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from layercut.charts import Axis, Chart, LegendEntry, Line, Panel, Point, Style
from layercut.charts.palette import BLUE, VERMILLION
from layercut.figures.kept_layers import images_note, shown_representations, spread
from layercut.figures.study_tables import StudyTables

NUM_BINS = 40
"""Over the range of one layer."""

_STYLES = {"same class": Style(BLUE, "circle"), "different classes": Style(VERMILLION, "square", "dash")}


def compute(tables: StudyTables) -> Chart | None:
    """Return one panel per layer of the source of one context; None where nothing of it is kept."""
    kept = shown_representations(tables)
    if kept is None:
        return None
    labels, matrices = kept.array("labels"), kept.array("dissimilarities")
    places = {one.layer: place for place, one in enumerate(kept.representations) if one.model == "source"}
    known = [layer for layer, place in places.items() if np.isfinite(matrices[place]).any()]
    panels = tuple(_panel(layer, labels, matrices[places[layer]]) for layer in spread(known))
    if not any(panel.lines for panel in panels):
        return None
    return Chart(
        name="dissimilarity_histograms",
        title="Dissimilarity of images of the same and of different classes",
        panels=panels,
        caption=f"Dissimilarity (1 − Pearson over units) of each pair of {images_note(kept)}: share of the pairs of "
        f"the same class, and of those of different classes, in each of {NUM_BINS} equal steps, a panel for each "
        "layer of the source. The further apart the two are, the better the layer tells the classes apart.",
        alt=f"Histograms of dissimilarities at layers {', '.join(panel.title for panel in panels)}.",
        legend_title="Two images of",
        legend=tuple(LegendEntry(name, style, "line") for name, style in _STYLES.items()),
    )


def shares(
    labels: NDArray[np.int64], matrix: NDArray[np.floating]
) -> dict[str, tuple[NDArray[np.float64], NDArray[np.float64]]]:
    """Return the middles of the steps and the share of the pairs in each, for pairs of the same class and of others.

    Example:
        >>> middles, share = shares(np.array([0, 0, 1]), np.array([[0.0, 1, 2], [1, 0, 2], [2, 2, 0]]))["same class"]
        >>> float(share.sum()), int(share.argmax())
        (1.0, 0)
    """
    rows, columns = np.triu_indices(len(labels), 1)
    values, same = matrix[rows, columns].astype(np.float64), labels[rows] == labels[columns]
    known = np.isfinite(values)
    edges = np.histogram_bin_edges(values[known], NUM_BINS)
    found = {}
    for name, chosen in zip(_STYLES, (known & same, known & ~same), strict=True):
        if chosen.any():
            counts, _ = np.histogram(values[chosen], edges)
            found[name] = ((edges[:-1] + edges[1:]) / 2, counts / counts.sum())
    return found


def _panel(layer: str, labels: NDArray[np.int64], matrix: NDArray[np.floating]) -> Panel:
    lines = tuple(
        Line(
            name,
            tuple(
                Point(float(at), 100 * float(share), note=f"{at:.3f}: {100 * share:.1f} % of the pairs of {name}")
                for at, share in zip(*histogram, strict=True)
            ),
            _STYLES[name],
            marked=False,
        )
        for name, histogram in shares(labels, matrix).items()
    )
    return Panel(layer, Axis("Dissimilarity (1 − Pearson)"), Axis("Share of the pairs", "%"), lines=lines)
