"""What `benchmarks.zoo_profile` says of an epoch."""

from __future__ import annotations

import pytest
import torch
from benchmarks.zoo_profile import shares


def test_shares_are_of_the_time_of_all_operators_the_largest_first():
    large, small = torch.ones(512, 512), torch.ones(4)
    runs = []

    def epoch() -> None:
        runs.append(1)
        torch.mm(large, large)
        small.add(1)

    found = shares(epoch)
    assert len(runs) == 2  # the first warms up
    assert next(iter(found)) == "aten::mm"
    assert {"aten::mm", "aten::add"} <= set(found)
    assert sum(found.values()) == pytest.approx(1.0)
    assert list(found.values()) == sorted(found.values(), reverse=True)
