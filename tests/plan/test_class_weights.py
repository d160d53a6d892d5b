"""Class weights in a plan: names become the order of the labels, and what the names cannot mean is refused."""

from __future__ import annotations

import pytest

from layercut.errors import SpecError
from layercut.spec import parse_study
from support.tiny import STUDY, tiny_plan

TRAINED = "transfer.strategies=[finetune, linear_probe, lp_finetune]"


def weights(*overrides):
    return {condition.training.class_weights for condition in tiny_plan(TRAINED, *overrides).plan.conditions}


def test_names_become_weights_in_the_order_of_the_labels_and_the_unnamed_have_1():
    assert weights("transfer.training.class_weights={8: 2, '5': 0.5}") == {(0.5, 1.0, 1.0, 2.0, 1.0)}
    assert weights("transfer.training.class_weights.9=3") == {(1.0, 1.0, 1.0, 1.0, 3.0)}


def test_every_kind_of_head_has_them_in_its_training_and_its_key():
    plain, balanced = tiny_plan(TRAINED).plan, tiny_plan(TRAINED, "transfer.training.class_weights=balanced").plan
    assert {condition.training.class_weights for condition in balanced.conditions} == {"balanced"}
    assert {condition.strategy for condition in balanced.conditions} == {"finetune", "linear_probe", "lp_finetune"}
    assert not {condition.key for condition in plain.conditions} & {condition.key for condition in balanced.conditions}


def test_sources_and_stored_features_know_nothing_of_them():
    plain, balanced = tiny_plan().plan, tiny_plan("transfer.training.class_weights=balanced").plan
    assert [job.key for job in plain.sources] == [job.key for job in balanced.sources]
    assert list(plain.feature_sets) == list(balanced.feature_sets)


def test_replicates_are_trained_as_one_model_all_the_same():
    changes = "transfer.replicates=3", "transfer.strategies=[finetune]"
    plan = tiny_plan(*changes, "transfer.training.class_weights=balanced", stacked=True).plan
    assert {condition.group for condition in plan.conditions} == {3}


@pytest.mark.parametrize(
    ("override", "place"),
    [
        ("transfer.training.class_weights={55: 2}", "transfer.training.class_weights"),
        ("transfer.factors={w: {a: {class_weights: {55: 2}}}}", "transfer.factors.w.a.class_weights"),
        (
            "target={dataset: digits, classes: [5, 6], training: {class_weights: {55: 2}}}",
            "target[0].training.class_weights",
        ),
    ],
)
def test_a_class_that_the_target_does_not_have_is_refused_with_its_key_path(override, place):
    with pytest.raises(SpecError) as caught:
        tiny_plan(override)
    assert f"`{place}`" in str(caught.value)
    assert "expected names of the target's classes (5, 6" in str(caught.value)
    assert "got '55'; did you mean '5'?" in str(caught.value)


def test_a_class_is_called_as_it_is_written_in_the_file():
    text = STUDY.replace("  training: {lr: 1e-2,", "  training: {class_weights: {no: 2, 007: 3, 1.10: 4}, lr: 1e-2,")
    assert parse_study(text).transfer.training.class_weights == {"no": 2.0, "007": 3.0, "1.10": 4.0}
