"""Blocks that join a training in turns: which parameters move in which step, at what rate, and what it costs."""

from __future__ import annotations

import dataclasses

import pytest
import torch
import torch.nn.functional as F

from layercut.plan.cost import Images as Counts
from layercut.plan.cost import Length, Phase, trial_flops
from layercut.plan.schedule import transfer_jobs
from layercut.plan.unfreezing import phases, turns_of
from layercut.records import exact_content
from layercut.stages import transfer
from layercut.stages.stacked import run_stacked
from layercut.stages.transfer import run_trial
from layercut.stages.trial import Seeds, prepare_model, separate
from layercut.strategies import STRATEGIES
from layercut.training.batches import Examples
from layercut.training.loop import train
from support.tiny import context_with_sources, one_condition, tiny_plan
from support.tiny_stack import Images

MODEL = "model={name: block_cnn, hidden_dims: [4, 5, 6, 8, 5], dropout: 0}"
STRATEGY = "transfer.strategies=[gradual_unfreeze, finetune]"
SGD = ("transfer.training.optimizer=sgd", "transfer.training.momentum=0", "transfer.training.lr=0.1")


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    """A plan of a model with batch norms, with a trained source."""
    checked = tiny_plan(MODEL, STRATEGY, *SGD)
    return checked, context_with_sources(checked, tmp_path_factory.mktemp("study"))


def prepared(study):
    checked, context = study
    condition = one_condition(checked, "gradual_unfreeze", 0)
    source, _ = context.open_source(condition.source)
    return condition, separate(condition, prepare_model(condition, source, Seeds(*range(len(Seeds._fields)))))


def block_of(name):
    return ".".join(name.split(".")[:2])


def test_each_block_moves_from_its_turn_on_at_the_whole_rate_and_rests_until_then(study):
    """Steps of plain SGD over all images, each block frozen and in eval mode before its turn: worked by autograd."""
    condition, ours = prepared(study)
    _, theirs = prepared(study)
    blocks = [f"blocks.{name}" for name in condition.model.block_names]
    num_rounds = len(blocks) + 2
    images = torch.rand(12, 1, 8, 8, generator=torch.Generator().manual_seed(1))
    labels = torch.arange(12) % 5
    points = tuple(f"epoch {number}" for number in range(1, num_rounds + 1))
    config = dataclasses.replace(
        condition.training, epochs=num_rounds, batch_size=12, patience=None, checkpoints=points
    )
    result = train(ours.body, Examples(Images(images), labels), None, config, 0, ours.handling)

    model, order = theirs.body, torch.Generator().manual_seed(0)
    for number, point in enumerate(points, start=1):
        joined = set(
            blocks[max(0, len(blocks) - number + 1) :]
        )  # the head alone, then one block more each time, from the top
        model.train()
        for block in set(blocks) - joined:
            model.get_submodule(block).eval()
        before = {name: value.clone() for name, value in model.state_dict().items()}
        positions = torch.randperm(12, generator=order)
        loss = F.cross_entropy(model(images[positions]), labels[positions])
        wanted = [name for name, _ in model.named_parameters() if name.startswith("head.") or block_of(name) in joined]
        values = dict(model.named_parameters())
        gradients = torch.autograd.grad(loss, [values[name] for name in wanted])
        with torch.no_grad():
            for name, gradient in zip(wanted, gradients, strict=True):
                values[name] -= 0.1 * gradient
        for name, value in result.snapshots[point].items():
            torch.testing.assert_close(value, model.state_dict()[name], rtol=1e-5, atol=1e-6)
            if block_of(name) in blocks and block_of(name) not in joined:
                assert torch.equal(value, before[name]), (name, point)
    assert all(parameter.requires_grad for parameter in ours.body.parameters())


def test_groups_are_the_stages_of_a_model_that_has_some():
    resnet = ("model={name: torchvision/resnet18}", "source={random: true}", "transfer.strategies=[gradual_unfreeze]")
    (condition,) = tiny_plan(*resnet).plan.conditions
    turns = turns_of(condition.does, condition.model, condition.treatment)
    names = condition.model.block_names
    by_stage = {name.split("_")[0]: turns[block] for block, name in enumerate(names) if name.startswith("layer")}
    assert by_stage == {"layer4": 1, "layer3": 2, "layer2": 3, "layer1": 4}
    assert len(set(turns.values())) < len(names)


def with_accuracies(monkeypatch, accuracies):
    from layercut.training import validation
    from layercut.training.evaluate import Evaluation

    left, one = iter(accuracies), torch.zeros(1, dtype=torch.int64)
    monkeypatch.setattr(validation, "evaluate", lambda *_: Evaluation(0.5, next(left), one, one, 2))


def test_patience_begins_when_all_blocks_are_trained(study, monkeypatch):
    """Three blocks: all are trained from round 4 on; without a gain after round 1 a patience of 2 ends with round 5."""
    condition, parts = prepared(study)
    with_accuracies(monkeypatch, [0.5] * 9)
    examples = Examples(Images(torch.rand(12, 1, 8, 8)), torch.arange(12) % 5)
    config = dataclasses.replace(condition.training, epochs=9, patience=2)
    assert len(train(parts.body, examples, examples, config, 0, parts.handling).curve) == 5


@pytest.mark.parametrize("touched", [False, True])
def test_a_block_that_had_not_joined_in_the_best_epoch_is_certified_to_be_the_sources(study, monkeypatch, touched):
    """The best of 9 rounds is the second, in which the head and the last block were trained."""
    checked, context = study
    condition = one_condition(checked, "gradual_unfreeze", 0)
    condition = dataclasses.replace(condition, training=dataclasses.replace(condition.training, epochs=9))
    with_accuracies(monkeypatch, [0.1, 0.9, *[0.2] * 7])
    kept, original = [], transfer.train

    def train_and_touch(body, *arguments):
        result = original(body, *arguments)
        if touched:
            next(body.blocks[0].buffers())[0] += 1e-6
        return result

    monkeypatch.setattr(transfer, "train", train_and_touch)
    monkeypatch.setattr(transfer, "keep_trial", lambda trial, *rest: kept.append(trial))
    record = run_trial(condition, 0, "trial", context)
    source, _ = context.open_source(condition.source)
    values = kept[0].model.state_dict()
    blocks = [name for name in values if name.startswith("blocks.")]
    moved = {block_of(name) for name in blocks if not torch.equal(values[name], source[name])}
    last = f"blocks.{condition.model.block_names[-1]}"
    first = f"blocks.{condition.model.block_names[0]}"
    assert record.best_epoch == 2
    assert moved == ({last, first} if touched else {last})
    assert record.frozen_unchanged is not touched
    assert record.num_trained_parameters == record.num_parameters


def test_a_block_that_should_have_joined_and_did_not_move_is_a_failure(study, monkeypatch):
    from layercut.errors import UntrainedError

    checked, context = study
    original = transfer.train

    def train_and_take_back(body, *arguments):
        first = {name: value.clone() for name, value in body.blocks[0].state_dict().items()}
        result = original(body, *arguments)
        body.blocks[0].load_state_dict(first)
        return result

    monkeypatch.setattr(transfer, "train", train_and_take_back)
    condition = one_condition(checked, "gradual_unfreeze", 0)
    long = dataclasses.replace(condition.training, epochs=9, patience=None)
    with_accuracies(monkeypatch, [number / 10 for number in range(9)])
    with pytest.raises(UntrainedError, match="gradual_unfreeze trains blocks"):
        run_trial(dataclasses.replace(condition, training=long), 0, "trial", context)


def test_replicates_trained_as_one_unfreeze_as_each_would_alone(tmp_path):
    changes = (MODEL, "transfer.strategies=[gradual_unfreeze]", "transfer.replicates=2", "transfer.training.epochs=7")
    stacked, serial = tiny_plan(*changes, stacked=True), tiny_plan(*changes)
    context = context_with_sources(stacked, tmp_path)
    (job,) = transfer_jobs(stacked.plan, lambda key: False)
    alone = [
        run_trial(one_condition(serial, "gradual_unfreeze", 0), replicate, "trial", context) for replicate in (0, 1)
    ]
    for together, apart in zip(run_stacked(job, context), alone, strict=True):
        assert [point.train_accuracy for point in together.curve] == [point.train_accuracy for point in apart.curve]
        assert together.test_loss == pytest.approx(apart.test_loss, rel=1e-3)
        assert together.frozen_unchanged == apart.frozen_unchanged


def test_in_a_cross_validation_the_reported_model_unfreezes_as_its_folds_did(tmp_path):
    checked = tiny_plan(MODEL, "transfer.strategies=[gradual_unfreeze]", "transfer.validation=folds")
    record = run_trial(
        one_condition(checked, "gradual_unfreeze", 0), 0, "trial", context_with_sources(checked, tmp_path)
    )
    assert record.num_trained_parameters == record.num_parameters


def test_in_a_single_round_everything_joins_at_once_bit_for_bit_as_in_finetune(tmp_path):
    checked = tiny_plan(MODEL, STRATEGY, "transfer.training.epochs=1")
    context = context_with_sources(checked, tmp_path)
    ours, theirs = (
        exact_content(run_trial(one_condition(checked, name, 0), 0, "trial", context))
        for name in ("gradual_unfreeze", "finetune")
    )
    assert ours == theirs


def test_a_plan_counts_no_backward_pass_below_what_is_trained():
    """Three blocks in seven epochs: the head alone, then a block more in each, and four epochs of everything."""
    plan = tiny_plan(STRATEGY, "transfer.training.epochs=7", "transfer.training.patience=null")
    condition = one_condition(plan, "gradual_unfreeze", 0)
    turns = turns_of(condition.does, condition.model, condition.treatment)
    parts = list(phases(condition.treatment, condition.training, 120, turns))
    assert parts == [Phase(1, ()), Phase(1, (2,)), Phase(1, (1, 2)), Phase(4, (0, 1, 2))]
    (cost,) = plan.plan.costs.values()
    block = [cost.trunk_flops[n + 1] - cost.trunk_flops[n] for n in range(3)]
    whole = trial_flops(cost, condition.treatment, Counts(120, 10, 20), Length(7, 7))
    ours = trial_flops(cost, condition.treatment, Counts(120, 10, 20), Length(7, 7), phases=parts)
    assert whole - ours == 120 * 2 * (3 * block[0] + 2 * block[1] + block[2])
    assert condition.flops < one_condition(plan, "finetune", 0).flops


def test_a_plan_says_where_groups_have_to_join_closer_together():
    warnings = tiny_plan(STRATEGY, "transfer.training.unfreeze_every=2").plan.warnings
    (told,) = [warning for warning in warnings if "join closer together" in warning]
    assert "asks for 7 evaluations until all blocks are trained, and trainings have at most 3" in told
    fewer = tiny_plan(STRATEGY, "transfer.training={epochs: 7, unfreeze_every: 2}").plan.warnings
    assert not any("join closer together" in warning for warning in fewer)


def test_only_this_strategy_has_keys_that_depend_on_how_often_a_group_joins():
    def keys(every):
        plan = tiny_plan(STRATEGY, f"transfer.training.unfreeze_every={every}").plan
        return {condition.strategy: condition.key for condition in plan.conditions}

    one, two = keys(1), keys(2)
    assert one["finetune"] == two["finetune"]
    assert one["gradual_unfreeze"] != two["gradual_unfreeze"]


def test_it_is_one_trial_at_every_cut():
    names = [name for name in tiny_plan(STRATEGY).plan.names if name.strategy == "gradual_unfreeze"]
    assert len(names) == 4
    assert len({name.condition for name in names}) == 1
    assert STRATEGIES["gradual_unfreeze"].turn(0, [1, 2, 3]) == 3
