"""The comparison of a plan's seconds with those of its run."""

from __future__ import annotations

import pytest
from benchmarks.planned import planned_and_measured, render

from support.tiny import tiny_study


def test_every_strategy_of_a_study_is_planned_and_measured(tmp_path):
    spec = tiny_study("transfer.strategies=[linear_probe, freeze]", "transfer.cuts=[2]", "pretraining.epochs=1")
    found = planned_and_measured(spec, tmp_path)
    rows = found["processor_seconds"]
    assert found["trials"] == 2
    assert set(rows) == {"extract", "linear_probe", "freeze", "all"}
    assert all(row["measured"] > 0 for row in (rows["linear_probe"], rows["freeze"]))
    assert rows["all"]["planned"] == pytest.approx(
        sum(row["planned"] for name, row in rows.items() if name != "all"), abs=0.03
    )
    assert "linear_probe" in render(found)
