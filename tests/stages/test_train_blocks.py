"""Blocks that a study names are trained, and no others: as many sets as it asks for, under labels of their own."""

from __future__ import annotations

import dataclasses
from itertools import chain, combinations

import pytest
import torch

from layercut import answers, run_study
from layercut.artifacts import kept_trials
from layercut.errors import SpecError
from layercut.plan.summary import summarize
from layercut.records import exact_content
from layercut.stages import transfer
from layercut.stages.transfer import run_trial
from layercut.stats import load_results
from layercut.strategies.train_blocks import TrainBlocks
from support.tiny import context_with_sources, one_condition, tiny_plan, tiny_study

ENDS = "{name: train_blocks, blocks: [conv0, conv2], label: ends}"
STRATEGIES = f"transfer.strategies=[scratch, {ENDS}, {{name: train_blocks, blocks: [conv0, conv1]}}, finetune]"


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    """A plan of a model of three blocks, with a trained source."""
    checked = tiny_plan(f"transfer.strategies=[train_block, freeze, freeze_reinit, finetune, {ENDS}]")
    return checked, context_with_sources(checked, tmp_path_factory.mktemp("study"))


def test_named_blocks_move_and_all_others_stay_bit_for_bit(study, monkeypatch):
    checked, context = study
    condition = one_condition(checked, "ends", 3)
    kept = []
    monkeypatch.setattr(transfer, "keep_trial", lambda trial, *rest: kept.append(trial))
    record = run_trial(condition, 0, "trial", context)
    source, _ = context.open_source(condition.source)
    values = kept[0].model.state_dict()
    moved = {name.split(".")[1] for name in values if name in source and not torch.equal(values[name], source[name])}
    assert moved - {"out"} == {"conv0", "conv2"}
    assert record.frozen_unchanged is True
    assert condition.treatment.frozen == (1,)


@pytest.mark.parametrize("blocks", list(chain.from_iterable(combinations(range(3), n) for n in range(4))))
def test_a_set_that_has_another_name_gives_the_bits_of_the_trial_it_is_merged_with(study, blocks):
    checked, context = study
    name, cut, _ = TrainBlocks(blocks).canonical(0, 3, keep_hidden=False)
    if name == "train_blocks":
        assert blocks in ((0, 2), (0, 1))
        return
    measured = one_condition(checked, name, cut)
    written_out = dataclasses.replace(measured, strategy="train_blocks", options={"blocks": list(blocks)})
    ours, theirs = (exact_content(run_trial(one, 0, "trial", context)) for one in (written_out, measured))
    assert ours == theirs


def test_a_stage_stands_for_all_of_its_blocks():
    resnet = ("model={name: torchvision/resnet18}", "source={random: true}")
    strategy = "transfer.strategies=[{name: train_blocks, blocks: [layer1, layer4_1]}]"
    (condition,) = tiny_plan(*resnet, strategy).plan.conditions
    trained = {condition.model.block_names[block] for block in condition.treatment.trained}
    assert trained == {"layer1_0", "layer1_1", "layer4_1"}


def test_results_have_each_set_once_under_its_label_or_its_blocks(tmp_path):
    spec = tiny_study(STRATEGIES, "keep=[weights]")
    run_study(spec, tmp_path / "run", executor="serial")
    table = load_results(tmp_path / "run")
    rows = table[~table["strategy"].isin(["scratch", "finetune"])]
    assert sorted(rows["strategy"]) == ["ends", "train_blocks(conv0+conv1)"]
    assert set(rows["cut"]) == {3}
    assert "At 20 % of the data" in str(answers(table))
    cards = {trial.card["strategy"]: trial.card["does"] for trial in kept_trials(tmp_path / "run")}
    assert cards["ends"] == {"strategy": "train_blocks", "cut": 3, "options": {"blocks": [0, 2]}}


def test_the_plan_tells_figures_how_many_blocks_each_set_leaves():
    (row,) = summarize(tiny_study(STRATEGIES), tiny_plan(STRATEGIES).plan)["operations_per_image"]
    assert row["blocks_left"]["ends"] == [3] * 4


def test_keys_depend_on_the_blocks_and_not_on_labels_or_their_order():
    def key(options):
        return tiny_plan(f"transfer.strategies=[{{name: train_blocks, {options}}}]").plan.conditions[0].key

    ends = key("blocks: [conv0, conv2]")
    assert ends == key("blocks: [conv2, conv0, conv2], label: other")
    assert ends != key("blocks: [conv0, conv1]")


@pytest.mark.parametrize(
    ("strategies", "told"),
    [
        ("[{name: train_blocks, blocks: [conv9]}]", "block or stage 'conv9'.*did you mean"),
        ("[train_blocks]", "train_blocks: `blocks`: is required and missing"),
        ("[{name: train_blocks, blocks: []}]", "at least 1 value"),
        ("[{name: train_blocks, block: [conv0]}]", "unknown key; did you mean 'blocks'"),
        ("[{name: finetune, blocks: [conv0]}]", "expected `finetune` alone, which has no options; got blocks"),
        ("[{name: finetune, label: all}]", "expected `finetune` alone, which has no options; got label"),
        ("[{name: train_blocks, blocks: [conv0], label: freeze}]", "a label that is not the name of a strategy"),
        (f"[{ENDS}, {ENDS}]", "each strategy once, or with labels of their own; ends is listed more than once"),
        ("[{blocks: [conv0]}]", "name.*is required and missing"),
        ("[3.5]", "no strategy|unknown strategy"),
    ],
)
def test_what_cannot_be_meant_is_said_where_it_stands(strategies, told):
    with pytest.raises(SpecError, match=told) as refused:
        tiny_plan(f"transfer.strategies={strategies}")
    assert "transfer.strategies" in str(refused.value)


def test_blocks_whose_names_look_like_numbers_are_names():
    spec = tiny_study("transfer.strategies=[{name: train_blocks, blocks: [0, yes]}]")
    assert spec.transfer.strategies[0].options == {"blocks": ["0", "yes"]}
