"""Where series stand on an axis."""

from itertools import pairwise

import pytest

from layercut.charts import Axis, Line, Panel, Picture, Point, Style, Tick
from layercut.charts.extent import beside, crowded, dodge, line_aside, picture_grid

LOG = Axis("x", scale="log", ticks=(Tick(0.5, "50 %"), Tick(1.0, "100 %")), limits=(0.0001, 2.0))


def test_series_together_take_at_most_half_of_the_least_gap():
    offsets = [dodge(LOG, index, 7) for index in range(7)]
    assert offsets[-1] - offsets[0] == pytest.approx(0.5 * 0.30103, abs=1e-5)
    assert sum(offsets) == pytest.approx(0)
    assert all(low < high for low, high in pairwise(offsets))


def test_fronts_bands_and_lone_points_stay_where_they_are():
    points = (Point(1, 1), Point(2, 2))
    lines = (
        Line("moved", points, Style("ink")),
        Line("front", points, Style("ink"), marked=False),
        Line("band", points, Style("ink"), spread="band"),
        Line("points", points, Style("ink"), connected=False),
    )
    panel = Panel("", LOG, Axis("y"), lines=lines)
    assert [line_aside(panel, index) != 0 for index in range(4)] == [True, False, False, False]


def test_boxes_of_a_category_stand_beside_each_other_within_it():
    assert [beside(index, 2) for index in range(2)] == pytest.approx([-0.21, 0.21])


def test_long_or_many_labels_are_crowded():
    def axis(*labels):
        return Axis("", scale="category", ticks=tuple(Tick(at, label) for at, label in enumerate(labels)))

    assert not crowded(axis("scratch", *map(str, range(7))))
    assert crowded(axis(*[f"conv{place}" for place in range(13)]))
    assert crowded(axis("a", "a very long name"))
    assert not crowded(axis("a very long name"))


def test_few_pictures_are_no_larger_than_many():
    picture = Picture(1, 1, bytes(3))
    assert picture_grid(Panel("", Axis(""), Axis(""), pictures=(picture,))) == (1, 5)
    assert picture_grid(Panel("", Axis(""), Axis(""), pictures=(picture,) * 36)) == (6, 6)
    assert picture_grid(Panel("", Axis(""), Axis(""), pictures=(picture,) * 5, picture_columns=3)) == (2, 3)
