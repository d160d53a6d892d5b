"""The renderer for paper."""

import pytest

from layercut.charts.matplotlib import FORMATS, PAGE_INCHES, draw, save
from sample_chart import CHART, EVIL


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
