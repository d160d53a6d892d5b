"""The numbers in each figure are those of the table."""

import pytest

from fake_results import fake_results
from layercut.figures import charts_of
from layercut.figures.names import cut_style, fraction_label, strategies_in_order, strategy_style

TABLE = fake_results(fractions=(0.01, 1.0), num_replicates=6)


def chart_of(name):
    ((_, chart),) = charts_of(name, TABLE)
    return chart


def test_boxes_hold_the_test_accuracies_in_per_cent():
    panel = chart_of("cut_boxes").panels[0]
    assert panel.title == "1 % of the data"
    series = next(s for s in panel.boxes if s.name == "reinit")
    rows = TABLE[(TABLE["strategy"] == "reinit") & (TABLE["cut"] == 2) & (TABLE["fraction"] == 0.01)]
    assert series.boxes[2].values == pytest.approx(tuple(100 * rows["test_accuracy"]))
    assert panel.y.unit == "%"


def test_scratch_is_a_line_at_its_median():
    panel = chart_of("cut_boxes").panels[1]
    scratch = TABLE[(TABLE["strategy"] == "scratch") & (TABLE["fraction"] == 1.0)]["test_accuracy"]
    assert panel.references[0].y == pytest.approx(100 * scratch.median())
    assert "scratch" not in [series.name for series in panel.boxes]


def test_merged_trials_are_shown_under_every_name():
    boxes = {series.name: series.boxes for series in chart_of("cut_boxes").panels[0].boxes}
    assert boxes["freeze"][4].values == boxes["freeze_reinit"][4].values
    assert len(boxes["finetune"]) == 5


def test_differences_are_paired_points_with_intervals():
    chart = chart_of("difference_to_scratch")
    panel = next(p for p in chart.panels if p.title == "freeze_reinit")
    line = next(line for line in panel.lines if line.name == "cut 2")
    rows = TABLE[TABLE["fraction"] == 0.01].pivot(
        index="replicate", columns=["strategy", "cut"], values="test_accuracy"
    )
    expected = 100 * (rows[("freeze_reinit", 2)] - rows[("scratch", 0)]).mean()
    assert line.points[0].y == pytest.approx(expected)
    assert line.points[0].low < expected < line.points[0].high
    assert f"{expected:+.1f} points" in line.points[0].note


def test_finetuning_has_one_line_for_all_cuts():
    panel = next(p for p in chart_of("difference_to_scratch").panels if p.title == "finetune")
    assert [line.name for line in panel.lines] == ["any cut"]


def test_cells_hold_means_and_mark_the_highest_of_each_fraction():
    chart = chart_of("mean_heatmap")
    means = 100 * TABLE.groupby(["fraction", "strategy", "cut"])["test_accuracy"].mean()
    panel = next(p for p in chart.panels if p.title == "reinit")
    assert panel.cells is not None
    assert panel.cells.columns == ("scratch", "0", "1", "2", "3", "4")
    assert panel.cells.values[0][2] == pytest.approx(means[(0.01, "reinit", 1)])
    marked = [p.cells.values[row][column] for p in chart.panels if p.cells for row, column in p.cells.marked]
    assert set(marked) == {means[0.01].max(), means[1.0].max()}
    assert chart.color_scale == (means.min(), means.max())


def test_strategies_keep_their_order_and_look_in_every_figure():
    assert strategies_in_order(["zebra", "truncate", "scratch", "freeze"]) == ["scratch", "freeze", "truncate", "zebra"]
    styles = [strategy_style(name) for name in strategies_in_order(TABLE["strategy"])]
    assert len({style.color for style in styles}) == len({style.marker for style in styles}) == len(styles)


def test_neighbouring_cuts_differ_without_colour():
    styles = [cut_style(cut, 6) for cut in range(7)]
    assert len({style.marker for style in styles}) == 7


def test_fractions_are_said_in_per_cent():
    assert [fraction_label(value) for value in (0.001, 0.05, 0.3, 1.0)] == ["0.1 %", "5 %", "30 %", "100 %"]
