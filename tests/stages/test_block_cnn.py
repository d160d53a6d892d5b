"""Trials of a model with BatchNorm, dropout and several dense layers: what is frozen, what moves, what is kept."""

from __future__ import annotations

import pytest
import torch

from layercut.errors import SpecError
from layercut.plan.preflight import plan_with_data
from layercut.stages.transfer import run_trial, training_examples, validation_examples
from layercut.stages.trial import Seeds, prepare_model, prepare_trial
from layercut.training.loop import train
from support.tiny import context_with_sources, one_condition, tiny_plan, tiny_study

MODEL = "model={name: block_cnn, hidden_dims: [4, 6, 8, 12, 10], dropout: 0.3}"
SEEDS = Seeds(init=1, head=2, order=3, layers=4, augment=5)


@pytest.fixture(scope="module", params=["replace", "keep_hidden"])
def study(request, tmp_path_factory):
    """A plan with a trained source, without and with dense layers carried over."""
    checked = tiny_plan(MODEL, f"transfer.head={request.param}", "transfer.training.epochs=1")
    return checked, context_with_sources(checked, tmp_path_factory.mktemp("study")), request.param


def test_a_frozen_trunk_keeps_its_statistics_and_what_is_trained_moves_them(study):
    checked, context, _ = study
    source, _ = context.open_source(checked.plan.sources[0].key)
    condition = one_condition(checked, "freeze", 1)
    trial = prepare_trial(condition, 0, "trial", context)
    training, validation = training_examples(trial, trial.split, context), validation_examples(trial, context)
    train(trial.parts.body, training, validation, condition.training, 0)
    frozen, trained = trial.model.blocks[0].norm0, trial.parts.body.blocks[0].norm0
    assert torch.equal(frozen.running_var, source["blocks.block0.norm0.running_var"])
    assert torch.equal(frozen.num_batches_tracked, source["blocks.block0.norm0.num_batches_tracked"])
    assert not torch.equal(trained.running_var, source["blocks.block1.norm0.running_var"])
    assert trained.num_batches_tracked > source["blocks.block1.norm0.num_batches_tracked"]


@pytest.mark.parametrize("strategy", ["freeze_reinit", "freeze", "freeze_truncate"])
def test_records_say_that_statistics_of_a_frozen_trunk_are_unchanged(study, strategy):
    checked, context, _ = study
    assert run_trial(one_condition(checked, strategy, 2), 0, "trial", context).frozen_unchanged is True


def test_dropout_draws_the_same_in_every_run_of_a_trial(study):
    checked, context, _ = study
    condition = one_condition(checked, "scratch", 0)
    curves = [run_trial(condition, 0, "trial", context).curve for _ in range(2)]
    assert curves[0] == curves[1]


def test_dense_layers_are_carried_over_by_choice_and_the_classifier_never(study):
    checked, context, head = study
    source, _ = context.open_source(checked.plan.sources[0].key)
    values = prepare_model(one_condition(checked, "reinit", 1), source, SEEDS).state_dict()
    for layer in ("dense1", "dense2"):
        name = f"head.hidden.{layer}.weight"
        assert torch.equal(values[name], source[name]) == (head == "keep_hidden")
    assert not torch.equal(values["head.out.weight"], source["head.out.weight"])


def test_a_truncated_trunk_gets_a_new_head_also_where_a_dense_layer_would_fit(study):
    checked, context, _ = study
    source, _ = context.open_source(checked.plan.sources[0].key)
    values = prepare_model(one_condition(checked, "truncate", 1), source, SEEDS).state_dict()
    name = "head.hidden.dense2.weight"
    assert values[name].shape == source[name].shape
    assert not torch.equal(values[name], source[name])


def test_a_weight_file_without_the_dense_layers_that_are_to_be_kept_is_refused(study, tmp_path):
    checked, context, head = study
    source, _ = context.open_source(checked.plan.sources[0].key)
    torch.save({name: value for name, value in source.items() if "dense2" not in name}, tmp_path / "weights.pth")
    changes = [MODEL, f"source={{checkpoint: {tmp_path}/weights.pth}}", f"transfer.head={head}"]
    if head == "replace":
        assert tiny_plan(*changes).plan.sources
    else:
        with pytest.raises(SpecError, match=r"head\.hidden\.dense2\.weight: expected \(10, 12\), got nothing"):
            tiny_plan(*changes)


def test_dropout_in_the_head_is_the_reason_why_replicates_train_one_by_one(tmp_path):
    def plan(dropout):
        spec = tiny_study(MODEL, f"model.dropout={dropout}", "transfer.replicates=3")
        return plan_with_data(spec, tmp_path, tmp_path, "float32", stacked=True).plan

    assert all(condition.group is None for condition in plan(0.3).conditions)
    (warning,) = plan(0.3).warnings[-1:]
    assert warning.endswith("one by one, not stacked: the head draws at random in training")
    assert all(condition.group == 3 for condition in plan(0).conditions)
