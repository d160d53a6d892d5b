"""The interval of a share is that of others' code."""

from __future__ import annotations

import pytest
from statsmodels.stats.proportion import proportion_confint

from layercut.stats.proportion import share_interval


@pytest.mark.parametrize(("right", "total"), [(0, 7), (3, 10), (9, 10), (500, 500), (421, 500)])
def test_the_interval_is_wilsons(right: int, total: int) -> None:
    assert share_interval(right / total, total) == pytest.approx(proportion_confint(right, total, method="wilson"))


@pytest.mark.parametrize(("share", "total"), [(0.5, 0), (1.5, 10), (float("nan"), 10)])
def test_what_is_no_share_of_images_is_refused(share: float, total: int) -> None:
    with pytest.raises(ValueError, match="expected a share"):
        share_interval(share, total)
