"""What of a plan may be recommended."""

from __future__ import annotations

import pytest

from layercut.errors import UserError
from layercut.recommending.arms import arms_of
from support.tiny import tiny_plan


def test_a_list_of_learning_rates_is_refused_by_what_tries_rates_itself():
    plan = tiny_plan("transfer.training.lr=[1e-3, 1e-2]", "transfer.strategies=[finetune]").plan
    with pytest.raises(UserError, match="a recommendation tries rates by itself"):
        arms_of(plan)
