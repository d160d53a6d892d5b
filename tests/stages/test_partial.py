"""Strategies that train some parameters of a block: which moved, by how much, and what stayed."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

from layercut.plan.schedule import transfer_jobs
from layercut.stages import transfer
from layercut.stages.stacked import run_stacked
from layercut.stages.transfer import run_trial
from layercut.stages.trial import Seeds, prepare_model, separate
from layercut.training.batches import Examples
from layercut.training.loop import train
from tiny import context_with_sources, one_condition, tiny_plan
from tiny_stack import Images

MODEL = "model={name: block_cnn, hidden_dims: [4, 6, 8, 5], dropout: 0}"
STRATEGIES = "transfer.strategies=[norm_only, bias_only, train_block, freeze_reinit]"
SGD = ("transfer.training.optimizer=sgd", "transfer.training.momentum=0", "transfer.training.lr=0.1")


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    """A plan of a model with batch norms and biases, with a trained source."""
    checked = tiny_plan(MODEL, STRATEGIES, *SGD)
    return checked, context_with_sources(checked, tmp_path_factory.mktemp("study"))


def moved_by(study, strategy, cut, monkeypatch):
    """Run a trial; return its record and the values, buffers included, that differ from the source's."""
    checked, context = study
    condition = one_condition(checked, strategy, cut)
    source, _ = context.open_source(condition.source)
    kept = []
    monkeypatch.setattr(transfer, "keep_trial", lambda trial, *rest: kept.append(trial))
    record = run_trial(condition, 0, "trial", context)
    values = kept[0].model.state_dict()
    blocks = [name for name in values if name.startswith("blocks.")]
    return record, {name for name in blocks if not torch.equal(values[name], source[name])}


def names(study, wanted):
    checked, context = study
    source, _ = context.open_source(checked.plan.sources[0].key)
    return {name for name in source if name.startswith("blocks.") and wanted(name)}


def is_norm(name):
    return ".norm" in name


def test_norm_only_moves_scale_shift_and_statistics_of_norms_and_nothing_else(study, monkeypatch):
    record, moved = moved_by(study, "norm_only", 0, monkeypatch)
    assert names(study, is_norm)
    assert moved == names(study, is_norm)
    assert record.frozen_unchanged is True


def test_bias_only_moves_biases_and_no_statistics(study, monkeypatch):
    record, moved = moved_by(study, "bias_only", 0, monkeypatch)
    biases = names(study, lambda name: name.endswith(".bias"))
    assert moved <= biases
    assert {name for name in biases if is_norm(name)} <= moved
    assert record.frozen_unchanged is True


def test_train_block_moves_the_last_block_below_the_cut_alone(study, monkeypatch):
    checked, _ = study
    condition = one_condition(checked, "train_block", 2)
    record, moved = moved_by(study, "train_block", 2, monkeypatch)
    assert {name.split(".")[1] for name in moved} == {condition.model.block_names[1]}
    assert record.frozen_unchanged is True
    assert condition.trunk == 1


@pytest.mark.parametrize(("strategy", "cut"), [("norm_only", 0), ("bias_only", 0), ("train_block", 2)])
def test_what_is_trained_takes_the_step_that_a_hand_computes(study, strategy, cut):
    """One step of plain SGD over all images: value less rate times gradient, computed by autograd alone."""
    checked, context = study
    condition = one_condition(checked, strategy, cut)
    source, _ = context.open_source(condition.source)

    def prepared():
        model = prepare_model(condition, source, Seeds(*range(len(Seeds._fields))))
        return separate(condition, model)

    ours, theirs = prepared(), prepared()
    images = torch.rand(12, 1, 8, 8, generator=torch.Generator().manual_seed(1))
    labels = torch.arange(12) % 5
    below = images if ours.trunk is None else ours.trunk.frozen.blocks(images)
    one_step = condition.fitting.__class__(**{**vars(condition.fitting), "epochs": 1, "batch_size": 12})
    train(ours.body, Examples(Images(below), labels), None, one_step, 0)

    model = theirs.body.train()
    order = torch.randperm(12, generator=torch.Generator().manual_seed(0))
    F.cross_entropy(model(below[order]), labels[order]).backward()
    for name, value in model.named_parameters():
        expected = value - 0.1 * value.grad if name in theirs.trained else value
        torch.testing.assert_close(ours.body.state_dict()[name], expected.detach(), rtol=1e-5, atol=1e-6)
        assert (value.grad is not None) == (name in theirs.trained)


def test_a_value_that_should_rest_and_changed_is_noticed(study, monkeypatch):
    checked, context = study
    original = transfer.train

    def train_and_touch_a_statistic(body, *arguments):
        result = original(body, *arguments)
        next(buffer for name, buffer in body.named_buffers() if name.endswith("running_mean"))[0] += 1e-6
        return result

    monkeypatch.setattr(transfer, "train", train_and_touch_a_statistic)
    assert run_trial(one_condition(checked, "bias_only", 0), 0, "trial", context).frozen_unchanged is False
    assert run_trial(one_condition(checked, "norm_only", 0), 0, "trial", context).frozen_unchanged is True


@pytest.mark.parametrize("strategy", ["norm_only", "bias_only"])
def test_the_same_rests_where_replicates_are_trained_as_one(strategy, tmp_path):
    stacked = tiny_plan(MODEL, f"transfer.strategies=[{strategy}]", "transfer.replicates=2", stacked=True)
    context = context_with_sources(stacked, tmp_path)
    (job,) = transfer_jobs(stacked.plan, lambda key: False)
    assert [record.frozen_unchanged for record in run_stacked(job, context)] == [True, True]


def test_they_are_one_trial_at_every_cut():
    plan = tiny_plan(MODEL, "transfer.strategies=[norm_only, bias_only, train_block, freeze_reinit, freeze]").plan
    of = {
        strategy: [name.condition for name in plan.names if name.strategy == strategy]
        for strategy in ("norm_only", "bias_only", "train_block", "freeze_reinit", "freeze")
    }
    assert len(set(of["norm_only"])) == len(set(of["bias_only"])) == 1
    assert of["train_block"][0] == of["freeze_reinit"][-1]
    assert of["train_block"][-1] == of["freeze"][-2]
    assert len(set(of["train_block"])) == len(of["train_block"])


def test_a_model_without_such_parameters_is_named_when_a_study_is_planned():
    warnings = tiny_plan("transfer.strategies=[norm_only, bias_only]").plan.warnings
    (told,) = [warning for warning in warnings if "the head alone" in warning]
    assert told.startswith("norm_only trains the head alone: the blocks of plain_cnn(")
