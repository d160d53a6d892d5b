"""Two studies against each other."""

import dataclasses

import numpy as np
import pandas as pd
import pytest
from scipy.stats import mannwhitneyu

from layercut.errors import LedgerError, UserError
from layercut.ledger import Ledger
from layercut.stats import compare_studies, holm, paired_contrast
from layercut.stats.interval import difference_interval
from support.fake_ledger import ENVIRONMENT, write_ledger
from support.fake_results import fake_results

STRATEGIES = ("scratch", "freeze", "finetune")


def _study(seed=0, splits="same", name="fake", **options):
    """Return a study of 25 design points; with equal `splits` the same replicate sees the same images."""
    options = {"strategies": STRATEGIES, "fractions": (0.1, 1.0), "num_blocks": 3} | options
    table = fake_results(seed=seed, **options)
    table["split_hash"] = [
        f"{splits} {fraction} {r}" for fraction, r in zip(table.fraction, table.replicate, strict=True)
    ]
    table["key"] = [f"{key} of {seed}" for key in table["key"]]
    table["precision"], table["device"], table["environment"] = "float32", "cpu", "machine"
    table["study"] = name
    return table


def _row(found, strategy="freeze", cut=1, fraction=0.1):
    rows = found.rows.set_index(["strategy", "cut", "fraction"])
    return rows.loc[(strategy, cut, fraction)]


def _accuracies(table, strategy="freeze", cut=1, fraction=0.1):
    rows = table[(table.strategy == strategy) & (table.cut == cut) & (table.fraction == fraction)]
    return rows.set_index("replicate")["test_accuracy"].sort_index()


def test_replicates_that_saw_the_same_images_are_paired():
    one, other = _study(0), _study(1)
    found = compare_studies(one, other)
    expected = paired_contrast(_accuracies(one), _accuracies(other))
    row = _row(found)
    assert found.rows["paired"].all()
    assert row["mean_difference"] == pytest.approx(expected.mean_difference)
    assert (row["p"], row["effect"]) == pytest.approx((expected.p, expected.effect))
    assert row["low"] <= expected.low <= expected.high <= row["high"], "adjusted for all conditions compared"
    assert not any("cannot be paired" in note for note in found.notes)


def test_pairs_are_matched_by_replicate_and_not_by_position():
    one, other = _study(0), _study(1)
    shuffled = other.sample(frac=1.0, random_state=3)
    shuffled.attrs = other.attrs
    assert _row(compare_studies(one, shuffled))["p"] == _row(compare_studies(one, other))["p"]


def test_replicates_with_other_images_are_independent_samples_and_that_is_said():
    one, other = _study(0), _study(1, splits="others", num_replicates=12)
    found = compare_studies(one, other)
    row, values, baseline = _row(found), _accuracies(one).to_numpy(), _accuracies(other).to_numpy()
    assert not found.rows["paired"].any()
    assert (row["num_replicates"], row["num_replicates_baseline"]) == (10, 12)
    assert (row["low"], row["high"]) == difference_interval(values, baseline)
    assert row["p"] == pytest.approx(mannwhitneyu(values, baseline, method="asymptotic").pvalue, abs=0.02)
    assert any("Mann-Whitney" in note for note in found.notes)


def test_of_more_replicates_in_one_study_the_common_ones_are_paired():
    found = compare_studies(_study(0), _study(1, num_replicates=14))
    assert (_row(found)["num_replicates"], _row(found)["num_replicates_baseline"]) == (10, 10)


def test_one_replicate_with_other_images_unpairs_its_condition_only():
    one, other = _study(0), _study(1)
    moved = (other.strategy == "freeze") & (other.cut == 1) & (other.fraction == 0.1) & (other.replicate == 3)
    other.loc[moved, "split_hash"] = "moved"
    paired = compare_studies(one, other).rows.set_index(["strategy", "cut", "fraction"])["paired"]
    assert not paired["freeze", 1, 0.1]
    assert paired.drop(("freeze", 1, 0.1)).all()


def test_without_split_hashes_nothing_is_paired():
    one, other = _study(0), _study(1)
    one["split_hash"], other["split_hash"] = None, None
    assert not compare_studies(one, other).rows["paired"].any()


def test_the_family_is_what_is_printed_and_equivalent_names_count_once():
    found = compare_studies(_study(0), _study(1))
    once = found.rows.drop_duplicates(["condition", "condition_baseline"])
    assert len(once) < len(found.rows)
    assert once["p_holm"].tolist() == pytest.approx(holm(once["p"]).tolist())
    assert set(found.rows["num_comparisons"]) == {len(once)}


def test_a_study_and_itself_have_no_difference_and_no_comparison():
    table = _study(0)
    rows = compare_studies(table, table).rows
    assert (rows["mean_difference"] == 0).all()
    assert rows["p"].isna().all()
    assert set(rows["num_comparisons"]) == {0}


def test_other_trials_with_equal_results_are_a_comparison_that_shows_nothing():
    one, other = _study(0), _study(0)
    other["key"] = other["key"] + " again"
    assert (compare_studies(one, other).rows["p_holm"] == 1.0).all()


def test_conditions_of_one_study_only_are_counted_and_left_out():
    found = compare_studies(_study(0), _study(1, strategies=("scratch", "freeze", "truncate"), fractions=(0.1,)))
    assert len(found.rows) == 1 + 4
    assert (found.num_only_in_study, found.num_only_in_baseline) == (4 + 9, 4)


def test_one_replicate_has_a_difference_and_no_interval():
    row = _row(compare_studies(_study(0, num_replicates=1), _study(1, num_replicates=1)))
    assert row["p"] == 1.0
    assert np.isnan(row["low"])


def test_trials_that_failed_are_left_out_and_counted():
    one = _study(0, failed=(0, 1))
    found = compare_studies(one, _study(1))
    assert _row(found, "scratch", 0)["num_replicates"] == 8
    assert any("2 trials failed" in note for note in found.notes)


def test_studies_of_different_models_are_compared_only_if_that_is_asked():
    one, other = _study(0, models=("wide",)), _study(1, models=("narrow",))
    with pytest.raises(UserError, match="no model in common") as refused:
        compare_studies(one, other)
    assert "(--across model compares them all the same): wide in the first, narrow in the second" in str(refused.value)
    found = compare_studies(one, other, across=["model"])
    assert "model" not in found.rows
    assert len(found.rows) == 2 * (1 + 4 + 4)
    with pytest.raises(UserError, match="expected one model in each study"):
        compare_studies(_study(0, models=("wide", "deep")), other, across=["model"])
    with pytest.raises(UserError, match="across source, target, model; got cut"):
        compare_studies(one, other, across=["cut"])


def test_conditions_are_matched_by_the_levels_of_their_factors():
    one, other = (_study(seed, factors={"rate": ("low", "high")}) for seed in (0, 1))
    assert set(compare_studies(one, other).rows["factor_rate"]) == {"low", "high"}


def test_a_factor_that_one_study_lacks_is_refused_with_the_level_to_ask_for():
    one, other = _study(0, name="tuned", factors={"rate": ("low", "high")}), _study(1, name="plain")
    one.attrs["path"], other.attrs["path"] = "runs/tuned", "runs/plain"
    message = (
        r"expected the same training factors in both studies; runs/tuned has rate \(low, high\), which runs/plain "
        r"lacks: compare at one level of it, such as --level rate=low"
    )
    for pair in ((one, other), (other, one)):
        with pytest.raises(UserError, match=message):
            compare_studies(*pair)


def test_one_level_of_a_factor_is_compared_with_a_study_that_lacks_it():
    one, other = _study(0, name="tuned", factors={"rate": ("low", "high")}), _study(1, name="plain")
    found = compare_studies(one, other, levels={"rate": "high"})
    expected = compare_studies(one[one.factor_rate == "high"].drop(columns="factor_rate"), other)
    pd.testing.assert_frame_equal(found.rows, expected.rows)
    assert "Only trials with rate high of tuned are compared." in found.notes


@pytest.mark.parametrize(
    ("levels", "message"),
    [
        ({"rat": "low"}, "neither study has a training factor 'rat'; did you mean 'rate'"),
        ({"rate": "hihg"}, "tuned has no level 'hihg' of rate; did you mean 'high'"),
    ],
)
def test_a_level_that_nothing_has_is_refused(levels, message):
    with pytest.raises(UserError, match=message):
        compare_studies(_study(0, name="tuned", factors={"rate": ("low", "high")}), _study(1), levels=levels)


def test_studies_without_a_common_condition_are_refused():
    with pytest.raises(UserError, match="no fraction in common"):
        compare_studies(_study(0, fractions=(0.1,)), _study(1, fractions=(0.5,)))
    failed = _study(1, num_replicates=1, fractions=(0.1,), failed=range(9))
    with pytest.raises(UserError, match="no finished condition in common"):
        compare_studies(_study(0), failed)


def test_trials_that_were_never_tested_are_refused_with_how_to_test_them():
    untested = _study(0, name="recommended")
    untested.attrs["path"] = "runs/recommended"
    untested["test_accuracy"] = np.nan
    with pytest.raises(UserError, match=r"no trial of recommended has been tested.*`layercut run runs/recommended`"):
        compare_studies(untested, _study(1))


def test_too_few_pairs_are_said():
    found = compare_studies(_study(0, num_replicates=5), _study(1, num_replicates=5))
    assert any("5 pairs of replicates cannot reach" in note for note in found.notes)


def test_another_precision_is_said():
    other = _study(1)
    other["precision"] = "bf16"
    (note,) = [note for note in compare_studies(_study(0), other).notes if "Precision" in note]
    assert "float32" in note
    assert "bf16" in note


def test_output_directories_are_read_and_differing_environments_named(tmp_path):
    one, other = (write_ledger(tmp_path / name, _study(seed)) for seed, name in enumerate("ab"))
    assert not any("environments" in note for note in compare_studies(one, other).notes)
    newer = dataclasses.replace(ENVIRONMENT, key="newer", libraries={"torch": "3.0.0", "numpy": "2.4.6"})
    with Ledger(other) as ledger:
        ledger.add_environment(newer)
        trials = [
            dataclasses.replace(t, key=f"{t.key}+", environment="newer", replicate=90 + t.replicate)
            for t in ledger.trials()
        ]
        ledger.append(trials)
    found = compare_studies(one, other)
    (note,) = [note for note in found.notes if "environments" in note]
    assert note == "Measured in different environments: torch (2.9.1 against 2.9.1 and 3.0.0)."
    assert (found.study, found.baseline) == ("a", "b")  # the folders, for both studies are called fake


def test_a_directory_without_a_ledger_is_an_error(tmp_path):
    with pytest.raises(LedgerError, match="no ledger"):
        compare_studies(tmp_path, _study(1))


def test_the_summary_counts():
    found = compare_studies(_study(0, name="new"), _study(1, name="old"))
    assert found.summary.startswith("18 conditions in both, 18 of them paired by replicate. Difference: new minus old")
    assert isinstance(found.rows, pd.DataFrame)


def test_a_narrower_question_is_a_smaller_family():
    one, other = _study(0), _study(1)
    found = compare_studies(one, other, strategies=["freeze"], fractions=[0.1])
    assert set(found.rows["num_comparisons"]) == {4}
    assert _row(found)["p"] == _row(compare_studies(one, other))["p"]


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"strategies": ["frez"]}, "no strategy 'frez'; did you mean 'freeze'"),
        ({"strategies": ["freeze", "frez"]}, "no strategy 'frez'"),
        ({"strategies": ["qqq"]}, "no strategy 'qqq'; they have: .*freeze.*scratch"),
        ({"fractions": [0.3]}, r"no fraction 0\.3; they have: 0\.1, 1\.0"),
    ],
)
def test_what_neither_study_has_is_named_with_what_they_have(asked, message):
    studies = [_study(seed, strategies=("scratch", "freeze"), fractions=(0.1, 1.0)) for seed in (0, 1)]
    with pytest.raises(UserError, match=message):
        compare_studies(*studies, **asked)


def test_what_only_one_study_has_is_in_no_condition_of_both():
    one, other = _study(0, fractions=(0.1, 1.0)), _study(1, fractions=(0.1, 0.5))
    with pytest.raises(UserError, match=r"no finished condition in common among those of 0\.5"):
        compare_studies(one, other, fractions=[0.5])


def test_another_number_of_blocks_and_an_unfinished_study_are_said():
    one, other = _study(0, models=("deep",), num_blocks=4, name="a"), _study(1, models=("flat",), name="b")
    one.attrs["plan"] = {"trials_distinct": 10_000}
    notes = compare_studies(one, other, across=["model"]).notes
    assert any("have 4 blocks in a and 3 in b" in note for note in notes)
    assert any("a is not complete: 120 of 10,000 trials" in note for note in notes)


def _meaning(table, **meant):
    """Return a table whose plan tells what names stand for."""
    table.attrs["plan"] = {"meant": meant}
    return table


def test_a_model_with_a_default_spelled_out_is_the_same_model():
    """`{name: plain_cnn}` and `{name: plain_cnn, pool_every: 2}` train the same network."""
    one = _meaning(_study(0), model={"plain_cnn": "k"})
    other = _meaning(_study(1, models=("plain_cnn(pool_every=2)",)), model={"plain_cnn(pool_every=2)": "k"})
    found = compare_studies(one, other)
    assert len(found.rows) == len(compare_studies(_study(0), _study(1)).rows)
    assert set(found.rows["model"]) == {"plain_cnn"}
    assert any("The model plain_cnn(pool_every=2) in fake is the plain_cnn of fake" in note for note in found.notes)


def test_models_that_differ_are_not_taken_for_each_other():
    one = _meaning(_study(0), model={"plain_cnn": "k"})
    other = _meaning(_study(1, models=("plain_cnn(depth=3)",)), model={"plain_cnn(depth=3)": "l"})
    with pytest.raises(UserError, match="no model in common"):
        compare_studies(one, other)
