"""The scoreboard says which predictor orders the cuts and what choosing by it costs, nulls included."""

from __future__ import annotations

import math

import numpy as np
import pytest

from layercut.stats import scoreboard, standings
from layercut.stats.prediction import NULL_PROBE, OTHER_STUDIES, RANDOM_CUT
from support.fake_probes import fake_probes
from support.fake_results import fake_results

RESULTS = fake_results(strategies=("scratch", "freeze_reinit"), num_replicates=6)


def truth(results, strategy="freeze_reinit"):
    """Return mean accuracy by fraction and cut."""
    return results[results["strategy"] == strategy].groupby(["fraction", "cut"])["test_accuracy"].mean()


MEANS = truth(RESULTS)
PERFECT = {"perfect": lambda cut, fraction, replicate: MEANS[fraction, cut]}


def row(board, predictor, fraction=0.1, **where):
    """Return the one row of a predictor at a fraction."""
    found = board[(board["predictor"] == predictor) & (board["fraction"] == fraction)]
    for column, value in where.items():
        found = found[found[column] == value]
    ((_, one),) = list(found.iterrows())
    return one


def test_a_perfect_probe_has_correlation_one_and_no_regret():
    board = scoreboard(RESULTS, fake_probes(RESULTS, PERFECT))
    for fraction in (0.01, 0.1, 1.0):
        one = row(board, "perfect", fraction)
        assert (one["spearman"], one["kendall"], one["weighted_tau"], one["regret"]) == (1, 1, 1, 0)
        assert one["p"] == pytest.approx(2 / 120)
        assert one["chosen"] == (one["best"],)
        assert one["spearman_low"] <= 1
        assert board[board["fraction"] == fraction]["regret"].min() == 0


def test_a_probe_where_lower_is_better_is_turned():
    scores = {"falls": lambda cut, fraction, replicate: -MEANS[fraction, cut]}
    turned = scoreboard(RESULTS, fake_probes(RESULTS, scores, lower=("falls",)))
    assert row(turned, "falls")["spearman"] == 1
    plain = scoreboard(RESULTS, fake_probes(RESULTS, scores))
    assert row(plain, "falls")["spearman"] == -1
    assert row(plain, "falls")["regret"] == pytest.approx(MEANS[0.1].max() - MEANS[0.1].min())


def test_a_constant_probe_is_undefined_and_picks_at_random():
    board = scoreboard(RESULTS, fake_probes(RESULTS, {"flat": lambda cut, fraction, replicate: 0.25}))
    flat = row(board, "flat")
    assert flat["undefined"] == "the same score everywhere"
    assert math.isnan(flat["spearman"])
    assert math.isnan(flat["p"])
    assert flat["regret"] == pytest.approx(row(board, RANDOM_CUT)["regret"])
    assert flat["regret"] == pytest.approx(MEANS[0.1].max() - MEANS[0.1].mean())


def test_fixed_cuts_and_other_studies_stand_beside_the_probes():
    board = scoreboard(RESULTS, fake_probes(RESULTS, PERFECT), [RESULTS])
    for cut in range(5):
        assert row(board, f"always cut {cut}")["regret"] == pytest.approx(MEANS[0.1].max() - MEANS[0.1, cut])
        assert row(board, f"always cut {cut}")["is_null"]
    elsewhere = row(board, OTHER_STUDIES)  # the same study: a null that knows everything
    assert (elsewhere["spearman"], elsewhere["regret"]) == (1, 0)
    other = fake_results(strategies=("freeze_reinit",), fractions=(0.5,), num_replicates=2)
    without = scoreboard(RESULTS, fake_probes(RESULTS, PERFECT), [other])
    assert OTHER_STUDIES not in set(without["predictor"])


def test_rows_are_sorted_by_regret_and_a_loser_is_shown_to_lose():
    probes = fake_probes(
        RESULTS,
        PERFECT | {"worst": lambda cut, fraction, replicate: -MEANS[fraction, cut], "knn(k=3)": PERFECT["perfect"]},
    )
    board = scoreboard(RESULTS, probes)
    for _, rows in board.groupby("fraction"):
        assert rows["regret"].is_monotonic_increasing
    table = standings(board).set_index("predictor")
    assert table.loc["perfect", "loses_to"] == ()
    assert table.loc["worst", "loses_to"][0] == "knn(k=3)"
    assert RANDOM_CUT in table.loc["worst", "loses_to"]
    assert table.loc["knn(k=3)", "is_null"]
    assert table.loc["worst", "boards"] == 3


def test_rules_and_probes_are_told_apart_by_kind_and_name_whatever_their_labels():
    scores = PERFECT | {"always cut 9": lambda cut, fraction, replicate: float(cut)}
    probes = fake_probes(RESULTS, scores)
    probes["name"] = probes["probe"].map({"perfect": NULL_PROBE, "always cut 9": "depth"})
    board = scoreboard(RESULTS, probes)
    assert set(board["kind"]) == {"probe", "fixed_cut", "random_cut"}
    assert row(board, "always cut 9")[["kind", "is_null"]].tolist() == ["probe", False]
    assert row(board, "perfect")["is_null"]


def test_a_cut_without_a_score_is_no_candidate_but_may_be_the_best():
    best = int(MEANS[0.1].idxmax())
    scores = {"blind": lambda cut, fraction, replicate: math.nan if cut == best else float(cut)}
    one = row(scoreboard(RESULTS, fake_probes(RESULTS, scores)), "blind")
    assert one["num_candidates"] == 4
    assert one["best"].cut == best
    assert one["regret"] > 0


def test_failed_trials_and_undefined_scores_leave_the_others():
    results = fake_results(strategies=("freeze_reinit",), num_replicates=4, failed=range(0, 60, 7))
    scores = {"holes": lambda cut, fraction, replicate: math.nan if replicate == cut % 4 else cut + replicate / 100}
    board = scoreboard(results, fake_probes(results, scores))
    found = board[board["predictor"] == "holes"]
    assert np.isfinite(found[["spearman", "spearman_low", "regret", "regret_high"]]).all().all()


def test_several_sources_are_also_judged_together():
    results = fake_results(strategies=("freeze_reinit",), num_replicates=3, sources=("a", "b"), fractions=(0.1,))
    board = scoreboard(results, fake_probes(results, {"depth": lambda cut, fraction, replicate: float(cut)}))
    assert set(board["scope"]) == {"cut", "source"}
    assert set(board[board["scope"] == "cut"]["source"]) == {"a", "b"}
    together = row(board, "depth", scope="source")
    assert together["num_candidates"] == 10
    assert together["chosen"] == (("a", "plain_cnn", 4), ("b", "plain_cnn", 4))


def test_scores_on_test_images_and_on_the_source_are_left_out():
    for column, value in (("split", "test"), ("dataset", "source")):
        probes = fake_probes(RESULTS, PERFECT)
        probes[column] = value
        assert "perfect" not in set(scoreboard(RESULTS, probes)["predictor"])


def test_the_same_tables_give_the_same_scoreboard():
    probes = fake_probes(RESULTS, {"noise": lambda cut, fraction, replicate: math.sin(97 * cut + 13 * replicate)})
    assert scoreboard(RESULTS, probes).equals(scoreboard(RESULTS, probes))


def test_nothing_measured_gives_an_empty_scoreboard():
    empty = RESULTS[RESULTS.index < 0]
    empty.attrs = RESULTS.attrs
    board = scoreboard(empty, fake_probes(empty, PERFECT))
    assert board.empty
    assert standings(board).empty


def test_one_replicate_has_no_interval_over_replicates():
    results = fake_results(strategies=("reinit",), num_replicates=1, fractions=(0.1,))
    board = scoreboard(results, fake_probes(results, {"depth": lambda cut, fraction, replicate: float(cut)}))
    intervals = [f"{name}_{end}" for name in ("spearman", "kendall", "regret") for end in ("low", "high")]
    assert board[intervals].isna().all(axis=None)
    assert np.isfinite(row(board, "depth")[["spearman", "fisher_low", "regret"]].astype(float)).all()


def test_factors_are_told_with_the_table():
    results = fake_results(num_replicates=2, fractions=(0.1,), factors={"lr": ("low", "high")})
    board = scoreboard(results, fake_probes(results, {"depth": lambda cut, fraction, replicate: float(cut)}))
    assert set(board["factor_lr"]) == {"low", "high"}
