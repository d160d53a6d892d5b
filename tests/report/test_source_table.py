"""The scoreboard over all sources of a target, as the page prints it."""

import pytest

from layercut.figures.study_tables import Measured, StudyTables
from layercut.report import StudyFacts, build_page
from layercut.report.source_table import SOURCE_COLUMNS, source_table
from layercut.stats import scoreboard
from support.fake_probes import fake_probes
from support.fake_results import fake_results

SCORES = {"depth": lambda cut, fraction, replicate: float(cut), "shallow": lambda cut, fraction, replicate: -float(cut)}


def board_of(**design):
    results = fake_results(strategies=("scratch", "reinit"), num_replicates=6, fractions=(0.1,), **design)
    return results, fake_probes(results, SCORES)


def test_rows_are_those_of_the_scoreboard_with_candidates_of_all_sources():
    results, probes = board_of(sources=("a", "b", "c"))
    board = scoreboard(results, probes)
    own = board[board["scope"] == "source"]
    table = source_table(board)
    assert table.labels == ("",)
    assert [row.cells[0].order for row in table.rows] == list(own["predictor"])
    assert [row.cells[9].order for row in table.rows] == pytest.approx(list(own["regret"]))
    assert {len(row.cells) for row in table.rows} == {len(SOURCE_COLUMNS)}


def test_what_ties_is_listed_up_to_two():
    table = source_table(scoreboard(*board_of(sources=("a", "b", "c"))))
    takes = {row.cells[0].order: row.cells[-1].text for row in table.rows}
    assert takes["depth"] == "a at cut 4 and 2 more"
    assert takes["a cut at random"] == "a at cut 0 and 14 more"


def test_rules_of_a_fixed_cut_are_shown_on_request_only():
    table = source_table(scoreboard(*board_of(sources=("a", "b"))))
    assert {row.cells[0].order for row in table.rows if row.on_request} == {f"always cut {cut}" for cut in range(5)}


def test_sentences_speak_of_sources_and_not_of_fixed_cuts():
    table = source_table(scoreboard(*board_of(sources=("a", "b"))))
    assert len(table.verdicts) > 0
    assert not any("fixed cut" in text for text in table.verdicts)


def test_one_source_has_no_such_table():
    results, probes = board_of()
    assert source_table(scoreboard(results, probes)) is None
    assert source_table(scoreboard(results.iloc[:0], probes)) is None


def test_targets_and_levels_are_named_where_they_differ_also_on_the_page():
    results, probes = board_of(sources=("a", "b"), targets=("s", "t"), factors={"lr": ("low", "high")})
    assert source_table(scoreboard(results, probes)).labels == (
        "s, lr: low",
        "s, lr: high",
        "t, lr: low",
        "t, lr: high",
    )
    measured = Measured()
    measured.__dict__["probes"] = probes
    page = build_page(StudyTables(results, measured), StudyFacts("fake"))
    assert {row.context for row in page.probe_rows} == set(range(8))
    assert {row.context for row in page.sources.rows} == set(range(4))
