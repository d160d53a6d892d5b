"""Numbers and conditions in words."""

import math

import pytest

from layercut.figures import words
from layercut.stats import Context


@pytest.mark.parametrize(
    ("strategy", "cut", "expected"),
    [
        ("scratch", 0, "Train from scratch"),
        ("freeze_reinit", 0, "Train from scratch"),
        ("freeze_reinit", 4, "Keep 4 of 6 blocks, frozen, and re-initialise the rest"),
        ("freeze_reinit", 6, "Keep all 6 blocks, frozen, and train a new head"),
        ("freeze", 0, "Keep all 6 blocks and train them further"),
        ("freeze", 2, "Keep all 6 blocks, freeze the first 2 and train the rest further"),
        ("reinit", 3, "Keep 3 of 6 blocks, train them further, and re-initialise the rest"),
        ("finetune", 0, "Keep all 6 blocks and train them further"),
        ("freeze_truncate", 5, "Keep 5 of 6 blocks, frozen, and remove the rest"),
        ("truncate", 0, "Remove all blocks and train the head on the pixels"),
        ("scratch_truncate", 0, "Remove all blocks and train the head on the pixels"),
        ("scratch_truncate", 2, "Remove all blocks but the first 2 and train the smaller network from scratch"),
        ("scratch_truncate", 6, "Train from scratch"),
        ("lp_finetune", 6, "Keep all 6 blocks, solve a linear probe on them, and train everything from there"),
        ("linear_probe", 0, "Solve a linear probe on the pixels"),
        ("linear_probe", 2, "Keep 2 of 6 blocks, frozen, remove the rest, and solve a linear probe"),
        ("linear_probe", 6, "Keep all 6 blocks, frozen, and solve a linear probe on them"),
        ("train_block", 0, "Keep all 6 blocks, frozen, and train a new head"),
        ("train_block", 3, "Keep all 6 blocks, train block 3 further and freeze the others"),
        ("norm_only", 3, "Keep all 6 blocks and train only their norms further"),
        ("bias_only", 0, "Keep all 6 blocks and train only their biases further"),
        ("layer_decay", 0, "Keep all 6 blocks and train them further, each slower than the one above it"),
        ("l2_sp", 0, "Keep all 6 blocks and train them further, drawn back to the source's values"),
        ("gradual_unfreeze", 0, "Keep all 6 blocks and train them further, from the top on, group after group"),
        ("ends", 6, "Keep all 6 blocks with strategy ends"),
        ("own_strategy", 2, "Cut after 2 of 6 blocks with strategy own_strategy"),
    ],
)
def test_a_condition_is_an_instruction(strategy, cut, expected):
    assert words.phrase(strategy, cut, 6) == expected


def test_numbers_have_one_form():
    assert words.percent(0.9333) == "93.3 %"
    assert words.points(0.129) == "+12.9 points"
    assert words.points(-0.0042) == "−0.4 points"
    assert words.points(-0.0001) == "0.0 points"
    assert words.interval(0.101, 0.152) == "95 % interval +10.1 to +15.2"
    assert words.interval(math.nan, math.nan) == "no interval"


@pytest.mark.parametrize(
    ("p", "text"), [(0.0137, "p = 0.014"), (0.02, "p = 0.020"), (0.00001, "p < 0.001"), (1.0, "p = 1.00")]
)
def test_p_values_are_rounded_and_never_zero(p, text):
    assert words.p_value(p) == text


def test_missing_numbers_are_a_dash():
    assert words.percent(math.nan) == words.duration(math.nan) == words.signed(math.nan) == "–"


def test_times_have_two_units():
    assert [words.duration(s) for s in (1.25, 75, 3725)] == ["1.2 s", "1 min 15 s", "1 h 2 min"]


def test_long_lists_are_cut_short():
    assert words.listing(["a", "b"], most=2) == "a, b"
    assert words.listing(["a", "b", "c", "d"], most=3) == "a, b and 2 more"


def test_a_context_is_named_by_what_tells_it_apart():
    first = Context("a", "t", "m", (("lr", "low"), ("size", "big")))
    second = Context("a", "t", "m", (("lr", "high"), ("size", "big")))
    assert words.context_label(first, [first, second]) == "lr: low"
    assert words.context_label(first, [first]) == ""
