"""The answer in words, and its numbers."""

import re
from dataclasses import replace

import pytest

from layercut.report.answers import answer, headline
from layercut.report.verdicts import Known
from layercut.stats import Contrast, best_cuts, contrasts_to_scratch
from layercut.stats.choice import Cheaper, GainSplit
from layercut.stats.design import DesignPoint
from support.choice import GAIN
from support.fake_results import fake_results

KNOWN = Known(chance={"b": 0.2})


def test_a_gain_says_what_to_do_and_what_that_gives():
    found = answer(replace(GAIN, mean_interval=(0.918, 0.946)))
    assert found.verdict == "gain"
    assert found.sentence == (
        "At 1 % of the data: keep 4 of 6 blocks (up to conv3), frozen, and re-initialise the rest: 93.3 % on test "
        "images (95 % interval 91.8 to 94.6 %), +12.9 points over training from scratch."
    )
    assert found.num_images == "300 images"
    assert found.notes[0] == (
        "Difference to scratch: 95 % interval +10.1 to +15.2, p = 0.014, adjusted for 7 comparisons; "
        "10 paired replicates."
    )
    assert "From scratch 80.4 %." in found.notes
    assert "Not distinguishable from it on test images: freeze_reinit at cut 5, finetune." in found.notes


def test_few_test_images_are_said_to_leave_more_open_than_replicates_do():
    replicates = replace(GAIN, mean_test=0.935, mean_interval=(0.935, 0.935), num_test_images=153.0)
    assert (
        "With 153 test images, accuracy on new images could be anywhere from 88.4 to 96.4 % (95 % Wilson interval)."
    ) in answer(replicates).notes
    many = replace(replicates, mean_interval=(0.90, 0.96), num_test_images=10_000.0)
    assert not any("Wilson" in note for note in answer(many).notes)


def test_a_condition_whose_treatment_was_not_written_down_is_named():
    assert answer(replace(GAIN, treatment="")).lead == "At 1 % of the data: take freeze_reinit at cut 4"


def test_validation_images_that_are_no_part_of_the_fraction_are_told_apart():
    assert answer(replace(GAIN, num_train_images=27.0, num_validation_images=2939.0)).num_images == (
        "27 images, 2,939 to validate"
    )
    assert answer(replace(GAIN, num_validation_images=float("nan"))).num_images == "270 images"
    assert answer(replace(GAIN, num_train_images=float("nan"))).num_images == ""


def test_images_that_folds_validate_on_are_counted_once() -> None:
    folds = replace(GAIN, num_train_images=30.0, num_validation_images=30.0, num_folds=5.0)
    assert answer(folds).num_images == "30 images"


SCRATCH = replace(GAIN, strategy="scratch", cut=0, contrast=None, p_holm=float("nan"), mean_test=0.804)


def test_scratch_needs_the_proof_that_transfer_needs():
    shown = replace(SCRATCH, against_transfer=(DesignPoint("freeze", 2), Contrast(10, 0.05, 0.03, 0.07, 0.002, 1.0)))
    assert answer(shown).verdict == "scratch"
    assert answer(shown).lead == "At 1 % of the data: train from scratch"
    assert "+5.0 points over the best transfer (freeze at cut 2)" in answer(shown).rest
    open_one = replace(SCRATCH, against_transfer=(DesignPoint("freeze", 2), Contrast(10, 0.01, -0.01, 0.03, 0.4, 0.2)))
    assert answer(open_one).verdict == "unclear"
    assert "train from scratch" not in answer(open_one).lead
    contrast = Contrast(3, 0.05, float("nan"), float("nan"), 0.25, 1.0)
    few = replace(SCRATCH, against_transfer=(DesignPoint("freeze", 2), contrast))
    assert answer(few).verdict == "too_few"
    assert "which 3 paired replicates are too few to prove" in answer(few).rest


def test_scratch_alone_is_said_plainly():
    found = answer(replace(SCRATCH, num_candidates=1))
    assert found.verdict == "scratch"
    assert found.rest.endswith("Nothing else was tried.")


def test_a_difference_that_may_be_chance_is_no_advantage():
    found = answer(replace(GAIN, contrast=Contrast(10, 0.004, -0.01, 0.02, 0.4, 0.2), p_holm=0.8))
    assert found.verdict == "unclear"
    assert found.lead == "At 1 % of the data: no clear difference"
    assert found.rest.startswith(". Best on validation images: keep 4 of 6 blocks")
    assert "+0.4 points" in found.sentence


def test_too_few_replicates_are_not_called_chance_and_say_how_many_it_takes():
    found = answer(replace(GAIN, contrast=Contrast(5, 0.129, 0.1, 0.15, 0.0625, 1.0), p_holm=0.4375, num_replicates=5))
    assert found.verdict == "too_few"
    assert found.sentence.endswith(
        "+12.9 points over training from scratch, which 5 paired replicates are too few to prove."
    )
    assert any("`--set transfer.replicates=9` with the same command adds 4." in note for note in found.notes)


def test_harm_leads_to_training_from_scratch():
    found = answer(replace(GAIN, contrast=Contrast(10, -0.05, -0.06, -0.04, 0.002, -1.0), mean_test=0.754))
    assert found.verdict == "loss"
    assert found.sentence.startswith("At 1 % of the data: train from scratch: 80.4 % on test images.")
    assert "does worse there, 75.4 %" in found.sentence


def test_without_a_baseline_no_gain_is_claimed():
    found = answer(replace(GAIN, contrast=None, p_holm=float("nan")))
    assert found.verdict == "no_baseline"
    assert "There is no training from scratch to compare with." in found.sentence
    assert found.difference is None


@pytest.mark.parametrize(("accuracy", "guessing"), [(0.21, True), (0.25, False)])
def test_a_winner_that_may_be_guessing_is_called_so(accuracy, guessing):
    """Of 400 test images, 1.645 standard errors above 20 % are 23.3 %."""
    found = answer(replace(GAIN, mean_test=accuracy, num_test_images=400.0), KNOWN)
    assert (found.verdict == "chance") == guessing
    assert ("nothing is shown to be better than guessing" in found.lead) == guessing


def test_a_baseline_that_may_be_guessing_is_called_so():
    found = answer(replace(GAIN, mean_scratch=0.19, num_test_images=400.0), KNOWN)
    assert "From scratch 19.0 %, which is no better than guessing (20.0 %)." in found.notes


def test_what_validation_images_cannot_tell_is_named_and_the_cheapest_offered():
    alike, smaller = (
        (DesignPoint("freeze", 2), DesignPoint("reinit", 1)),
        Cheaper(DesignPoint("freeze_truncate", 1), 0.33),
    )
    found = answer(replace(GAIN, not_told_apart=alike, cheapest=smaller))
    assert "Validation images cannot tell it apart from freeze at cut 2, reinit at cut 1." in found.notes
    assert any("freeze_truncate at cut 1 does as well with 33 % of the parameters" in note for note in found.notes)


def test_the_gain_of_a_smaller_network_is_split_where_its_control_was_run():
    parts = GainSplit(Contrast(10, 0.03, 0.01, 0.05, 0.01, 1.0), Contrast(10, 0.099, 0.07, 0.12, 0.002, 1.0))
    found = answer(replace(GAIN, strategy="truncate", split=parts))
    assert found.verdict == "gain"
    assert any(
        "+3.0 points come from the smaller network" in note
        and "+9.9 points from what was learned on the source" in note
        for note in found.notes
    )
    unknown = answer(replace(GAIN, strategy="truncate", split=GainSplit(None, None)))
    assert unknown.verdict == "either"
    assert any("scratch_truncate was not run" in note for note in unknown.notes)


def test_transfer_helps_only_where_what_was_learned_on_the_source_is_shown_to():
    parts = GainSplit(Contrast(10, 0.129, 0.1, 0.15, 0.002, 1.0), Contrast(10, -0.002, -0.02, 0.017, 0.9, -0.1))
    found = answer(replace(GAIN, strategy="truncate", split=parts))
    assert found.verdict == "smaller"
    assert headline([found]).startswith(
        "A smaller network helps at 1 % of the data, but nothing shows that transfer does"
    )
    control = answer(replace(GAIN, strategy="scratch_truncate", transfers=False))
    assert (control.verdict, control.label) == ("smaller", "a smaller network helps")


def test_an_unfinished_study_has_no_answer():
    table = fake_results(fractions=(0.01,))
    num_trials = table["key"].nunique()
    assert Known.of({"trials_distinct": num_trials}, table).unfinished == ""
    assert Known.of({"trials_distinct": num_trials + 5}, table).unfinished.startswith(
        f"Not finished: {num_trials} of {num_trials + 5} trials have run."
    )


def test_one_pair_has_a_bar_without_width():
    found = answer(replace(GAIN, contrast=Contrast(1, 0.1, float("nan"), float("nan"), 1.0, 1.0), p_holm=1.0))
    assert found.difference == (10.0, 10.0, 10.0)
    assert "no interval" in found.notes[0]
    assert "1 paired replicate" in found.notes[0]


def test_the_numbers_of_the_notes_are_those_of_the_table():
    table = fake_results(fractions=(0.01,))
    (best,) = best_cuts(table)
    row = contrasts_to_scratch(table).set_index(["strategy", "cut"]).loc[(best.strategy, best.cut)]
    said = re.search(r"interval (.\d+\.\d) to (.\d+\.\d), p = (0\.\d+).*; (\d+) paired", answer(best).notes[0])
    assert said is not None
    numbers = [float(text.replace("−", "-")) for text in said.groups()]
    expected = [100 * row["low"], 100 * row["high"], row["p_holm"], row["num_pairs"]]
    assert numbers == pytest.approx(expected, abs=0.05)
    assert f"{100 * row['mean_difference']:+.1f} points" in answer(best).rest
