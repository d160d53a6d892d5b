"""The figures of a source's layers: what they show of what is kept, and when they are absent."""

from __future__ import annotations

import json

import numpy as np
import pytest

from layercut.charts.matplotlib import draw
from layercut.charts.plotly import panel_figures
from layercut.figures import FIGURES, charts_of, dissimilarity_matrices, features_scatter
from layercut.figures.kept_layers import spread
from support.fake_representations import CLASSES, made_up
from support.fake_results import fake_results
from support.fake_study import fake_study

RESULTS = fake_results(strategies=("scratch", "reinit"), num_replicates=2, num_blocks=1)
NAMES = ("features_scatter", "dissimilarity_matrices", "rsa_matrices", "mds_map")


def charts(**changes):
    """Return the figures by name, for kept representations that differ from the usual in this."""
    study = fake_study(RESULTS)
    (context,) = [context for context, _ in study.contexts()]
    about = {"source": context.source, "target": context.target, "model": context.model}
    study.measured.__dict__["representations"] = [made_up(**about | changes)]
    found = {name: charts_of(name, study) for name in NAMES}
    return {name: pairs[0][1] for name, pairs in found.items() if pairs}


def test_every_layer_is_a_scatter_by_class_and_one_by_cluster():
    panels = charts()["features_scatter"].panels
    assert [panel.title for panel in panels[:2]] == ["input, classes", "input, clusters (100 %)"]
    assert len(panels) == 8
    for by_class, by_cluster in zip(panels[::2], panels[1::2], strict=True):
        assert [line.name for line in by_class.lines] == list(CLASSES)
        assert [line.points for line in by_cluster.lines] == [line.points for line in by_class.lines]


def test_a_class_has_one_colour_and_marker_everywhere():
    chart = charts()["features_scatter"]
    looks = {(line.name, line.style) for panel in chart.panels for line in panel.lines}
    assert looks == {(entry.name, entry.style) for entry in chart.legend}
    assert len({style for _, style in looks}) == len(CLASSES)
    assert (
        len({(style.color, style.marker) for _, style in features_scatter._styles([str(i) for i in range(24)])}) == 25
    )


def test_clusters_are_matched_one_to_one_with_the_most_images_right():
    labels, clusters = np.array([0, 0, 0, 1, 1, 1]), np.array([7, 7, 3, 7, 3, 3])
    assert features_scatter.matched(labels, clusters).tolist() == [0, 0, 1, 0, 1, 1]
    assert features_scatter.matched(labels, np.arange(6) // 2).tolist().count(-1) == 2


def test_classes_beyond_those_that_can_be_told_apart_share_a_look():
    names = [f"class {number}" for number in range(30)]
    chart = charts(class_names=names, labels=np.arange(60) % 30)["features_scatter"]
    assert [entry.name for entry in chart.legend] == [*names[:24], "other classes"]
    assert sum(len(line.points) for line in chart.panels[0].lines) == 60


def test_a_layer_without_places_is_left_out():
    kept = made_up()
    kept.array("places")[1] = np.nan
    titles = [panel.title for panel in features_scatter._panels(kept)]
    assert len(titles) == 6
    assert not any(title.startswith("conv0") for title in titles)


def test_images_are_sorted_by_class_so_that_classes_are_blocks():
    source, reference = charts()["dissimilarity_matrices"].panels
    assert [picture.caption for picture in source.pictures] == ["input", "conv0", "conv1", "output"]
    assert [picture.caption for picture in reference.pictures] == ["input", "conv0", "conv1", "output"]
    assert reference.title.startswith("trained on ")
    last = reference.pictures[-1]
    pixels = np.frombuffer(last.pixels, dtype=np.uint8).reshape(30, 30, 3)
    bright = pixels.sum(axis=2, dtype=int)
    block = np.kron(np.eye(3, dtype=bool), np.ones((10, 10), dtype=bool))
    assert bright[block].mean() < bright[~block].mean()
    assert (pixels == pixels.transpose(1, 0, 2)).all()


def test_of_many_images_as_many_of_each_class_are_shown():
    labels = np.repeat([0, 1, 2], [150, 20, 50])
    order = dissimilarity_matrices.by_class(labels, 100)
    assert np.bincount(labels[order]).tolist() == [33, 20, 33]
    many = dissimilarity_matrices.by_class(np.arange(300), 100)
    assert len(many) == 100


def test_distances_between_layers_are_matrices_of_both_models_and_between_them():
    chart = charts()["rsa_matrices"]
    source, reference, both = (panel.cells for panel in chart.panels)
    assert source.rows == source.columns[::-1] == ("output", "conv1", "conv0", "input")
    assert (both.rows, both.columns) == (source.rows, reference.columns)
    distances = made_up().array("distances")
    assert source.values[0][3] == 0.0
    assert both.values[0][2] == pytest.approx(distances[3, 6])
    alone = charts(reference_layers=())["rsa_matrices"]
    assert [panel.title for panel in alone.panels] == ["source"]


def test_the_map_connects_the_layers_of_each_model_from_the_pixels_on():
    (panel,) = charts()["mds_map"].panels
    source, reference = panel.lines
    assert [point.note for point in source.points] == ["input", "conv0", "conv1", "output"]
    assert [point.note for point in reference.points] == ["input", "conv0", "conv1", "output"]
    assert (source.points[0].label, reference.points[0].label) == ("input", "")
    assert (source.points[-1].label, reference.points[-1].label) == ("output", "output")
    assert (source.points[0].x, source.points[0].y) == (reference.points[0].x, reference.points[0].y)


def test_a_layer_without_distances_is_not_on_the_map():
    kept = made_up()
    kept.array("distances")[2] = kept.array("distances")[:, 2] = np.nan
    study = fake_study(RESULTS)
    ((_, part),) = study.contexts()
    kept.card.update(source=part.context.source, target=part.context.target, model=part.context.model)
    study.measured.__dict__["representations"] = [kept]
    ((_, chart),) = charts_of("mds_map", study)
    assert [point.note for point in chart.panels[0].lines[0].points] == ["input", "conv0", "output"]
    json.dumps(panel_figures(charts_of("rsa_matrices", study)[0][1]), allow_nan=False)


def test_of_a_deep_model_some_layers_are_shown_the_first_and_last_among_them():
    layers = tuple(f"layer{number}" for number in range(20))
    found = charts(layers=layers, reference_layers=())
    titles = [panel.title.partition(",")[0] for panel in found["features_scatter"].panels[::2]]
    assert titles == [picture.caption for picture in found["dissimilarity_matrices"].panels[0].pictures]
    assert (len(titles), titles[0], titles[-1]) == (6, "layer0", "layer19")
    assert len(found["rsa_matrices"].panels[0].cells.rows) == 20
    assert spread(["a"]) == ["a"]
    assert spread([]) == []


def test_what_is_of_another_source_or_of_probes_no_longer_asked_for_is_not_shown():
    assert set(charts()) == set(NAMES)
    assert charts(source="another") == {}
    assert charts(probes=["a key of an older study"]) == {}


def test_the_caption_says_which_images():
    for chart in charts().values():
        assert "30 training images of t (from 10 % of them)" in chart.caption


@pytest.mark.parametrize("name", NAMES)
def test_both_renderers_draw_them(name):
    chart = charts()[name]
    assert name in FIGURES
    assert "<b>cat" not in json.dumps(panel_figures(chart), allow_nan=False)
    draw(chart)
