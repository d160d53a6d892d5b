"""What a study's size alone allows."""

import pytest

from layercut.significance import least_attainable_p, replicates_needed


def test_five_replicates_cannot_reach_five_per_cent():
    assert least_attainable_p(5) == 0.0625
    assert least_attainable_p(6) == 0.03125


def test_the_least_p_is_never_above_one():
    assert least_attainable_p(0) == 1.0
    assert least_attainable_p(2, 21) == 1.0


@pytest.mark.parametrize(("comparisons", "needed"), [(1, 6), (6, 8), (7, 9), (21, 10)])
def test_replicates_needed_are_the_fewest_that_suffice(comparisons, needed):
    assert replicates_needed(comparisons) == needed
    assert least_attainable_p(needed, comparisons) < 0.05 <= least_attainable_p(needed - 1, comparisons)


def test_impossible_sizes_are_refused():
    with pytest.raises(ValueError, match="0 or more pairs"):
        least_attainable_p(-1)
    with pytest.raises(ValueError, match="alpha"):
        replicates_needed(3, alpha=0.0)
