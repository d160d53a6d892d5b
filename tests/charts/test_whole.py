"""A study's charts as one figure of plotly."""

from __future__ import annotations

import plotly.graph_objects as go
import pytest

import layercut
from layercut.figures import FIGURES
from support.fake_results import fake_results


def axes_of(figure):
    return [(figure.layout[axis].domain, axis) for axis in figure.layout if axis.startswith("xaxis")]


def test_every_panel_has_a_place_of_its_own():
    figure = layercut.plot(fake_results(fractions=(0.01, 0.1, 0.5, 1.0))).figure()
    assert isinstance(figure, go.Figure)
    boxes = {trace.xaxis for trace in figure.data if trace.type == "box"}
    assert boxes == {"x", "x2", "x3", "x4"}
    places = {(figure.layout[f"xaxis{n}"].domain, figure.layout[f"yaxis{n}"].domain) for n in ("", 2, 3, 4)}
    assert len(places) == 4


def test_the_legend_names_each_entry_once():
    figure = layercut.plot(fake_results(models=("a", "b"), fractions=(0.1,))).figure()
    shown = [trace.name for trace in figure.data if trace.showlegend is None]
    assert shown
    assert len(shown) == len(set(shown))


def test_each_context_is_named_above_its_panels():
    figure = layercut.plot(fake_results(models=("a", "b"), fractions=(0.1,))).figure()
    titles = [note.text for note in figure.layout.annotations if note.xref == "paper"]
    assert [title.split(":")[0] for title in titles] == ["<b>a", "<b>b"]


@pytest.mark.parametrize("name", ["cut_boxes", "accuracy_surface", "difference_to_scratch", "accuracy_bars"])
def test_plotly_takes_the_figure_whatever_it_shows(name):
    assert name in FIGURES
    figure = layercut.plot(fake_results(fractions=(0.1, 1.0)), name).figure()
    assert figure.to_json()
