"""Numbers and conditions in words."""

import math

import pytest

from layercut.figures import words
from layercut.stats import Context


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
    assert [words.duration(s) for s in (60, 3600)] == ["1 min", "1 h"]


def test_long_lists_are_cut_short():
    assert words.listing(["a", "b"], most=2) == "a, b"
    assert words.listing(["a", "b", "c", "d"], most=3) == "a, b and 2 more"


def test_a_context_is_named_by_what_tells_it_apart():
    first = Context("a", "t", "m", (("lr", "low"), ("size", "big")))
    second = Context("a", "t", "m", (("lr", "high"), ("size", "big")))
    assert words.context_label(first, [first, second]) == "lr: low"
    assert words.context_label(first, [first]) == ""
