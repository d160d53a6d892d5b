"""The answer in words, and its numbers."""

import re
from dataclasses import replace

import pytest

from fake_results import fake_results
from layercut.report.answers import answer
from layercut.stats import BestCut, Context, Contrast, best_cuts, contrasts_to_scratch

GAIN = BestCut(
    context=Context("a", "b", "m"),
    fraction=0.01,
    strategy="freeze_reinit",
    cut=4,
    num_blocks=6,
    chosen_on="validation",
    num_candidates=24,
    num_replicates=10,
    mean_validation=0.94,
    mean_test=0.933,
    mean_scratch=0.804,
    contrast=Contrast(10, 0.129, 0.101, 0.152, 0.002, 1.0),
    p_holm=0.0137,
    num_comparisons=7,
    num_train_images=270.0,
    num_validation_images=30.0,
    num_rivals=11,
    indistinguishable=(("freeze_reinit", 5), ("finetune", 0)),
)


def test_a_gain_is_said_in_one_sentence():
    found = answer(GAIN)
    assert found.verdict == "gain"
    assert found.sentence == (
        "Keep 4 of 6 blocks, frozen, and re-initialise the rest, at 1 % of the data: +12.9 points over training from "
        "scratch (95 % interval +10.1 to +15.2, 10 paired replicates, p = 0.014 after Holm)."
    )
    assert found.num_images == "300 images"
    assert "Mean test accuracy 93.3 %, from scratch 80.4 %." in found.notes
    assert "On test images not distinguishable from it: freeze_reinit at cut 5, finetune." in found.notes


def test_validation_images_that_are_no_part_of_the_share_are_told_apart():
    assert answer(replace(GAIN, num_train_images=27.0, num_validation_images=2939.0)).num_images == (
        "27 images, 2,939 to validate"
    )
    assert answer(replace(GAIN, num_validation_images=float("nan"))).num_images == "270 images"
    assert answer(replace(GAIN, num_train_images=float("nan"))).num_images == ""


def test_scratch_is_said_plainly():
    found = answer(replace(GAIN, strategy="scratch", cut=0, contrast=None, p_holm=float("nan")))
    assert found.verdict == "scratch"
    assert found.sentence.startswith("Train from scratch, at 1 % of the data: no cut did better on validation images")


def test_a_difference_that_may_be_chance_is_no_advantage():
    found = answer(replace(GAIN, contrast=Contrast(10, 0.004, -0.01, 0.02, 0.4, 0.2), p_holm=0.8))
    assert found.verdict == "unclear"
    assert found.sentence.startswith("No clear difference to training from scratch, at 1 % of the data.")
    assert "+0.4 points" in found.sentence


def test_too_few_replicates_are_not_called_chance():
    found = answer(replace(GAIN, contrast=Contrast(5, 0.129, 0.1, 0.15, 0.0625, 1.0), p_holm=0.4375, num_replicates=5))
    assert found.verdict == "too_few"
    assert found.sentence.startswith("Too few replicates to tell")


def test_harm_leads_to_training_from_scratch():
    found = answer(replace(GAIN, contrast=Contrast(10, -0.05, -0.06, -0.04, 0.002, -1.0)))
    assert found.verdict == "loss"
    assert found.sentence.startswith("Train from scratch, at 1 % of the data.")
    assert "−5.0 points" in found.sentence


def test_without_a_baseline_no_gain_is_claimed():
    found = answer(replace(GAIN, contrast=None, p_holm=float("nan")))
    assert found.verdict == "no_baseline"
    assert "There is no training from scratch to compare with." in found.sentence
    assert found.difference is None


def test_one_pair_has_a_bar_without_width():
    found = answer(replace(GAIN, contrast=Contrast(1, 0.1, float("nan"), float("nan"), 1.0, 1.0), p_holm=1.0))
    assert found.difference == (10.0, 10.0, 10.0)
    assert "no interval, 1 paired replicate" in found.sentence


def test_the_numbers_of_the_sentence_are_those_of_the_table():
    table = fake_results(fractions=(0.01,))
    (best,) = best_cuts(table)
    row = contrasts_to_scratch(table).set_index(["strategy", "cut"]).loc[(best.strategy, best.cut)]
    said = re.search(
        r": (.\d+\.\d) points .*interval (.\d+\.\d) to (.\d+\.\d), (\d+) paired.*p = (0\.\d+)", answer(best).sentence
    )
    assert said is not None
    numbers = [float(text.replace("−", "-")) for text in said.groups()]
    expected = [100 * row["mean_difference"], 100 * row["low"], 100 * row["high"], row["num_pairs"], row["p_holm"]]
    assert numbers == pytest.approx(expected, abs=0.05)
    assert numbers[-1] == pytest.approx(row["p_holm"], abs=0.0005)
