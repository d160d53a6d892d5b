"""The renderer for paper."""

from dataclasses import replace

import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg

from layercut.charts import Axis, Cells, Chart, Line, Panel, Point, Style, Tick
from layercut.charts.chart import FORMATS
from layercut.charts.matplotlib import PAGE_INCHES, draw, save
from support.sample_chart import CHART, EVIL, PICTURE


@pytest.mark.parametrize("kind", FORMATS)
def test_a_file_of_each_format_is_the_same_when_written_again(tmp_path, kind):
    first, second = (save(CHART, tmp_path / f"{name}.{kind}").read_bytes() for name in ("a", "b"))
    assert first == second
    assert len(first) > 1000


def test_another_format_is_refused(tmp_path):
    with pytest.raises(ValueError, match=r"\.svg, \.pdf or \.png"):
        save(CHART, tmp_path / "figure.gif")


def test_every_panel_has_its_title_and_axis_labels():
    figure = draw(CHART)
    axes = figure.axes[:6]
    assert [axis.get_title("left") for axis in axes] == ["boxes", "lines", "cells", "bars", "surface", "pictures"]
    assert axes[0].get_ylabel() == "Accuracy (%)"
    assert figure.get_size_inches()[0] == PAGE_INCHES


def test_the_legend_lists_every_entry():
    (legend,) = draw(CHART).legends
    assert [text.get_text() for text in legend.get_texts()] == [EVIL, "cut 0", "scratch", "bar", "point"]


def test_the_legend_shows_markers_where_lines_have_them():
    (marked,) = (panel for panel in CHART.panels if panel.title == "lines")
    plain = replace(marked, lines=tuple(replace(line, marked=False) for line in marked.lines))
    shown = []
    for panel in (marked, plain):
        (legend,) = draw(replace(CHART, panels=(panel,), color_scale=None)).legends
        names = [text.get_text() for text in legend.get_texts()]
        shown.append(legend.legend_handles[names.index("cut 0")].get_marker())
    assert shown[0]
    assert not shown[1]


def test_labels_lean_where_panels_are_narrow_and_lie_flat_where_they_are_wide():
    names = ("input", "conv0", "conv1", "conv2", "conv3", "output")
    axis = Axis("Layer", scale="category", ticks=tuple(Tick(place, name) for place, name in enumerate(names)))
    panel = Panel("", axis, Axis("y"), lines=(Line("a", (Point(0, 1.0),), Style("ink")),))
    wide, narrow = (draw(replace(CHART, panels=(panel,) * number, color_scale=None)) for number in (2, 3))
    assert {label.get_rotation() for axes in wide.axes for label in axes.get_xticklabels()} == {0}
    assert {label.get_rotation() for axes in narrow.axes for label in axes.get_xticklabels()} == {35}


def test_axes_whose_numbers_say_nothing_have_none():
    axis = Axis("t-SNE", limits=(-1, 1), bare=True)
    panel = Panel("", axis, axis, lines=(Line("a", (Point(0, 0),), Style("ink"), connected=False),))
    (axes,) = draw(replace(CHART, panels=(panel,), color_scale=None)).axes
    assert list(axes.get_xticks()) == list(axes.get_yticks()) == []


def test_pictures_take_as_much_height_as_their_rows():
    pictures = (PICTURE,) * 10
    panel = Panel("", Axis(""), Axis(""), pictures=pictures)
    chart = replace(CHART, panels=(panel,) * 4, color_scale=None, legend=())
    one, two = (draw(replace(chart, num_columns=columns)).get_size_inches()[1] for columns in (1, 2))
    assert two < 0.4 * one


@pytest.mark.parametrize("columns", [2, 3])
def test_no_title_runs_into_the_next_panel_or_the_bar_of_colours(columns):
    names = ("ant", "bee", "a longer name")
    cells = Cells(names, names, ((0.0, 50.0, 100.0),) * 3, (("1", "2", "3"),) * 3)
    ticks = tuple(Tick(place, name) for place, name in enumerate(names))
    axes = Axis("Predicted class", scale="category", ticks=ticks), Axis("True class", scale="category", ticks=ticks)
    title = "lowest mean at 100 %: freeze_truncate at cut 0 (here 72.0 %)"
    panels = tuple(Panel(title, *axes, cells=cells) for _ in range(2 * columns))
    chart = Chart(
        "confusion_matrix",
        "Confusion",
        panels,
        "c",
        "a",
        color_scale=(0.0, 100.0),
        color_title="Share",
        num_columns=columns,
    )
    figure = draw(chart)
    FigureCanvasAgg(figure).draw()
    renderer = figure.canvas.get_renderer()
    *drawn, bar = figure.axes
    titles = [one._left_title.get_window_extent(renderer) for one in drawn]
    for place, box in enumerate(titles):
        right = drawn[place + 1] if (place + 1) % columns else bar
        assert box.x1 < right.get_tightbbox(renderer).x0
