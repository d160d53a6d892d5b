"""The numbers in each figure are those of the table."""

import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from layercut.errors import UserError
from layercut.figures import charts_of
from layercut.figures.accuracy_by_parameters import pareto_front
from layercut.figures.dissimilarity_histograms import shares
from layercut.figures.learning_curves import MAX_POINTS, _Average, _drawn, _line
from layercut.figures.names import cut_style, fraction_axis, fraction_label, strategies_in_order, strategy_style
from layercut.stats import best_cuts, rank_groups
from layercut.stats.tables import STRATEGY_ORDER
from support.fake_results import fake_results
from support.fake_study import NUM_EPOCHS, fake_study

TABLE = fake_results(fractions=(0.01, 1.0), num_replicates=6)
STUDY = fake_study(TABLE)


def chart_of(name):
    ((_, chart),) = charts_of(name, STUDY)
    return chart


def test_boxes_hold_the_test_accuracies_in_per_cent():
    panel = chart_of("cut_boxes").panels[0]
    assert panel.title == "1 % of the data"
    series = next(s for s in panel.boxes if s.name == "reinit")
    rows = TABLE[(TABLE["strategy"] == "reinit") & (TABLE["cut"] == 2) & (TABLE["fraction"] == 0.01)]
    assert series.boxes[2].values == pytest.approx(tuple(100 * rows["test_accuracy"]))
    assert panel.y.unit == "%"


def test_letters_are_the_rank_groups_of_the_strategy():
    table = fake_results(fractions=(0.01,), num_replicates=14)
    groups = rank_groups(table).set_index(["strategy", "cut"])["letters"]
    ((_, chart),) = charts_of("cut_boxes", table)
    for series in chart.panels[0].boxes:
        expected = ["" if series.name == "finetune" else groups[series.name, cut] for cut in range(5)]
        assert [box.letters for box in series.boxes] == expected
    assert len(set(groups["freeze_truncate"])) > 1
    assert "share a letter" in chart.caption


def test_too_few_replicates_give_no_letters():
    ((_, chart),) = charts_of("cut_boxes", fake_results(fractions=(0.01,), num_replicates=5))
    assert not any(box.letters for series in chart.panels[0].boxes for box in series.boxes)
    assert "letter" not in chart.caption


def test_kept_predictions_are_those_of_the_recommended_and_the_worst_condition():
    recommended = {best.fraction: (best.strategy, best.cut) for best in best_cuts(TABLE)}
    means = TABLE.groupby(["fraction", "strategy", "cut"])["test_accuracy"].mean()
    chart = chart_of("confusion_matrix")
    assert [panel.fraction for panel in chart.panels] == ["1 %", "1 %", "100 %", "100 %"]
    for panel in chart.panels:
        rank, name = re.match(r"(recommended|lowest mean) at .*?: (.*) \(", panel.title).groups()
        strategy, _, cut = name.partition(" at cut ")
        fraction = 0.01 if panel.fraction == "1 %" else 1.0
        if rank == "recommended":
            assert (strategy, int(cut or 0)) == recommended[fraction]
        else:
            assert means[fraction][strategy, int(cut or 0)] == pytest.approx(means[fraction].min())
    examples = chart_of("predicted_examples").panels[0].pictures
    assert [picture.mark for picture in examples] == ["right", "right", "wrong"]
    assert len(chart_of("feature_maps").panels) == 1 + 4
    assert [panel.title for panel in chart_of("sample_images").panels] == [TABLE["source"][0], TABLE["target"][0]]


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
    table = fake_results(fractions=(0.01, 1.0), num_replicates=9)
    ((_, chart),) = charts_of("difference_to_scratch", table)
    panel = next(p for p in chart.panels if p.title == "freeze_reinit")
    line = next(line for line in panel.lines if line.name == "cut 2")
    rows = table[table["fraction"] == 0.01].pivot(
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


def test_lines_by_fraction_hold_means_and_end_with_scratch():
    panel = next(p for p in chart_of("accuracy_by_fraction").panels if p.title == "reinit")
    assert [line.name for line in panel.lines] == ["cut 0", "cut 1", "cut 2", "cut 3", "cut 4", "scratch"]
    mean = 100 * TABLE.groupby(["strategy", "cut", "fraction"])["test_accuracy"].mean()
    assert [point.y for point in panel.lines[2].points] == pytest.approx(list(mean["reinit", 2]))
    assert all(point.low < point.y < point.high for point in panel.lines[2].points)


def test_bars_hold_means_from_zero_with_intervals():
    panel = chart_of("accuracy_bars").panels[0]
    bars = {series.name: series.bars for series in panel.bars}["freeze"]
    mean = 100 * TABLE.groupby(["fraction", "strategy", "cut"])["test_accuracy"].mean()
    assert bars[3].y == pytest.approx(mean[0.01, "freeze", 3])
    assert bars[3].low < bars[3].y < bars[3].high
    assert panel.y.limits[0] == 0


def test_a_surface_is_the_heat_map_without_scratch():
    flat, raised = (
        next(p for p in chart_of(name).panels if p.title == "reinit") for name in ("mean_heatmap", "accuracy_surface")
    )
    assert raised.surface.columns == ("0", "1", "2", "3", "4")
    assert raised.surface.values == tuple(row[1:] for row in flat.cells.values)


def test_no_condition_beats_the_pareto_front_with_fewer_parameters():
    panel = next(p for p in chart_of("accuracy_by_parameters").panels if "Trained" in p.x.title)
    front = next(line for line in panel.lines if line.name == "Pareto front").points
    points = [point for line in panel.lines for point in line.points]
    assert {(point.x, round(point.y, 9)) for point in front} <= {(point.x, round(point.y, 9)) for point in points}
    for point in points:
        assert max(other.y for other in front if other.x <= point.x) >= point.y - 1e-9
    assert [point.y for point in front] == sorted(point.y for point in front)


def test_operations_of_a_strategy_follow_from_the_blocks_that_it_leaves_not_from_its_name():
    left = {"shorter": [0, 1, 2, 3, 4], "truncates_nothing": [4] * 5, "scratch": [4] * 5}
    told = {"target": "digits[5,6,7,8,9]", "model": "plain_cnn", "whole": 900, "truncated": [100, 300, 500, 700, 900]}
    table = TABLE.assign(
        strategy=TABLE["strategy"].replace({"truncate": "shorter", "reinit": "truncates_nothing"}),
    )
    table.attrs = TABLE.attrs | {"plan": {"operations_per_image": [told | {"blocks_left": left}]}}
    ((_, chart),) = charts_of("accuracy_by_parameters", table)
    panels = [panel for panel in chart.panels if panel.x.title.startswith("Operations")]
    assert [panel.fraction for panel in panels] == ["1 %", "100 %"]
    lines = {line.name: [point.x for point in line.points] for line in panels[0].lines}
    assert lines["shorter"] == [100, 300, 500, 700, 900]
    assert set(lines["truncates_nothing"]) == set(lines["scratch"]) == {900}
    assert not any(panel.x.title.startswith("Operations") for panel in chart_of("accuracy_by_parameters").panels)


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), max_size=12))
def test_the_front_is_what_nothing_dominates(points):
    sizes, scores = [float(size) for size, _ in points], [float(score) for _, score in points]
    expected = {
        (size, score)
        for size, score in points
        if not any((a <= size and b >= score) and (a, b) != (size, score) for a, b in points)
    }
    front = pareto_front(sizes, scores)
    assert {points[place] for place in front} == expected
    assert len(front) == len(expected)


def test_times_are_medians_and_cutless_strategies_lie_flat():
    panel = chart_of("timing").panels[0]
    line = next(line for line in panel.lines if line.name == "scratch")
    assert [point.y for point in line.points] == [0.25] * 5
    assert panel.y.unit == "s"


def test_learning_curves_are_means_over_replicates_of_the_best_cut():
    loss, accuracy = chart_of("learning_curves").panels[:2]
    assert (loss.title, loss.y.title) == ("1 % of the data", "Training loss")
    assert accuracy.y.unit == "%"
    line = loss.lines[0]
    assert [point.x for point in line.points] == list(range(1, NUM_EPOCHS + 1))
    assert line.points[1].y == pytest.approx((1 + 0.25) / 2)
    after_replicate_0_stopped = line.points[4]
    assert after_replicate_0_stopped.y == pytest.approx((1 + 0.3) / 5)
    assert "(5 replicates)" in after_replicate_0_stopped.note
    assert line.points[1].high - line.points[1].y == pytest.approx(np.std(np.arange(6) * 0.1, ddof=1) / 2)


def test_bands_of_learning_curves_end_where_values_do():
    points = [point for panel in chart_of("learning_curves").panels for line in panel.lines for point in line.points]
    assert min(point.low for point in points) >= 0
    band = _line(STUDY.best_by_strategy[0], [_Average(1, 99.0, 3.0, 5)], 100.0).points[0]
    assert (band.low, band.high) == (96.0, 100.0)


def test_long_curves_are_thinned_with_their_ends_kept():
    drawn = _drawn(1000)
    assert len(drawn) <= MAX_POINTS
    assert (drawn[0], drawn[-1]) == (0, 999)


def test_fractions_too_close_to_print_beside_each_other_keep_a_blank_tick():
    labels = [tick.label for tick in fraction_axis([0.001, 0.01, 0.1, 0.5, 1.0]).ticks]
    assert labels == ["0.1 %", "1 %", "10 %", "", "100 %"]


def test_strategies_keep_their_order_and_look_in_every_figure():
    assert strategies_in_order(["zebra", "truncate", "scratch", "freeze"]) == ["scratch", "freeze", "truncate", "zebra"]
    styles = [strategy_style(name) for name in strategies_in_order(TABLE["strategy"])]
    assert len({style.color for style in styles}) == len({style.marker for style in styles}) == len(styles)


def test_strategies_of_other_packages_look_different_from_each_other_and_from_ours():
    ours = [strategy_style(name) for name in STRATEGY_ORDER]
    theirs = [strategy_style(name) for name in ("evens", "odds", "ends", "shrink")]
    assert len({*ours, *theirs}) == len(ours) + len(theirs)


def test_neighbouring_cuts_differ_without_colour():
    styles = [cut_style(cut, 6) for cut in range(7)]
    assert len({style.marker for style in styles}) == 7


def test_fractions_are_said_in_per_cent():
    assert [fraction_label(value) for value in (0.001, 0.05, 0.3, 1.0)] == ["0.1 %", "5 %", "30 %", "100 %"]


def test_scratch_can_be_a_box_beside_the_cuts():
    ((_, chart),) = charts_of("cut_boxes", STUDY, scratch="box")
    panel = chart.panels[0]
    assert [tick.label for tick in panel.x.ticks] == ["scratch", "0", "1", "2", "3", "4"]
    assert (panel.references, panel.boxes[0].name) == ((), "scratch")
    rows = TABLE[(TABLE["strategy"] == "scratch") & (TABLE["fraction"] == 0.01)]
    (box,) = panel.boxes[0].boxes
    assert (box.at, box.values) == (0, pytest.approx(tuple(100 * rows["test_accuracy"])))
    reinit = next(s for s in panel.boxes if s.name == "reinit")
    assert [box.at for box in reinit.boxes] == [1, 2, 3, 4, 5]
    assert {entry.name: entry.kind for entry in chart.legend}["scratch"] == "box"


def test_the_difference_can_be_one_of_medians():
    ((_, chart),) = charts_of("difference_to_scratch", STUDY, of="median")
    panel = next(panel for panel in chart.panels if panel.strategy == "reinit")
    line = next(line for line in panel.lines if line.name == "cut 2")
    medians = TABLE.groupby(["strategy", "cut", "fraction"])["test_accuracy"].median()
    expected = [100 * (medians["reinit", 2, f] - medians["scratch", 0, f]) for f in (0.01, 1.0)]
    assert [point.y for point in line.points] == pytest.approx(expected)
    assert all(point.low is None for point in line.points)
    assert "Median test accuracy minus" in chart.caption


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"scratsch": "box"}, "has no option 'scratsch'; did you mean 'scratch'"),
        ({"scratch": "violin"}, "expected scratch of the figure cut_boxes to be one of 'line', 'box'; got 'violin'"),
    ],
)
def test_an_option_that_a_figure_does_not_have_is_refused(options, words):
    with pytest.raises(UserError, match=words):
        charts_of("cut_boxes", STUDY, **options)


def test_the_extremes_of_all_settings_are_those_of_the_whole_study():
    table = fake_results(fractions=(0.01, 1.0), num_replicates=2, sources=("a", "b"), factors={"lr": ("low", "high")})
    ((context, chart),) = charts_of("confusion_extremes", fake_study(table))
    assert context.source == "a"
    means = table.groupby(["source", "factor_lr", "strategy", "cut", "fraction"])["test_accuracy"].mean()
    assert len(chart.panels) == 2
    for panel, extreme in zip(chart.panels, (means.max(), means.min()), strict=True):
        share, name, source, rate = re.match(
            r".* mean at (.*) %: (.*) \(.*\), (.*), .*, lr: (.*)", panel.title
        ).groups()
        strategy, _, cut = name.partition(" at cut ")
        assert means[source, rate, strategy, int(cut or 0), float(share) / 100] == pytest.approx(extreme)


def test_histograms_of_dissimilarities_count_pairs_of_the_same_class_and_of_others():
    labels = np.array([0, 0, 1, 1])
    matrix = np.array([[0, 0.1, 0.9, 0.8], [0.1, 0, 0.7, np.nan], [0.9, 0.7, 0, 0.2], [0.8, np.nan, 0.2, 0]])
    found = shares(labels, matrix)
    same, different = found["same class"], found["different classes"]
    assert same[0][same[1] > 0] == pytest.approx([0.1, 0.2], abs=0.02)
    assert same[1][same[1] > 0] == pytest.approx([0.5, 0.5])
    assert different[0][different[1] > 0] == pytest.approx([0.7, 0.8, 0.9], abs=0.02)
    chart = chart_of("dissimilarity_histograms")
    assert all(sum(point.y for point in line.points) == pytest.approx(100) for p in chart.panels for line in p.lines)


def test_pilots_are_lines_by_rate_with_a_star_at_what_was_taken():
    panel = next(one for one in chart_of("learning_rates").panels if one.strategy == "reinit")
    *lines, taken = panel.lines
    points = [(point.x, round(point.y, 6)) for point in lines[1].points]
    assert points == [(1e-3, 50.0), (1e-2, 75.0), (1e-1, 60.0)]
    assert [point.x for point in lines[0].points] == [1e-3, 1e-2]  # at cut 0 the highest diverged
    assert {(point.x, round(point.y, 6)) for point in taken.points} == {(1e-2, 75.0)}
