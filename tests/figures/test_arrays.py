"""Figures that are computed from plain arrays."""

import json

import numpy as np
import pytest
from sklearn.metrics import confusion_matrix as reference_confusion

from layercut.charts.matplotlib import draw
from layercut.charts.plotly import panel_figures
from layercut.figures import confusion_matrix, mds_map, predicted_examples, rsa_matrices, sample_images
from layercut.figures.pictures import picture

EVIL = "<script>alert(1)</script>"
RNG = np.random.default_rng(0)
IMAGES = RNG.integers(0, 256, (30, 1, 8, 8), dtype=np.uint8)
LABELS = np.arange(30) % 3
PREDICTED = np.where(np.arange(30) < 6, (LABELS + 1) % 3, LABELS)
NAMES = ("a", EVIL, "c")
PLACES = RNG.normal(size=(5, 2))
DISTANCES = np.linalg.norm(PLACES[:, None] - PLACES[None], axis=-1)
LAYERS = ["conv0", "conv1", "conv2", "fc", EVIL]

CHARTS = {
    "confusion": confusion_matrix.of_predictions(LABELS, PREDICTED, NAMES, "reinit"),
    "examples": predicted_examples.of_predictions(IMAGES, LABELS, PREDICTED, NAMES),
    "samples": sample_images.of_samples({EVIL: sample_images.Sample(IMAGES, LABELS, NAMES)}),
    "rsa": rsa_matrices.of_matrices({"seed 0": rsa_matrices.Matrix(DISTANCES, LAYERS, LAYERS)}, "Distance"),
    "mds": mds_map.of_distances(DISTANCES, ["0", "1", "2", "3", EVIL], {"source": [0, 1, 2], "target": [3, 4]}),
}


@pytest.mark.parametrize("name", CHARTS)
def test_both_renderers_draw_it_and_escape_names(name):
    chart = CHARTS[name]
    assert chart is not None
    assert chart.caption.endswith(".")
    assert not any(panel.empty for panel in chart.panels)
    assert EVIL not in json.dumps(panel_figures(chart), allow_nan=False)
    draw(chart)


def test_without_data_there_is_no_chart():
    none = np.array([], dtype=np.int64)
    assert confusion_matrix.of_predictions(none, none, NAMES) is None
    assert predicted_examples.of_predictions(IMAGES[:0], none, none, NAMES) is None
    assert sample_images.of_samples({"a": sample_images.Sample(IMAGES[:0], none, NAMES)}) is None
    assert rsa_matrices.of_matrices({}, "Distance") is None
    assert mds_map.of_distances(DISTANCES[:2, :2], ["a", "b"], {}) is None


def test_confusion_counts_are_those_of_scikit_learn():
    found = confusion_matrix.confusion_counts(LABELS, PREDICTED, 4)
    assert (found == reference_confusion(LABELS, PREDICTED, labels=range(4))).all()
    with pytest.raises(ValueError, match=r"0\.\.1; got 0\.\.2"):
        confusion_matrix.confusion_counts(LABELS, PREDICTED, 2)


def test_the_first_class_is_the_top_row_and_the_diagonal_is_bold():
    cells = CHARTS["confusion"].panels[0].cells
    assert cells.rows == (*reversed(NAMES),)
    assert cells.columns == NAMES
    counts = reference_confusion(LABELS, PREDICTED)
    for row, column in cells.marked:
        assert cells.rows[row] == cells.columns[column]
        assert cells.texts[row][column] == str(counts[column, column])
    assert cells.values[2][0] == pytest.approx(100 * counts[0, 0] / counts[0].sum())


def test_mistakes_come_first_and_say_what_is_right():
    pictures = CHARTS["examples"].panels[0].pictures
    assert [one.mark for one in pictures] == ["wrong"] * 6 + ["right"] * 9
    assert pictures[0].caption == f"{EVIL}\nis a"


def test_each_class_of_a_task_is_shown():
    pictures = CHARTS["samples"].panels[0].pictures
    assert [one.caption for one in pictures] == ["a", "a", EVIL, EVIL, "c", "c"]
    assert pictures[0].pixels == IMAGES[0, 0].repeat(3).tobytes()


def test_a_picture_of_floats_reaches_from_black_to_white():
    pixels = np.frombuffer(picture(RNG.normal(size=(4, 4))).pixels, dtype=np.uint8)
    assert (pixels.min(), pixels.max()) == (0, 255)


def test_a_flat_map_is_black():
    assert set(picture(np.ones((3, 3))).pixels) == {0}


def test_an_image_of_two_channels_is_refused():
    with pytest.raises(ValueError, match="1 or 3 channels"):
        picture(np.zeros((2, 3, 3)))


def test_distances_in_a_plane_come_back_from_their_map():
    (panel,) = mds_map.of_distances(DISTANCES, LAYERS, {"all": range(5)}).panels
    found = np.array([(point.x, point.y) for point in panel.lines[0].points])
    again = np.linalg.norm(found[:, None] - found[None], axis=-1)
    assert again == pytest.approx(DISTANCES)
    assert (found[np.abs(found).argmax(axis=0), [0, 1]] > 0).all()
    with pytest.raises(ValueError, match="symmetric"):
        mds_map.of_distances(DISTANCES[:2], LAYERS, {})


def test_unknown_distances_are_empty_cells():
    matrix = DISTANCES.copy()
    matrix[0, 1] = np.nan
    chart = rsa_matrices.of_matrices({"x": rsa_matrices.Matrix(matrix, LAYERS, LAYERS)}, "Distance")
    assert chart.panels[0].cells.values[4][1] is None
    assert chart.panels[0].cells.values[4][0] == 0.0


def test_names_on_a_map_do_not_cover_each_other_and_ends_have_theirs():
    places = np.array([[0.0, 0.0], [0.01, 0.0], [0.5, 0.0], [0.51, 0.01]])
    names = ["first", "second", "third", "last"]
    assert mds_map.readable(places, names, [[0, 1, 2, 3]]) == {0, 3}
    apart = np.array([[0.0, 0.0], [0.0, 0.1], [0.5, 0.0], [0.7, 0.0]])
    assert mds_map.readable(apart, names, [[0, 1, 2, 3]]) == {0, 1, 2, 3}
