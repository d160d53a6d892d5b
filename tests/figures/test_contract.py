"""What every registered figure promises."""

import json

import pytest

from layercut.charts import Chart
from layercut.charts.matplotlib import draw
from layercut.charts.plotly import panel_figures
from layercut.figures import FIGURES, charts_of
from layercut.figures.study_tables import StudyTables
from support.fake_results import fake_results
from support.fake_study import fake_study

EVIL = "<script>alert(1)</script>"


def part(table, rows):
    """Return some rows of a table, with its attributes."""
    some = table[rows].reset_index(drop=True)
    some.attrs = table.attrs
    return some


FULL = fake_results(num_replicates=3)
TABLES = {
    "full": FULL,
    "one row": part(FULL, FULL.index == 40),
    "only scratch": fake_results(strategies=("scratch",), num_replicates=2),
    "without scratch": fake_results(strategies=("freeze_reinit", "truncate"), num_replicates=2),
    "one replicate": fake_results(num_replicates=1),
    "one fraction, one cut": part(FULL, (FULL["fraction"] == 0.1) & (FULL["cut"] == 0)),
    "many replicates": fake_results(num_replicates=35, fractions=(1.0,), strategies=("scratch", "reinit")),
    "failed trials": fake_results(num_replicates=2, failed=range(0, 180, 3)),
    "all failed": fake_results(num_replicates=2, fractions=(0.1,), num_blocks=1, failed=range(26)),
    "no validation": fake_results(num_replicates=3, validation=False),
    "several contexts": fake_results(
        num_replicates=2,
        num_blocks=1,
        fractions=(0.1, 1.0),
        sources=("a", EVIL),
        models=("m", "n"),
        factors={"lr": ("low", "high")},
    ),
    "unknown strategy": FULL.assign(strategy=FULL["strategy"].replace("reinit", EVIL)),
}
TABLES["unknown strategy"].attrs = FULL.attrs
ACROSS = ("probe_rank_correlation", "confusion_extremes")
"""Figures that compare sources: one for all of them."""
NUM_CHARTS = {"probe_rank_correlation": 0, "source_accuracy": 1, "confusion_extremes": 1}
"""Charts of a study of eight contexts, where they are not one each."""
SEVERAL = fake_results(num_replicates=2, num_blocks=2, fractions=(0.01,), sources=tuple("abcde"))
DRAWN = ("one row", "one replicate", "failed trials", "several contexts", "unknown strategy")
"""Those that are drawn on paper too, which takes longer."""


@pytest.mark.parametrize("name", FIGURES.names())
def test_an_empty_table_gives_no_chart(name):
    empty = part(FULL, FULL.index < 0)
    assert charts_of(name, empty) == []
    assert FIGURES[name](StudyTables(empty)) is None


@pytest.mark.parametrize("table", TABLES)
@pytest.mark.parametrize("name", FIGURES.names())
def test_both_renderers_draw_what_is_computed(name, table):
    charts = [chart for _, chart in charts_of(name, fake_study(TABLES[table]))]
    for chart in charts:
        assert isinstance(chart, Chart)
        assert chart.panels
        assert not any(panel.empty for panel in chart.panels)
        json.dumps(panel_figures(chart), allow_nan=False)
    for chart in charts[:1] if table in DRAWN else ():
        draw(chart)


@pytest.mark.parametrize("name", FIGURES.names())
def test_a_full_table_gives_a_chart_that_explains_itself(name):
    ((_, chart),) = charts_of(name, fake_study(SEVERAL if name in ACROSS else FULL))
    assert chart.name == name
    assert chart.title
    assert chart.caption.endswith(".")
    assert chart.alt
    for panel in chart.panels:
        assert panel.pictures or panel.x.title
        assert panel.pictures or panel.y.title
        assert panel.z is None or panel.z.title


@pytest.mark.parametrize("name", FIGURES.names())
def test_a_figure_without_its_data_is_left_out(name):
    bare = StudyTables(FULL.assign(wall_seconds=0.0, num_parameters=float("nan"), num_trained_parameters=0.0))
    needs = {
        "learning_curves", "cluster_boxes", "probe_by_layer", "probe_scoreboard", "timing", "accuracy_by_parameters",
        "confusion_matrix", "predicted_examples", "feature_maps", "sample_images", "features_scatter",
        "dissimilarity_matrices", "rsa_matrices", "mds_map", "source_accuracy", "class_scores",
        "dissimilarity_histograms", "learning_rates",
        *ACROSS,
    }  # fmt: skip
    assert (FIGURES[name](bare) is None) == (name in needs)


@pytest.mark.parametrize("name", FIGURES.names())
def test_each_context_has_a_chart_of_its_own(name):
    assert len(charts_of(name, fake_study(TABLES["several contexts"]))) == NUM_CHARTS.get(name, 8)


@pytest.mark.parametrize("name", FIGURES.names())
def test_every_series_is_in_the_legend(name):
    ((_, chart),) = charts_of(name, fake_study(SEVERAL if name in ACROSS else FULL))
    entries = {entry.name for entry in chart.legend}
    drawn = {
        series.name for panel in chart.panels for series in (*panel.boxes, *panel.bars, *panel.lines, *panel.references)
    }
    assert drawn == entries


@pytest.mark.parametrize("name", FIGURES.names())
def test_the_order_of_rows_changes_nothing(name):
    table = SEVERAL if name in ACROSS else FULL
    shuffled = table.sample(frac=1.0, random_state=0)
    shuffled.attrs = table.attrs
    ((_, chart),), ((_, again),) = charts_of(name, fake_study(table)), charts_of(name, fake_study(shuffled))
    assert [panel.title for panel in again.panels] == [panel.title for panel in chart.panels]
    assert again.legend == chart.legend
    assert [points_of(panel) for panel in again.panels] == [points_of(panel) for panel in chart.panels]


def points_of(panel):
    """Return the lines of a panel without the last bits, in which sums depend on their order."""
    return [(line.name, [(round(p.x, 9), round(p.y, 9), p.note) for p in line.points]) for line in panel.lines]
