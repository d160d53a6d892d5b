"""The renderer for pages."""

import json
import math

import plotly.graph_objects as go
import pytest

from layercut.charts.palette import DARK, ROLES
from layercut.charts.plotly import panel_figures
from sample_chart import CHART, EVIL


def test_plotly_accepts_every_panel():
    figures = [go.Figure(figure) for figure in panel_figures(CHART)]
    assert [len(figure.data) for figure in figures] == [2, 2, 1]


def test_a_figure_is_json():
    json.dumps(panel_figures(CHART), allow_nan=False)


def test_boxes_carry_every_value_at_its_category():
    box = panel_figures(CHART)[0]["data"][0]
    assert box["x"] == [0] * 3 + [1] * 40
    assert box["y"][:3] == [1.0, 2.0, 3.0]


def test_intervals_reach_from_low_to_high():
    error = panel_figures(CHART)[1]["data"][0]["error_y"]
    assert (error["arrayminus"], error["array"]) == ([0.5, 0], [1.0, 0])


def test_lines_that_share_a_place_stand_beside_each_other_around_it():
    first, second = (trace["x"] for trace in panel_figures(CHART)[1]["data"])
    assert first[0] < 0.01 < second[0]
    assert math.sqrt(first[0] * second[0]) == pytest.approx(0.01)


def test_marked_cells_are_bold_and_missing_ones_have_no_number():
    figure = panel_figures(CHART)[2]
    assert [note["text"] for note in figure["layout"]["annotations"]] == ["<b>50.0</b>"]
    assert figure["data"][0]["z"] == [[50.0, None]]


def test_names_that_look_like_markup_are_escaped():
    assert EVIL not in json.dumps(panel_figures(CHART))


def test_a_page_can_fill_in_light_and_dark_colours():
    assert panel_figures(CHART, ROLES)[0]["layout"]["font"]["color"] == "@ink"
    assert panel_figures(CHART, DARK)[0]["layout"]["font"]["color"] == DARK.ink
