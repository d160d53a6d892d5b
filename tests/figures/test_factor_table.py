"""The table of all settings."""

import json

import pandas as pd
import pytest

from layercut.charts.matplotlib import draw
from layercut.charts.plotly import panel_figures
from layercut.figures.factor_table import columns_of, compute, settings_of
from layercut.figures.study_tables import StudyTables
from layercut.report.settings import setting_table, write_settings
from layercut.stats.settings import compare_settings, setting_names
from support.fake_results import fake_results
from support.fake_study import NUM_EPOCHS, fake_study

EIGHT = fake_results(
    sources=("ImageNet", "random"),
    strategies=("freeze",),
    num_blocks=1,
    fractions=(1.0,),
    num_replicates=2,
    factors={"optimizer": ("adam", "sgd")},
)
STUDY = fake_study(EIGHT)


def test_every_setting_is_a_row_named_by_what_differs_the_best_on_top():
    table = settings_of(STUDY)
    assert len(table) == 2 * 2 * 2
    assert set(setting_names(table)) == {
        f"{source}, {optimizer}, cut {cut}"
        for source in ("ImageNet", "random")
        for optimizer in ("adam", "sgd")
        for cut in (0, 1)
    }
    assert table["test_accuracy"].is_monotonic_decreasing


def test_averages_are_over_epochs_and_then_over_replicates():
    row = settings_of(STUDY).iloc[0]
    rows = EIGHT[(EIGHT["source"] == row["source"]) & (EIGHT["factor_optimizer"] == row["factor_optimizer"])]
    assert row["test_accuracy"] == pytest.approx(rows[rows["cut"] == row["cut"]]["test_accuracy"].mean())
    half, whole = NUM_EPOCHS // 2, NUM_EPOCHS  # replicate 0 stops after half of the epochs
    losses = [sum(1 / e for e in range(1, half + 1)) / half, 1.1 * sum(1 / e for e in range(1, whole + 1)) / whole]
    assert row["mean_train_loss"] == pytest.approx(sum(losses) / 2)


def test_a_failed_trial_is_left_out_of_its_setting():
    failed = fake_results(sources=("a", "b"), strategies=("scratch",), fractions=(1.0,), num_replicates=2, failed=[0])
    table = compare_settings(failed, STUDY.measured.curves)
    assert sorted(table["num_replicates"]) == [1, 2]


def test_the_chart_prints_the_numbers_and_colours_each_column_by_itself():
    chart = compute(STUDY)
    cells = chart.panels[0].cells
    assert cells.columns == tuple(columns_of(settings_of(STUDY)))
    best = settings_of(STUDY).iloc[0]
    assert cells.texts[-1][2] == f"{100 * best['test_accuracy']:.2f}"
    assert cells.marked == ((7, 2),)
    for column in range(3):
        assert {min(row[column] for row in cells.values), max(row[column] for row in cells.values)} <= {0.0, 100.0}
    json.dumps(panel_figures(chart), allow_nan=False)
    draw(chart)


def test_one_context_or_very_many_settings_give_no_table():
    assert compute(fake_study(fake_results(num_replicates=2))) is None
    assert compute(fake_study(fake_results(num_replicates=2, sources=("a", "b")))) is None
    assert compute(StudyTables(pd.DataFrame())) is None


def test_page_and_files_have_the_same_rows(tmp_path):
    shown = setting_table(STUDY)
    csv, markdown = write_settings(STUDY, tmp_path)
    assert len(shown.rows) == len(pd.read_csv(csv)) == 8
    assert len(markdown.read_text(encoding="utf-8").splitlines()) == 2 + 8
    assert list(write_settings(fake_study(fake_results(num_replicates=2)), tmp_path / "none")) == []
