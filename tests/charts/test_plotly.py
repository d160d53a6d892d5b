"""The renderer for pages."""

import base64
import io
import json
import math
from dataclasses import replace

import numpy as np
import plotly.graph_objects as go
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.cbook import boxplot_stats as matplotlib_stats
from PIL import Image

from layercut.charts import Axis, Box, BoxSeries, Panel, Picture, Style
from layercut.charts.palette import DARK, ROLES
from layercut.charts.pictures import data_url
from layercut.charts.plotly import panel_figures
from layercut.charts.quartiles import quartiles
from support.sample_chart import CHART, EVIL, PICTURE


def test_plotly_accepts_every_panel():
    figures = [go.Figure(figure) for figure in panel_figures(CHART)]
    assert [len(figure.data) for figure in figures] == [2, 2, 1, 4, 1, 0]


def test_a_figure_is_json():
    json.dumps(panel_figures(CHART), allow_nan=False)


def test_boxes_carry_their_quartiles_at_their_category():
    box = panel_figures(CHART)[0]["data"][0]
    assert box["x"] == [0, 1]
    assert (box["q1"][0], box["median"][0], box["q3"][0]) == (1.5, 2.0, 2.5)
    assert (box["lowerfence"], box["upperfence"]) == ([1.0, 0.0], [3.0, 39.0])


def test_few_values_are_all_shown_and_of_many_the_outliers():
    def values(count):
        boxes = (Box(0, (*map(float, range(count)), 500.0)),)
        panel = Panel("", CHART.panels[0].x, Axis("y"), boxes=(BoxSeries("a", boxes, Style("ink")),))
        return panel_figures(replace(CHART, panels=(panel,)))[0]["data"][0]["y"]

    assert len(values(20)[0]) == 21
    assert values(100) == [[500.0]]


def test_a_box_of_many_values_without_outliers_keeps_a_place_among_the_points():
    boxes = (Box(0, tuple(map(float, range(100)))), Box(1, (*map(float, range(100)), 500.0)))
    panel = Panel("", CHART.panels[0].x, Axis("y"), boxes=(BoxSeries("a", boxes, Style("ink")),))
    box = panel_figures(replace(CHART, panels=(panel,)))[0]["data"][0]
    assert box["y"] == [[None], [500.0]]  # plotly draws no box of a trace whose first has no value at all


def test_intervals_reach_from_low_to_high():
    error = panel_figures(CHART)[1]["data"][0]["error_y"]
    assert (error["arrayminus"], error["array"]) == ([0.5, 0], [1.0, 0])


def test_lines_that_share_a_place_stand_beside_each_other_around_it():
    first, second = (trace["x"] for trace in panel_figures(CHART)[1]["data"])
    assert first[0] < 0.01 < second[0]
    assert math.sqrt(first[0] * second[0]) == pytest.approx(0.01, rel=1e-4)


def test_marked_cells_are_bold_and_missing_ones_have_no_number():
    figure = panel_figures(CHART)[2]
    assert [note["text"] for note in figure["layout"]["annotations"]] == ["<b>50.0</b>"]
    assert figure["data"][0]["z"] == [[50.0, None]]


def test_names_that_look_like_markup_are_escaped():
    assert EVIL not in json.dumps(panel_figures(CHART))


def test_a_page_can_fill_in_light_and_dark_colours():
    assert panel_figures(CHART, ROLES)[0]["layout"]["font"]["color"] == "@ink"
    assert panel_figures(CHART, DARK)[0]["layout"]["font"]["color"] == DARK.ink


def test_letters_stand_above_their_box():
    note, other = panel_figures(CHART)[0]["layout"]["annotations"]
    assert (note["x"], note["y"], note["text"]) == (0, 3.0, "ab")
    assert other["text"] == "&lt;b&gt;"


def test_a_band_reaches_from_low_to_high_and_back():
    band = panel_figures(CHART)[3]["data"][1]
    assert band["x"] == [1, 2, 2, 1]
    assert band["y"] == [2.0, 3.0, 1.0, 0.5]
    assert band["name"] == "curve"


def test_points_that_are_not_connected_have_no_line_and_show_their_labels():
    trace = panel_figures(CHART)[3]["data"][3]
    assert trace["mode"] == "markers+text"
    assert trace["text"] == ["a", "b"]


def test_pictures_keep_every_pixel():
    layout = panel_figures(CHART)[5]["layout"]
    data = base64.b64decode(layout["images"][0]["source"].removeprefix("data:image/png;base64,"))
    assert Image.open(io.BytesIO(data)).tobytes() == PICTURE.pixels
    assert [shape["line"]["dash"] for shape in layout["shapes"]] == ["dot"]


@given(st.lists(st.integers(0, 50), min_size=1, max_size=40))
def test_quartiles_are_those_of_matplotlib(values):
    (expected,) = matplotlib_stats(values)
    found = quartiles(values)
    assert found[:5] == pytest.approx([expected[name] for name in ("whislo", "q1", "med", "q3", "whishi")])
    assert sorted(found.outliers) == sorted(map(float, expected["fliers"]))


def test_axes_whose_numbers_say_nothing_have_none():
    axis = Axis("t-SNE", limits=(-1, 1), bare=True)
    chart = replace(CHART, panels=(Panel("", axis, axis),))
    layout = panel_figures(chart)[0]["layout"]
    assert not layout["xaxis"]["showticklabels"]
    assert not layout["yaxis"]["showgrid"]


@pytest.mark.parametrize("num_colors", [32, 300])
def test_large_pictures_of_few_colours_keep_every_pixel_too(num_colors):
    generator = np.random.default_rng(0)
    colors = generator.integers(0, 256, (num_colors, 3), dtype=np.uint8)
    pixels = colors[generator.integers(0, num_colors, (40, 50))]
    url = data_url(Picture(50, 40, pixels.tobytes()))
    image = Image.open(io.BytesIO(base64.b64decode(url.removeprefix("data:image/png;base64,"))))
    assert image.mode == ("P" if num_colors == 32 else "RGB")
    assert (np.asarray(image.convert("RGB")) == pixels).all()


def test_a_unit_of_a_map_is_as_long_on_both_axes():
    layout = panel_figures(replace(CHART, panels=(replace(CHART.panels[1], is_map=True),)))[0]["layout"]
    assert layout["yaxis"]["scaleanchor"] == "x"
