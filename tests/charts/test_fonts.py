"""Signs that matplotlib's own font does not have."""

from __future__ import annotations

import warnings
from dataclasses import replace
from pathlib import Path

import pytest

from layercut.charts import fonts
from layercut.charts.matplotlib import save
from support.sample_chart import CHART

PLAIN = replace(CHART, title="accuracy by cut", panels=CHART.panels[:1], legend=(), legend_title="")
UNKNOWN = "\U000f0000"
"""For private use: no font of a machine has it, as none may have signs of Chinese."""


def _titled(text: str) -> object:
    return replace(PLAIN, panels=(replace(PLAIN.panels[0], title=text),))


def test_an_installed_font_stands_in_for_the_signs_that_the_own_one_lacks() -> None:
    other = next(name for name in sorted(fonts._installed()) if fonts._signs(name) - fonts._signs(fonts.OWN))
    sign = min(fonts._signs(other) - fonts._signs(fonts.OWN))
    own, *more = fonts.families(_titled(f"ants {sign}"))
    assert own == fonts.OWN
    assert sign in fonts._signs(more[0])


def test_usual_texts_are_set_in_the_own_font_alone() -> None:
    assert fonts.families(_titled("Größe, naïve, Ωμέγα, жук")) == [fonts.OWN]


@pytest.mark.parametrize("kind", ["png", "pdf"])
def test_signs_that_no_font_has_are_said_once(tmp_path: Path, kind: str) -> None:
    with pytest.warns(UserWarning, match="no installed font has the signs") as caught:
        save(_titled(f"{UNKNOWN} {UNKNOWN}"), tmp_path / f"figure.{kind}")  # type: ignore[arg-type]
    assert len(caught) == 1


def test_an_svg_file_keeps_them_as_text(tmp_path: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        path = save(_titled("蚂蚁 アリ 개미"), tmp_path / "figure.svg")  # type: ignore[arg-type]
    assert "蚂蚁 アリ 개미" in path.read_text(encoding="utf-8")
