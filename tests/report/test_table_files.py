"""The report's tables as files."""

import csv

import pandas as pd
import pytest

from layercut.report import write_tables
from layercut.report.table_files import markdown
from layercut.stats import best_cuts, contrasts_to_scratch, estimates, load_results
from support.fake_ledger import write_ledger
from support.fake_results import fake_results


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    table = fake_results(num_replicates=6, fractions=(0.1, 1.0), sources=("a", "b|c"))
    return write_ledger(tmp_path_factory.mktemp("run"), table)


@pytest.fixture(scope="module")
def files(run, tmp_path_factory):
    return {path.name: path for path in write_tables(run, tmp_path_factory.mktemp("tables"))}


def test_each_table_is_written_twice(files):
    assert list(files) == ["conditions.csv", "conditions.md", "best_cuts.csv", "best_cuts.md"]


def test_numbers_keep_every_digit(run, files):
    table = load_results(run)
    with files["conditions.csv"].open(encoding="utf-8", newline="") as file:
        read = list(csv.DictReader(file))
    assert [float(row["mean"]) for row in read] == estimates(table)["mean"].tolist()
    expected = contrasts_to_scratch(table)["mean_difference"].tolist()
    assert [float(row["mean_difference"]) for row in read if row["mean_difference"]] == expected


def test_the_best_cuts_are_those_of_the_report(run, files):
    read = pd.read_csv(files["best_cuts.csv"])
    best = best_cuts(load_results(run))
    assert list(zip(read["strategy"], read["cut"], strict=True)) == [(found.strategy, found.cut) for found in best]


def test_markdown_rows_have_as_many_cells_as_the_head(files):
    for name in ("conditions.md", "best_cuts.md"):
        lines = files[name].read_text(encoding="utf-8").splitlines()
        counts = {line.replace("\\|", "").count("|") for line in lines}
        assert len(counts) == 1
    assert "b\\|c →" in files["best_cuts.md"].read_text(encoding="utf-8")


def test_markdown_has_all_names_of_a_condition(files):
    lines = files["conditions.md"].read_text(encoding="utf-8").splitlines()
    named = [line for line in lines if "| finetune" in line]
    assert len(named) == 2 * 2  # sources, fractions of the data
    assert all("| finetune (also freeze at cut 0" in line for line in named)


def test_markup_in_names_is_escaped():
    assert markdown(["a"], [["<b>*x*</b>\n_y_"]]).splitlines()[2] == r"| \<b>\*x\*\</b> \_y\_ |"


def test_an_empty_ledger_gives_tables_without_rows(tmp_path):
    paths = write_tables(write_ledger(tmp_path / "empty", fake_results().iloc[:0]), tmp_path / "tables")
    assert all(path.exists() for path in paths)
    assert len(pd.read_csv(paths[0])) == 0
