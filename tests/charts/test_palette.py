"""Colours that can be read."""

import re

import pytest

from layercut.charts.palette import DARK, LIGHT, ROLES, SEQUENTIAL, readable_on, sequential


def test_the_sequential_palette_passes_through_its_colours():
    last = len(SEQUENTIAL) - 1
    assert [sequential(step / last) for step in range(last + 1)] == list(SEQUENTIAL)
    assert sequential(-1) == SEQUENTIAL[0]
    assert sequential(2) == SEQUENTIAL[-1]


def test_roles_become_colours_and_colours_stay():
    assert LIGHT.color("ink") != DARK.color("ink")
    assert ROLES.color("ink") == "@ink"
    assert DARK.color("#123456") == "#123456"
    assert all(re.fullmatch("#[0-9a-f]{6}", color) for color in (*LIGHT, *DARK))


@pytest.mark.parametrize(
    ("background", "text"), [("#000000", "#ffffff"), ("#ffffff", "#000000"), ("#3f4788", "#ffffff")]
)
def test_text_contrasts_with_its_background(background, text):
    assert readable_on(background) == text
