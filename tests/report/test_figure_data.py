"""What the page is given of a figure."""

from __future__ import annotations

import pytest

from layercut.figures import charts_of
from layercut.report.figure_data import figure_data
from support.fake_results import fake_results


@pytest.mark.parametrize("name", ["cut_boxes", "accuracy_bars", "accuracy_by_parameters"])
def test_only_what_is_no_reference_line_can_be_chosen_as_a_strategy(name):
    table = fake_results(num_blocks=2, fractions=(0.1,), num_replicates=3)
    table.attrs["plan"] = {"chance": {"digits[5,6,7,8,9]": float(table["test_accuracy"].min())}}
    ((_, chart),) = charts_of(name, table)
    legend = figure_data(chart)["legend"]
    assert {entry["name"] for entry in legend if entry["reference"]} >= {"chance"}
    assert {entry["name"] for entry in legend if not entry["reference"]} <= set(table["strategy"])
