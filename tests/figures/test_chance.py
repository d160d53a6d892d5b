"""The line at chance in figures of accuracy."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from layercut.charts import Chart
from layercut.figures import charts_of
from support.fake_results import fake_results

FIGURES = ("cut_boxes", "accuracy_bars", "accuracy_by_fraction", "accuracy_by_parameters")


def results(chance: float | None, lowest: float = 0.3) -> pd.DataFrame:
    """Return results between `lowest` and 0.9, of a study whose plan says what guessing gets right."""
    table = fake_results(num_blocks=2, fractions=(0.1, 1.0), num_replicates=3)
    accuracies = table["test_accuracy"]
    spread = (accuracies - accuracies.min()) / (accuracies.max() - accuracies.min())
    table["test_accuracy"] = lowest + (0.9 - lowest) * spread
    table.attrs["plan"] = {} if chance is None else {"chance": {"digits[5,6,7,8,9]": chance}}
    return table


def chart(name: str, table: pd.DataFrame) -> Chart:
    ((_, found),) = charts_of(name, table)
    return found


def heights(found: Chart) -> set[float]:
    return {round(line.y, 6) for panel in found.panels for line in panel.references if line.name == "chance"}


@pytest.mark.parametrize("name", FIGURES)
def test_accuracy_figures_have_a_line_at_chance_within_their_axes(name):
    found = chart(name, results(chance=0.204))
    assert heights(found) == {20.4}
    assert all(panel.y.limits[0] < 20.4 < panel.y.limits[1] for panel in found.panels if panel.references)
    assert [entry.kind for entry in found.legend if entry.name == "chance"] == ["reference"]
    assert "chance, the share of the most frequent class (20.4 %)" in found.caption


@pytest.mark.parametrize("name", FIGURES)
def test_a_plan_that_does_not_tell_chance_gives_no_line(name):
    found = chart(name, results(chance=None))
    assert heights(found) == set()
    assert "chance" not in found.caption
    assert "chance" not in {entry.name for entry in found.legend}


@pytest.mark.parametrize("name", [name for name in FIGURES if name != "accuracy_bars"])
def test_far_below_all_accuracies_the_caption_alone_tells_it(name):
    far, unknown = chart(name, results(chance=0.1, lowest=0.85)), chart(name, results(chance=None, lowest=0.85))
    assert heights(far) == set()
    assert "Below all axes: chance, the share of the most frequent class (10.0 %)" in far.caption
    np.testing.assert_equal([p.y.limits for p in far.panels], [p.y.limits for p in unknown.panels])
