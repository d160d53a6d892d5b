"""Strategies that train some parameters of a block: which moved, by how much, and what stayed."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

from layercut.plan.schedule import transfer_jobs
from layercut.records import exact_content
from layercut.stages import transfer
from layercut.stages.stacked import run_stacked
from layercut.stages.transfer import run_trial
from layercut.stages.trial import Seeds, prepare_model, separate
from layercut.training.batches import Examples
from layercut.training.loop import train
from support.tiny import context_with_sources, one_condition, tiny_plan
from support.tiny_stack import Images

MODEL = "model={name: block_cnn, hidden_dims: [4, 6, 8, 5], dropout: 0}"
STRATEGIES = "transfer.strategies=[norm_only, bias_only, train_block, freeze_reinit, layer_decay, l2_sp, finetune]"
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


@pytest.mark.parametrize(
    ("strategy", "cut"), [("norm_only", 0), ("bias_only", 0), ("train_block", 2), ("layer_decay", 0), ("l2_sp", 0)]
)
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
    one_step = condition.training.__class__(**{**vars(condition.training), "epochs": 1, "batch_size": 12})
    train(ours.body, Examples(Images(below), labels), None, one_step, 0, ours.handling)

    model = theirs.body.train()
    order = torch.randperm(12, generator=torch.Generator().manual_seed(0))
    F.cross_entropy(model(below[order]), labels[order]).backward()
    for name, value in model.named_parameters():
        rate = 0.1 * theirs.handling.rates.get(name, 1.0)
        expected = value - rate * value.grad if name in theirs.trained else value
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
    (told,) = [warning for warning in warnings if "only the head" in warning]
    assert told.startswith("norm_only trains only the head: the blocks of plain_cnn(")


def prepared_parts(study, strategy):
    checked, context = study
    condition = one_condition(checked, strategy, 0)
    source, _ = context.open_source(condition.source)
    return condition, separate(condition, prepare_model(condition, source, Seeds(*range(len(Seeds._fields)))))


def test_layer_decay_gives_each_block_three_quarters_of_the_rate_above_it_and_the_head_the_whole(study):
    condition, parts = prepared_parts(study, "layer_decay")
    names = condition.model.block_names
    expected = {name: 0.75 ** (len(names) - block) for block, name in enumerate(names)}
    for name, _ in parts.body.named_parameters():
        part = name.split(".")
        assert parts.handling.rates.get(name, 1.0) == (1.0 if part[0] == "head" else expected[part[1]])


def test_l2_sp_pulls_whatever_is_kept_and_not_the_head(study):
    _, parts = prepared_parts(study, "l2_sp")
    assert parts.handling.pulled == {name for name in parts.trained if name.startswith("blocks.")}
    assert parts.handling.pull == 0.01
    assert not prepared_parts(study, "finetune")[1].handling.pulled


def test_rates_of_blocks_multiply_with_the_scale_of_what_is_kept(tmp_path):
    checked = tiny_plan(MODEL, "transfer.strategies=[layer_decay]", "transfer.training.kept_lr_scale=0.5")
    _, parts = prepared_parts((checked, context_with_sources(checked, tmp_path)), "layer_decay")
    last = [rate for name, rate in parts.handling.rates.items() if name.startswith(parts_of_last_block(parts))]
    assert set(last) == {0.5 * 0.75}


def parts_of_last_block(parts):
    return f"blocks.{parts.body.block_names[-1]}."


def metrics(study, strategy):
    checked, context = study
    return exact_content(run_trial(one_condition(checked, strategy, 0), 0, "trial", context))


def test_without_decay_every_block_learns_as_in_finetune_bit_for_bit(tmp_path):
    checked = tiny_plan(MODEL, "transfer.strategies=[layer_decay, finetune]", "transfer.training.layer_decay=1")
    study = checked, context_with_sources(checked, tmp_path)
    assert metrics(study, "layer_decay") == metrics(study, "finetune")


def test_a_strong_pull_leaves_the_values_nearer_to_the_source(study, tmp_path, monkeypatch):
    distances = []
    for pull in (0.01, 2.0):
        checked = tiny_plan(MODEL, "transfer.strategies=[l2_sp]", *SGD, f"transfer.training.pull={pull}")
        context = context_with_sources(checked, tmp_path / str(pull))
        condition = one_condition(checked, "l2_sp", 0)
        source, _ = context.open_source(condition.source)
        kept = []
        monkeypatch.setattr(transfer, "keep_trial", lambda trial, *rest, kept=kept: kept.append(trial))
        run_trial(condition, 0, "trial", context)
        values = dict(kept[0].model.named_parameters())
        moved = [(values[name] - source[name]).square().sum() for name in values if name.startswith("blocks.")]
        distances.append(sum(distance.item() for distance in moved))
    assert distances[1] < distances[0]
