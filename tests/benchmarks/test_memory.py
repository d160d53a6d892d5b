"""A peak is bounded by the base and the budget, or the table says that it is not."""

from __future__ import annotations

import pytest
from benchmarks.children import Child, run_child, tree_memory
from benchmarks.memory import MEBIBYTE, render, summarize


def child(peak: int, records_hash: str = "same") -> Child:
    return Child({"records_hash": records_hash}, 1.0, 1.0, peak * MEBIBYTE, peak * MEBIBYTE, peak * MEBIBYTE)


def test_peaks_are_judged_against_the_base_and_the_budget() -> None:
    runs = {0: (child(1000), {}), 100: (child(1150), {"cut-6": 90 * MEBIBYTE}), 200: (child(1400), {})}
    result = summarize(runs, 500 * MEBIBYTE)
    assert [row["bounded"] for row in result["runs"]] == [True, True, False]
    assert result["records_equal"]
    assert "NO" in render(result)


def test_more_stored_than_the_budget_is_not_bounded() -> None:
    result = summarize({0: (child(1000), {"cut-6": 1}), 100: (child(1000, "other"), {})}, 0)
    assert [row["bounded"] for row in result["runs"]] == [False, True]
    assert not result["records_equal"]


@pytest.mark.slow
def test_a_child_process_is_measured_with_all_its_processes() -> None:
    result = run_child("benchmarks.peak", "--seconds", "0.001", "--batch-sizes", "1")
    assert result.answer["flops_per_second"]["float32"] > 0
    assert set(result.answer["flops_per_second"]) == {"float32", "bfloat16"}
    assert result.peak_memory_bytes > result.largest_process_bytes / 2 > 0
    assert result.seconds > 0


def test_a_process_that_is_gone_has_no_memory() -> None:
    assert tree_memory(2**22 + 1) == (0, 0)
