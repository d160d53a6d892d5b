"""What a plan says of fields about batch norms that change nothing in its study."""

from __future__ import annotations

import pytest

from support.tiny import tiny_plan

WITH_NORMS = "model={name: block_cnn, hidden_dims: [4, 6, 8, 8, 5], dropout: 0}"
NO_NORMS = "its blocks have no batch norms with running statistics"


@pytest.mark.parametrize(
    ("field", "changes", "told"),
    [
        ("adapt_norms", (), NO_NORMS),
        ("freeze_norm_statistics", (), NO_NORMS),
        (
            "adapt_norms",
            (WITH_NORMS, "transfer.strategies=[finetune, scratch]"),
            "no strategy of this study leaves batch norms frozen",
        ),
        (
            "freeze_norm_statistics",
            (WITH_NORMS, "transfer.strategies=[bias_only, scratch]"),
            "no strategy of this study trains batch norms that come from the source",
        ),
    ],
)
def test_a_plan_says_where_a_field_about_norms_changes_nothing(field: str, changes: tuple[str, ...], told: str) -> None:
    plan, plain = (tiny_plan(*own, *changes).plan for own in ((f"transfer.training.{field}=true",), ()))
    (warning,) = [one for one in plan.warnings if one.startswith(field)]
    assert warning.endswith(told)
    assert {condition.key for condition in plan.conditions} == {condition.key for condition in plain.conditions}
