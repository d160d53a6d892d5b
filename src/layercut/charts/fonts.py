"""Fonts for characters that matplotlib's own font lacks, such as those of Chinese, Japanese and Korean names."""

from __future__ import annotations

import dataclasses
import unicodedata
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any

from matplotlib import font_manager

OWN = "DejaVu Sans"
"""Comes with matplotlib."""
_PREFERRED = (
    "Noto Sans CJK JP", "Noto Sans CJK SC", "Noto Sans CJK KR", "Noto Sans JP", "Noto Sans SC", "Noto Sans KR",
    "Source Han Sans", "Hiragino Sans", "PingFang SC", "Apple SD Gothic Neo", "Yu Gothic", "Meiryo",
    "Microsoft YaHei", "Malgun Gothic", "WenQuanYi Micro Hei", "Droid Sans Fallback", "Arial Unicode MS",
)  # fmt: skip
_REGULAR = 400
_BOXES = "Last Resort"
"""Has a box for every sign."""


def families(chart: Any) -> list[str]:
    """Return matplotlib's own font and the installed ones that have what it lacks of a chart's texts."""
    return [OWN, *_fallbacks(frozenset("".join(_texts(chart))))]


@contextmanager
def said_once(chart: Any, path: Path) -> Iterator[None]:
    """Say in one warning, not in one for each, which signs no font has; an SVG file keeps them as text."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", r"Glyph \d+ .* missing from font")
        yield
    had = frozenset().union(*map(_signs, families(chart)))
    missing = {sign for sign in "".join(_texts(chart)) if sign not in had and not _is_invisible(sign)}
    if missing and path.suffix != ".svg":
        some = "".join(sorted(missing)[:10])
        warnings.warn(
            f"{path}: no installed font has the signs {some}: they are empty boxes; install one, such as Noto Sans "
            "CJK, or write an SVG file, which keeps them as text",
            stacklevel=3,
        )


@lru_cache(maxsize=64)
def _fallbacks(signs: frozenset[str]) -> tuple[str, ...]:
    missing = signs - _signs(OWN)
    chosen = []
    for name in [name for name in (*_PREFERRED, *sorted(_installed())) if missing and name in _installed()]:
        if missing & _signs(name):
            missing -= _signs(name)
            chosen.append(name)
    return tuple(chosen)


@lru_cache(maxsize=1)
def _installed() -> dict[str, str]:
    """Return the files of the upright fonts of this machine, by family."""
    upright = [font for font in font_manager.fontManager.ttflist if font.style == "normal" and font.weight == _REGULAR]
    return {font.name: font.fname for font in upright if not font.name.startswith(_BOXES)}


@lru_cache(maxsize=256)
def _signs(family: str) -> frozenset[str]:
    """Return the signs that an installed font has; none where its file cannot be read."""
    try:
        return frozenset(map(chr, font_manager.get_font(_installed()[family]).get_charmap()))
    except (OSError, RuntimeError):
        return frozenset()


def _is_invisible(sign: str) -> bool:
    return sign.isspace() or unicodedata.category(sign) in ("Cc", "Cf")


def _texts(value: Any) -> Iterator[str]:
    """Yield every text in a chart."""
    if isinstance(value, str):
        yield value
    elif dataclasses.is_dataclass(value):
        for field in dataclasses.fields(value):
            yield from _texts(getattr(value, field.name))
    elif isinstance(value, Mapping):
        yield from _texts(list(value.items()))
    elif isinstance(value, Sequence) and not isinstance(value, bytes):
        for each in value:
            yield from _texts(each)
