"""What every registered strategy promises."""

from __future__ import annotations

import dataclasses

import pytest
import torch

from layercut.seeding import derive_seed
from layercut.stages.transfer import run_trial
from layercut.stages.trial import Seeds, prepare_model, separate
from layercut.strategies import STRATEGIES
from layercut.strategies.base import PartialStrategy
from layercut.strategies.treatment import treatment
from support.tiny import EVERY_NAME, context_with_sources, one_condition, tiny_plan


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    """A plan with a trained source."""
    checked = tiny_plan(f"transfer.strategies=[{', '.join(EVERY_NAME)}]")
    return checked, context_with_sources(checked, tmp_path_factory.mktemp("study"))


def prepared(study, strategy, cut, replicate=0):
    checked, context = study
    condition = one_condition(checked, strategy, cut)
    source = context.open_source(condition.source)[0] if condition.source else {}
    seeds = Seeds(*(derive_seed(3, purpose, replicate) for purpose in Seeds._fields))
    return condition, source, prepare_model(condition, source, seeds)


STRATEGY_AND_CUT = [(name, cut) for name in EVERY_NAME for cut in range(4) if name != "scratch" or cut == 0]


def freezes(strategy, cut):
    return bool(treatment(STRATEGIES[strategy], cut, 3).frozen)


@pytest.mark.parametrize(("strategy", "cut"), STRATEGY_AND_CUT)
def test_the_trunk_comes_from_the_source_and_the_head_does_not(study, strategy, cut):
    condition, source, model = prepared(study, strategy, cut)
    values = model.state_dict()
    for block in model.block_names[: condition.cut]:
        for name in values:
            if name.startswith(f"blocks.{block}.") and source:
                assert torch.equal(values[name], source[name])
    assert not source or not torch.equal(values["head.out.bias"], source["head.out.bias"])


@pytest.mark.parametrize(("strategy", "cut"), STRATEGY_AND_CUT)
def test_everything_above_a_frozen_trunk_gets_a_gradient_and_the_trunk_none(study, strategy, cut):
    condition, _, model = prepared(study, strategy, cut)
    parts = separate(condition, model)
    features = torch.rand(2, 1, 8, 8)
    if parts.trunk is not None:
        features = parts.trunk.frozen.blocks(features)
    parts.body(features).sum().backward()
    reached = {name for name, parameter in parts.body.named_parameters() if parameter.grad is not None}
    assert reached == parts.trained
    if parts.trunk is not None:
        assert all(parameter.grad is None for parameter in parts.trunk.frozen.blocks.parameters())
        assert not any(module.training for module in parts.trunk.frozen.blocks.modules())


@pytest.mark.parametrize(("strategy", "cut"), [row for row in STRATEGY_AND_CUT if freezes(*row)])
def test_what_is_frozen_is_bit_identical_after_training_and_the_record_says_so(study, strategy, cut):
    checked, context = study
    record = run_trial(one_condition(checked, strategy, cut), 0, "trial", context)
    assert record.frozen_unchanged is True
    assert record.num_trained_parameters < record.num_parameters


def test_a_trunk_that_changed_is_noticed(study, monkeypatch):
    from layercut.stages import transfer, trial

    checked, context = study
    original = transfer.train

    def train_and_touch_the_trunk(body, *arguments):
        result = original(body, *arguments)
        trunks[0].frozen.blocks[0].conv.bias.data[0] += 1e-6
        return result

    trunks = []
    separate_before = trial.separate

    def separate_and_remember(condition, model):
        parts = separate_before(condition, model)
        trunks.append(parts.trunk)
        return parts

    monkeypatch.setattr(trial, "separate", separate_and_remember)
    monkeypatch.setattr(transfer, "train", train_and_touch_the_trunk)
    record = run_trial(one_condition(checked, "freeze_reinit", 2), 0, "trial", context)
    assert record.frozen_unchanged is False


def test_replicates_differ_and_the_same_replicate_starts_equal_under_every_cut(study):
    _, _, first = prepared(study, "reinit", 1)
    _, _, second = prepared(study, "reinit", 2)
    _, _, other = prepared(study, "reinit", 1, replicate=1)
    tail = "blocks.conv2.conv.weight"
    assert torch.equal(first.state_dict()[tail], second.state_dict()[tail])
    assert torch.equal(first.head.out.weight, second.head.out.weight)
    assert not torch.equal(first.state_dict()[tail], other.state_dict()[tail])


@pytest.mark.parametrize("strategy", ["truncate", "freeze_truncate", "scratch_truncate"])
def test_truncation_removes_the_tail(study, strategy):
    _, _, model = prepared(study, strategy, 1)
    assert model.block_names == ["conv0"]
    assert model.head.out.in_features == 8 * 8 * 8


def test_the_control_of_truncate_starts_as_scratch_does_below_and_as_truncate_does_at_the_head(study):
    (_, _, control), (_, _, whole), (_, _, cut) = (
        prepared(study, name, at) for name, at in (("scratch_truncate", 2), ("scratch", 0), ("truncate", 2))
    )
    values, fresh = control.state_dict(), whole.state_dict() | cut.head.state_dict(prefix="head.")
    assert set(values) == set(cut.state_dict())
    assert all(torch.equal(value, fresh[name]) for name, value in values.items())


def test_the_control_of_truncate_is_shared_by_all_sources_of_a_target():
    sources = "[{dataset: digits, classes: [0, 1]}, {dataset: digits, classes: [2, 3]}]"
    plan = tiny_plan(f"source={sources}", "transfer.strategies=[truncate, scratch, scratch_truncate]").plan
    control = [name for name in plan.names if name.strategy == "scratch_truncate"]
    assert [name.cut for name in control] == [0, 1, 2, 3] * 2
    assert len({name.condition for name in control}) == 4
    conditions = {condition.key: condition for condition in plan.conditions}
    assert {conditions[name.condition].source for name in control} == {None}


@pytest.mark.parametrize(("strategy", "cut"), STRATEGY_AND_CUT)
def test_the_blocks_that_a_strategy_says_it_keeps_are_the_sources_and_no_others(study, strategy, cut):
    checked, context = study
    source, _ = context.open_source(checked.plan.sources[0].key)
    condition = dataclasses.replace(one_condition(checked, "finetune", 3), strategy=strategy, cut=cut)
    seeds = Seeds(*(derive_seed(3, purpose, 0) for purpose in Seeds._fields))
    model = prepare_model(condition, source, seeds)
    weights = {name: f"blocks.{name}.conv.weight" for name in model.block_names}
    equal = {name for name, weight in weights.items() if torch.equal(model.state_dict()[weight], source[weight])}
    assert equal == {condition.model.block_names[block] for block in STRATEGIES[strategy].kept(cut, 3)}
    kept = separate(dataclasses.replace(condition, feature_set=None), model).kept
    assert kept == {f"blocks.{name}.conv.{value}" for name in equal for value in ("weight", "bias")}


def test_a_strategy_trains_all_of_its_blocks_or_says_which_parameters(study):
    for strategy in EVERY_NAME:
        condition, _, model = prepared(study, strategy, 0 if strategy == "scratch" else 2)
        whole = {f"blocks.{model.block_names[block]}." for block in condition.treatment.trained}
        trained = {name for name in separate(condition, model).trained if not name.startswith("head.")}
        wanted = {name for name, _ in model.named_parameters() if name.startswith(tuple(whole))}
        partial = isinstance(STRATEGIES[strategy], PartialStrategy)
        assert trained < wanted if partial else trained == wanted, strategy
