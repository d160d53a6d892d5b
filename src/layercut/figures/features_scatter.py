"""Images as points at each layer of a source (t-SNE), coloured by class and by cluster."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from layercut.artifacts import KeptRepresentations
from layercut.charts import Axis, Chart, LegendEntry, Line, Panel, Point, Style
from layercut.charts.chart import Marker
from layercut.charts.palette import BLUE, GREEN, MAGENTA, OLIVE, ORANGE, PURPLE, SKY, VERMILLION
from layercut.figures.kept_layers import images_note, shown_representations, spread
from layercut.figures.study_tables import StudyTables

MOST_CLASSES = 24
"""Classes that have a colour and marker of their own; further ones share one."""

_COLORS = (BLUE, VERMILLION, GREEN, PURPLE, ORANGE, SKY, "ink", MAGENTA, "muted", OLIVE)
_MARKERS: tuple[Marker, ...] = ("circle", "triangle", "square", "cross", "diamond", "plus", "triangle_down", "star")
_OTHERS = ("other classes", Style("grid", "circle"))
_FIRST = Axis("t-SNE 1", limits=(-1.1, 1.1), bare=True)
_SECOND = Axis("t-SNE 2", limits=(-1.1, 1.1), bare=True)


def compute(tables: StudyTables) -> Chart | None:
    """Return two panels a layer for the source of one context; None where nothing of it is kept."""
    kept = shown_representations(tables)
    panels = tuple(_panels(kept)) if kept else ()
    if kept is None or not panels:
        return None
    names = list(dict.fromkeys(line.name for panel in panels for line in panel.lines))
    styles = {line.name: line.style for panel in panels for line in panel.lines}
    order = {name: place for place, (name, _) in enumerate(_styles(kept.class_names))}
    legend = tuple(LegendEntry(name, styles[name], "point") for name in sorted(names, key=lambda name: order[name]))
    return Chart(
        name="features_scatter",
        title="Features of images, layer by layer",
        panels=panels,
        caption=f"t-SNE of the source's features of {images_note(kept)}: nearby points are images that the layer finds "
        "alike; distances between groups mean nothing. Each layer twice: by class, and by K-means cluster, where a "
        "cluster looks like the class that it is matched to, one to one; in per cent: images in the cluster of their "
        "class. Where both panels look the same, the clusters are the classes.",
        alt=f"Scatter plots of {kept.card['num_images']} images in {len(kept.class_names)} classes: "
        f"{'; '.join(panel.title for panel in panels)}.",
        legend_title="Class",
        legend=legend,
        num_columns=4,
    )


def matched(labels: NDArray[np.int64], clusters: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return for each image the class that its cluster is matched to: one to one, with the most images right.

    A cluster that is left over is matched to -1.

    Example:
        >>> matched(np.array([0, 0, 1, 1]), np.array([5, 5, 2, 5]))
        array([0, 0, 1, 0])
    """
    classes, class_of = np.unique(labels, return_inverse=True)
    found, cluster_of = np.unique(clusters, return_inverse=True)
    table = np.zeros((len(found), len(classes)))
    np.add.at(table, (cluster_of, class_of), 1)
    names = np.full(len(found), -1, dtype=np.int64)
    rows, columns = linear_sum_assignment(table, maximize=True)
    names[rows] = classes[columns]
    return names[cluster_of]


def _panels(kept: KeptRepresentations) -> Iterator[Panel]:
    labels, places, clusters = (kept.array(name) for name in ("labels", "places", "clusters"))
    has = [layer for place, layer in enumerate(kept.layers) if np.isfinite(places[place]).all()]
    for layer in spread(has):
        place = kept.layers.index(layer)
        classes = matched(labels, clusters[place])
        right = 100 * float((classes == labels).mean())
        notes = [_note(kept.class_names, int(own), int(other)) for own, other in zip(labels, classes, strict=True)]
        for title, values in (("classes", labels), (f"clusters ({right:.0f} %)", classes)):
            lines = tuple(_lines(kept.class_names, values, places[place], notes))
            yield Panel(f"{layer}, {title}", _FIRST, _SECOND, lines=lines, is_map=True)


def _lines(
    class_names: Sequence[str], classes: NDArray[np.int64], places: NDArray[np.float32], notes: Sequence[str]
) -> Iterator[Line]:
    shown = np.where(classes < 0, MOST_CLASSES, np.minimum(classes, MOST_CLASSES))
    styles = _styles(class_names)
    for value in np.unique(shown):
        name, style = styles[min(int(value), len(styles) - 1)]
        points = tuple(
            Point(float(places[at, 0]), float(places[at, 1]), note=notes[at])
            for at in np.flatnonzero(shown == value).tolist()
        )
        yield Line(name, points, style, connected=False)


def _note(class_names: Sequence[str], own: int, of_cluster: int) -> str:
    cluster = f"the cluster of {class_names[of_cluster]}" if of_cluster >= 0 else "a cluster of no class"
    return f"{class_names[own]}, in {cluster}"


def _styles(class_names: Sequence[str]) -> list[tuple[str, Style]]:
    """Return a name and style for each class, then that of all others."""
    own = [
        (name, Style(_COLORS[place % len(_COLORS)], _MARKERS[place % len(_MARKERS)]))
        for place, name in enumerate(class_names[:MOST_CLASSES])
    ]
    return [*own, _OTHERS]
