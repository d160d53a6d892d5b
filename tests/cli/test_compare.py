"""`layercut compare`."""

import json

import pytest

from layercut.cli.main import EXIT_USER_ERROR
from layercut.stats import compare_studies
from support.fake_ledger import write_ledger
from support.fake_results import fake_results


@pytest.fixture
def runs(tmp_path):
    options = {"strategies": ("scratch", "freeze"), "fractions": (0.1, 1.0), "num_blocks": 2}
    return [write_ledger(tmp_path / name, fake_results(seed=seed, **options)) for seed, name in enumerate("ab")]


def test_it_prints_a_line_a_condition_and_what_to_mind(layercut, runs):
    done = layercut("compare", *runs)
    assert done.code == 0
    assert sum(line.count("freeze") for line in done.stdout.splitlines()) == 6
    assert "8 conditions in both, 0 of them paired by replicate" in done.stdout
    assert "note: 8 of 8 conditions drew different images" in done.stdout


def test_json_holds_the_numbers_of_the_comparison(layercut, runs):
    done = layercut("compare", *runs, "--json")
    found, expected = json.loads(done.stdout), compare_studies(*runs)
    assert found["notes"] == list(expected.notes)
    assert [row["p_holm"] for row in found["rows"]] == pytest.approx(expected.rows["p_holm"].tolist())
    assert [row["mean_difference"] for row in found["rows"]] == pytest.approx(expected.rows["mean_difference"].tolist())


def test_numbers_that_do_not_exist_are_null(layercut, runs):
    found = json.loads(layercut("compare", runs[0], runs[0], "--json").stdout)
    assert {row["paired"] for row in found["rows"]} == {False}  # a ledger without split hashes pairs nothing
    one = write_ledger(
        runs[0].parent / "one", fake_results(strategies=("scratch",), fractions=(0.1,), num_replicates=1)
    )
    (row,) = json.loads(layercut("compare", one, one, "--json").stdout)["rows"]
    assert row["low"] is None


def test_studies_that_share_nothing_are_refused_in_one_line(layercut, runs):
    other = write_ledger(runs[0].parent / "c", fake_results(models=("mlp",), fractions=(0.1,)))
    done = layercut("compare", runs[0], other)
    assert done.code == EXIT_USER_ERROR
    assert "no model in common (--across model compares them all the same)" in done.stderr
    assert layercut("compare", runs[0], other, "--across", "model").code == 0


def test_a_study_name_that_looks_like_markup_is_text(layercut, runs):
    odd = write_ledger(runs[0].parent / "d", fake_results(strategies=("scratch",)), {"study_name": "[red]x[/red]"})
    assert layercut("compare", odd, runs[0]).stdout.count("[red]x[/red]") == 3  # column, summary, note


def test_every_line_fits_80_columns_and_contexts_are_told_above_their_rows(layercut, tmp_path):
    options = {"strategies": ("scratch", "freeze_truncate"), "models": ("plain_cnn", "a_model_with_a_long_name")}
    runs = [write_ledger(tmp_path / name, fake_results(seed=seed, **options)) for seed, name in enumerate("ab")]
    lines = layercut("compare", *runs).stdout.splitlines()
    assert max(map(len, lines)) <= 80
    assert "model plain_cnn" in lines
    assert "model a_model_with_a_long_name" in lines


def test_a_metric_that_a_study_did_not_record_is_no_empty_comparison(layercut, runs):
    done = layercut("compare", *runs, "--metric", "macro_f1")
    assert done.code == EXIT_USER_ERROR
    assert "expected results with the macro F1 of each trial" in done.stderr
    assert "points of test accuracy" in layercut("compare", *runs, "--metric", "accuracy").stdout


def test_a_level_of_a_factor_is_compared_with_a_study_without_the_factor(layercut, runs):
    options = {"strategies": ("scratch", "freeze"), "fractions": (0.1, 1.0), "num_blocks": 2}
    tuned = write_ledger(runs[0].parent / "tuned", fake_results(factors={"rate": ("1e-4", "1e-3")}, **options))
    refused = layercut("compare", tuned, runs[0])
    assert refused.code == EXIT_USER_ERROR
    assert "such as --level rate=" in refused.stderr
    done = layercut("compare", tuned, runs[0], "--level", "rate=1e-3")
    assert done.code == 0
    assert "8 conditions in both" in done.stdout
