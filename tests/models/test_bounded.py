"""Models that no machine has memory for are refused by the plan, before anything is allocated."""

from __future__ import annotations

import pytest
import torch

from layercut.errors import SpecError
from layercut.models import MODELS
from layercut.models.bounded import within_memory
from layercut.models.measured import plan_model


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("plain_cnn", {"depth": 1, "channels": 10**12}),
        ("plain_cnn", {"channels": 10**25}),
        ("plain_cnn", {"kernel_size": 10**6 + 1}),
        ("mlp", {"width": 10**9}),
        ("small_convnet", {"channels": [1, 10**12]}),
        ("block_cnn", {"hidden_dims": [10**9] * 4}),
    ],
)
def test_a_model_that_is_too_large_is_refused_in_one_line(name, options):
    family = MODELS[name]
    with pytest.raises(SpecError, match=r"GB of memory: choose a smaller one|cannot be built") as refused:
        plan_model(family, family.options.model_validate(options), (1, 28, 28), 2)
    assert "\n" not in str(refused.value)


def test_a_defect_of_somebodys_code_stays_one():
    with pytest.raises(RuntimeError, match="a defect"), within_memory("the model"):
        raise RuntimeError("a defect")


def test_a_planned_model_draws_no_random_numbers_of_others():
    state = torch.get_rng_state()
    plan_model(MODELS["plain_cnn"], MODELS["plain_cnn"].options(), (1, 28, 28), 2)
    assert torch.equal(torch.get_rng_state(), state)
