"""PyTorch's complaints about values, short."""

from __future__ import annotations

import pytest
from torch import nn

from layercut.models.load_errors import load_error


def refused(model, values):
    with pytest.raises(RuntimeError) as error:
        model.load_state_dict(values)
    return load_error(error.value)


def test_names_and_shapes_that_do_not_fit_are_told():
    values = nn.Sequential(nn.Linear(2, 3), nn.ReLU(), nn.Linear(3, 1)).state_dict()
    told = refused(nn.Sequential(nn.Linear(2, 4), nn.Linear(3, 1, bias=False)), values)
    assert told == (
        "expected 1.weight, got nothing; the model has no 2.weight, 2.bias; "
        "0.weight: expected (4, 2), got (3, 2), 0.bias: expected (4), got (3)"
    )


def test_of_many_names_a_few_are_told_and_the_others_counted():
    told = refused(nn.Sequential(*(nn.Linear(1, 1) for _ in range(4))), {})
    assert told == "expected 0.weight, 0.bias, 1.weight, 1.bias and 4 more, got nothing"


def test_any_other_error_is_told_in_one_line():
    assert load_error(ValueError("a\n  b")) == "ValueError: a b"
