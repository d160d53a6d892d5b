"""Colours: readable for colour-blind eyes, on white and on black.

Reference:
    Okabe & Ito 2008, Color Universal Design, without its yellow and black, which vanish on white or on black;
    sequential: viridis of van der Walt & Smith 2015, sampled, without its darkest and lightest ends.
"""

from __future__ import annotations

from typing import NamedTuple

BLUE, SKY, GREEN, ORANGE, VERMILLION, PURPLE = (
    "#0072b2",
    "#56b4e9",
    "#009e73",
    "#e69f00",
    "#d55e00",
    "#cc79a7",
)

MAGENTA, OLIVE = "#a3138c", "#7d8a00"
"""For more classes than these; markers tell them apart."""

SEQUENTIAL = ("#3f4788", "#31688e", "#23898e", "#1f9f88", "#45b971", "#83c14a", "#c3b62b")
"""From low to high."""


class Theme(NamedTuple):
    """What the roles `ink`, `muted` and so on stand for."""

    ink: str
    muted: str
    grid: str
    paper: str

    def color(self, color: str) -> str:
        """Return a role's colour, or the colour itself."""
        return str(getattr(self, color)) if color in self._fields else color


LIGHT = Theme(ink="#1d2733", muted="#5b6875", grid="#e3e7ec", paper="#ffffff")
DARK = Theme(ink="#e8ecf1", muted="#9aa7b4", grid="#2c353f", paper="#151a20")
ROLES = Theme(ink="@ink", muted="@muted", grid="@grid", paper="@paper")
"""Placeholders that a page fills in when it knows whether it is light or dark."""


DARK_COLORS = {
    BLUE: "#3f97e0",
    SKY: "#9ad4fb",
    GREEN: "#1cb98b",
    VERMILLION: "#f07a32",
    MAGENTA: "#e06fd0",
    OLIVE: "#aeb93a",
}
"""Colours of the light page that are too dark on the dark one, and what stands for them there."""


def sequential(position: float) -> str:
    """Return the colour at `position` in 0..1 of the sequential palette, linearly interpolated."""
    scaled = min(max(position, 0.0), 1.0) * (len(SEQUENTIAL) - 1)
    index = min(int(scaled), len(SEQUENTIAL) - 2)
    low, high = (_channels(SEQUENTIAL[index + step]) for step in (0, 1))
    mixed = [round(a + (b - a) * (scaled - index)) for a, b in zip(low, high, strict=True)]
    return "#" + "".join(f"{channel:02x}" for channel in mixed)


def readable_on(color: str) -> str:
    """Return black or white, whichever has more contrast with `color` (WCAG 2 relative luminance)."""
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in (v / 255 for v in _channels(color))]
    luminance = 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
    return "#ffffff" if 1.05 / (luminance + 0.05) > (luminance + 0.05) / 0.05 else "#000000"


def _channels(color: str) -> tuple[int, int, int]:
    return int(color[1:3], 16), int(color[3:5], 16), int(color[5:7], 16)
