"""What shows itself in a notebook."""

import re
import subprocess
import sys
from dataclasses import replace
from html import escape

import pandas as pd
import pytest

import layercut
from layercut.errors import UnknownNameError, UserError
from layercut.figures import FIGURES, charts_of
from layercut.notebook import answers, best_cuts, plot
from layercut.report.answers import answer
from layercut.report.packed import packed_plotly
from layercut.stats import best_cuts as best_cuts_of
from support.fake_ledger import write_ledger
from support.fake_results import fake_results
from support.fake_study import fake_study

EVIL = "<script>alert(1)</script>"


@pytest.mark.parametrize("name", layercut.__all__)
def test_every_public_name_is_there_and_says_what_it_does(name):
    assert getattr(layercut, name).__doc__


def test_reading_results_imports_no_torch():
    making = (
        "Run",
        "run",
        "study",
        "run_study",
        "recommend",
        "extract_features",
        "load_model",
        "read_model",
        "predict",
        "export_model",
    )
    names = [name for name in layercut.__all__ if name not in making]
    code = f"import sys, layercut\nfor name in {names}: getattr(layercut, name)\nsys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_answers_are_those_of_the_report():
    table = fake_results()
    found = answers(table)
    expected = [answer(best) for best in best_cuts_of(table)]
    assert [replace(one, follows=()) for _, part in found.parts for one in part] == expected
    assert all(one.sentence in " ".join(str(found).split()) for one in expected)
    assert all(escape(one.rest) in found._repr_html_() for one in expected)


def test_answers_name_their_context_only_where_there_are_several():
    assert [label for label, _ in answers(fake_results(fractions=(0.1,))).parts] == [""]
    assert [label for label, _ in answers(fake_results(models=("a", "b"), fractions=(0.1,))).parts] == ["a", "b"]


def test_without_a_finished_trial_the_answer_says_so():
    table = fake_results(strategies=("scratch",), fractions=(0.1,), num_replicates=1, failed=(0,))
    assert str(answers(table)) == "No trial has finished."
    assert "No trial" in answers(table)._repr_html_()


def test_a_fraction_of_the_data_without_validation_is_said_to_have_no_choice():
    table = fake_results(fractions=(0.01, 0.1))
    table.loc[table["fraction"] == 0.01, "validation_accuracy"] = float("nan")
    for text in (str(answers(table)), answers(table)._repr_html_()):
        assert "No choice at 1 % of the data: 19 conditions without validation accuracy" in " ".join(text.split())
        assert "At 10 % of the data: " in text
    assert list(best_cuts(table)["fraction"]) == [0.1]


def test_best_cuts_are_a_row_each():
    table = fake_results(models=("a", "b"))
    rows, objects = best_cuts(table), best_cuts_of(table)
    assert len(rows) == len(objects) == 6
    assert rows["mean_test"].tolist() == [best.mean_test for best in objects]
    assert rows["difference"].tolist() == [best.contrast.mean_difference for best in objects if best.contrast]
    assert len(best_cuts(table, by_strategy=True)) > len(rows)
    assert best_cuts(table.iloc[:0]).empty


def test_a_plot_holds_every_panel_and_names_what_it_shows():
    shown = plot(fake_results(), "difference_to_scratch")
    (chart,) = shown.charts
    assert shown.html(bundle=False).count('class="layercut-panel"') == len(chart.panels)
    assert chart.alt in repr(shown)


def test_a_plot_is_read_from_an_output_directory_too(tmp_path):
    table = fake_results(fractions=(0.1,))
    assert plot(write_ledger(tmp_path, table)).charts == plot(table).charts


def test_a_cell_that_is_run_again_brings_the_library_again():
    shown = plot(fake_results(fractions=(0.1,)), "mean_heatmap")
    assert packed_plotly() in shown._repr_html_()
    assert packed_plotly() in shown._repr_html_()
    assert len(shown.html(bundle=False)) < 200_000


@pytest.mark.parametrize("figure", FIGURES.names())
def test_the_text_in_place_of_a_figure_says_nothing_twice(figure):
    study = fake_study(fake_results(fractions=(0.1, 1.0)))
    assert not any(re.search(r"\b(.{5,})\W+\1\b", chart.alt) for _, chart in charts_of(figure, study))


def test_each_display_has_places_of_its_own():
    shown = plot(fake_results(fractions=(0.1,)), "mean_heatmap")
    assert shown.html(bundle=False) != shown.html(bundle=False)


def test_names_that_look_like_markup_are_text():
    table = fake_results(sources=("a", EVIL), fractions=(0.1,))
    assert EVIL not in plot(table).html(bundle=False)
    assert EVIL not in answers(table)._repr_html_()
    one, other = (fake_results(sources=(EVIL,), fractions=(0.1,), seed=seed) for seed in (0, 1))
    one["split_hash"] = other["split_hash"] = None
    one["precision"] = one["device"] = other["precision"] = other["device"] = "cpu"
    one.attrs["study"] = EVIL
    shown = layercut.compare(one, other)._repr_html_()
    assert EVIL not in shown
    assert escape(EVIL) in shown


def test_figures_that_do_not_exist_or_have_no_data_are_refused():
    with pytest.raises(UnknownNameError, match="did you mean 'cut_boxes'"):
        plot(fake_results(fractions=(0.1,)), "cut_boxs")
    with pytest.raises(UserError, match="lack its data"):
        plot(fake_results(strategies=("scratch",), fractions=(0.1,)), "difference_to_scratch")


def test_a_plot_is_saved_for_paper(tmp_path):
    shown = plot(fake_results(fractions=(0.1,)), "mean_heatmap")
    assert shown.save(tmp_path / "map.svg").read_text(encoding="utf-8").startswith("<?xml")
    with pytest.raises(UserError, match="ending in"):
        shown.save(tmp_path / "map.gif")
    with pytest.raises(UserError, match="one a context"):
        plot(fake_results(models=("a", "b"), fractions=(0.1,))).save(tmp_path / "map.svg")


def test_tables_show_themselves():
    assert isinstance(layercut.contrasts(fake_results(fractions=(0.1,))), pd.DataFrame)
