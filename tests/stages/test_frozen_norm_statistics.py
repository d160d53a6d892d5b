"""Batch norms whose weights are trained while their running statistics stay the source's."""

from __future__ import annotations

import pytest
import torch

from layercut.plan.schedule import transfer_jobs
from layercut.stages import transfer
from layercut.stages.stacked import run_members
from layercut.stages.transfer import run_trial, training_examples
from layercut.stages.trial import prepare_trial
from layercut.training.adapted_norms import running_norms
from layercut.training.loop import Optimization
from layercut.training.rounds import Batches
from support.tiny import context_with_sources, one_condition, tiny_plan

MODEL = "model={name: block_cnn, hidden_dims: [4, 6, 8, 8, 5], dropout: 0}"
STRATEGIES = "transfer.strategies=[freeze, freeze_truncate, linear_probe, bias_only, norm_only, finetune, scratch]"
FROZEN = "transfer.training.freeze_norm_statistics=true"
STATISTICS = ("running_mean", "running_var", "num_batches_tracked")


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    """A plan of a model with batch norms, with a trained source."""
    checked = tiny_plan(MODEL, "transfer.strategies=[freeze, freeze_reinit, norm_only, finetune]", FROZEN)
    return checked, context_with_sources(checked, tmp_path_factory.mktemp("study"))


def trained(study, strategy, cut, monkeypatch):
    """Run a trial; return it, its record, and the source's values."""
    checked, context = study
    condition = one_condition(checked, strategy, cut)
    kept = []
    monkeypatch.setattr(transfer, "keep_trial", lambda trial, *rest: kept.append(trial))
    return kept, run_trial(condition, 0, "trial", context), context.open_source(condition.source)[0]


@pytest.mark.parametrize(("strategy", "cut"), [("finetune", 0), ("freeze", 1), ("norm_only", 0)])
def test_statistics_stay_the_sources_bit_for_bit_and_weights_of_norms_are_trained(study, strategy, cut, monkeypatch):
    (kept,), record, source = trained(study, strategy, cut, monkeypatch)
    values = {name: value for name, value in kept.model.state_dict().items() if name.startswith("blocks.")}
    statistics = [name for name in values if name.endswith(STATISTICS)]
    assert len(statistics) == 6
    assert all(torch.equal(values[name], source[name]) for name in statistics)
    norms = [norm for block in list(kept.model.blocks)[cut:] for norm in running_norms(block.modules())]
    names = {id(layer): name for name, layer in kept.model.named_modules()}
    assert norms
    assert all(not torch.equal(norm.weight, source[f"{names[id(norm)]}.weight"]) for norm in norms)
    assert record.frozen_unchanged is True


def test_new_blocks_have_statistics_of_what_they_are_trained_on(study, monkeypatch):
    (kept,), _, _ = trained(study, "freeze_reinit", 1, monkeypatch)
    fresh = running_norms(m for block in list(kept.model.blocks)[1:] for m in block.modules())
    assert fresh
    assert all(norm.num_batches_tracked > 0 for norm in fresh)


def test_a_step_is_that_of_torch_with_the_norms_in_eval_mode(study):
    """One epoch against a plain loop over the same batches."""
    checked, context = study
    condition = one_condition(checked, "finetune", 0)
    ours, theirs = (prepare_trial(condition, 0, "trial", context) for _ in range(2))
    examples, config = training_examples(ours, ours.split, context), condition.training
    optimization = Optimization(ours.parts.body, examples, config, config.rounds(len(examples)), ours.seeds.order)
    optimization.round(1)

    model = theirs.model
    model.train()
    for norm in running_norms(model.modules()):
        norm.eval()
    optimizer = torch.optim.Adam(model.parameters(), lr=config.lr)
    sizes = config.batch_sizes(len(examples))
    for batch in Batches(len(examples), sizes, [ours.seeds.order], torch.device("cpu")).take(len(sizes)):
        positions = batch.positions[0]
        optimizer.zero_grad()
        logits = model(examples.inputs.gather(positions))
        torch.nn.functional.cross_entropy(logits, examples.labels[positions]).backward()
        optimizer.step()
    for name, value in model.state_dict().items():
        torch.testing.assert_close(ours.model.state_dict()[name], value)


def test_only_conditions_that_train_norms_of_the_source_are_others_than_without():
    plain, frozen = (
        {(name.strategy, name.cut): name.condition for name in tiny_plan(MODEL, STRATEGIES, *change).plan.names}
        for change in ((), (FROZEN,))
    )
    changed = {point for point in plain if plain[point] != frozen[point]}
    assert changed == {
        *(("freeze", cut) for cut in (0, 1)),
        *((strategy, cut) for strategy in ("norm_only", "finetune") for cut in range(4)),
    }


def test_norms_are_adapted_first_where_both_are_asked_for(study, monkeypatch):
    adapted = tiny_plan(MODEL, "transfer.strategies=[finetune]", FROZEN, "transfer.training.adapt_norms=true")
    (kept,), _, source = trained((adapted, study[1]), "finetune", 0, monkeypatch)
    before = prepare_trial(one_condition(adapted, "finetune", 0), 0, "trial", study[1]).model.state_dict()
    moved = [name for name in before if name.endswith("running_mean")]
    assert moved
    for name in moved:
        assert not torch.equal(before[name], source[name])
        assert torch.equal(before[name], kept.model.state_dict()[name])


def test_replicates_trained_as_one_keep_the_statistics_too(tmp_path):
    checked = tiny_plan(MODEL, FROZEN, "transfer.strategies=[finetune]", "transfer.replicates=2", stacked=True)
    context = context_with_sources(checked, tmp_path)
    (job,) = transfer_jobs(checked.plan, lambda key: False)
    source = context.open_source(job.condition.source)[0]
    for member in run_members(job, context):
        values = member.trial.model.state_dict()
        names = [name for name in values if name.endswith(STATISTICS)]
        assert names
        assert all(torch.equal(values[name], source[name]) for name in names)
