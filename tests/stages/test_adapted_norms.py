"""Frozen norms with statistics of a trial's own training images: which images, what stays, what is shared."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.optim.swa_utils import update_bn

from layercut import run_study
from layercut.plan.schedule import transfer_jobs
from layercut.records import exact_content
from layercut.stages import inputs, transfer, trial
from layercut.stages.inputs import pixel_inputs
from layercut.stages.stacked import run_stacked
from layercut.stages.transfer import run_trial
from layercut.stats import load_results
from layercut.training.adapted_norms import adapt_norms, running_norms
from support.tiny import context_with_sources, one_condition, tiny_plan, tiny_study
from support.tiny_stack import Images

MODEL = "model={name: block_cnn, hidden_dims: [4, 6, 8, 8, 5], dropout: 0}"
STRATEGIES = "transfer.strategies=[freeze, freeze_truncate, linear_probe, bias_only, norm_only, finetune, scratch]"
ADAPTED = "transfer.training.adapt_norms=true"


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    """A plan of a model with batch norms, with a trained source."""
    checked = tiny_plan(MODEL, STRATEGIES, ADAPTED)
    return checked, context_with_sources(checked, tmp_path_factory.mktemp("study"))


def trained(study, strategy, cut, monkeypatch):
    """Run a trial; return it, its record, and the source's values."""
    checked, context = study
    condition = one_condition(checked, strategy, cut)
    kept = []
    monkeypatch.setattr(transfer, "keep_trial", lambda trial, *rest: kept.append(trial))
    record = run_trial(condition, 0, "trial", context)
    return kept[0], record, context.open_source(condition.source)[0]


def test_statistics_are_those_that_torch_estimates_in_the_same_batches():
    def model():
        torch.manual_seed(0)
        layers = [nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Conv2d(4, 3, 3), nn.BatchNorm2d(3)]
        return nn.Sequential(*layers)

    images, ours, theirs = torch.rand(80, 1, 8, 8), model(), model()
    adapt_norms(ours, running_norms(ours), Images(images), num_features=10**9)
    update_bn(images.tensor_split(3), theirs)
    assert all(torch.equal(value, theirs.state_dict()[name]) for name, value in ours.state_dict().items())
    assert [norm.momentum for norm in running_norms(ours)] == [0.1, 0.1]


def test_a_frozen_norm_has_mean_and_variance_of_the_trials_training_images_and_of_no_others(study, monkeypatch):
    kept, record, source = trained(study, "freeze_truncate", 3, monkeypatch)
    _, context = study
    images = pixel_inputs(context, kept.task, kept.condition.training, "train", kept.split.train)
    first = kept.model.blocks[0]
    (norm,) = running_norms(first.modules())
    seen = []
    hook = norm.register_forward_pre_hook(lambda _, given: seen.append(given[0]))
    first(images.gather(torch.arange(len(images))))
    hook.remove()
    torch.testing.assert_close(norm.running_mean, seen[0].mean(dim=(0, 2, 3)))
    torch.testing.assert_close(norm.running_var, seen[0].transpose(0, 1).flatten(1).var(dim=1))
    moved = {name for name, value in kept.model.state_dict().items() if name in source and "blocks." in name
             and not torch.equal(value, source[name])}  # fmt: skip
    assert moved
    assert all(name.endswith(("running_mean", "running_var", "num_batches_tracked")) for name in moved)
    assert record.frozen_unchanged is True


def test_norms_that_are_trained_start_from_the_sources_statistics(study, monkeypatch):
    """At cut 1 of `freeze` the norms behind the first block are trained, and follow the images by themselves."""
    adapted = []
    monkeypatch.setattr(trial, "adapt_norms", lambda model, norms, *rest: adapted.append(list(norms)))
    kept, _, _ = trained(study, "freeze", 1, monkeypatch)
    assert adapted == [running_norms(kept.model.blocks[0].modules())]
    trained(study, "bias_only", 0, monkeypatch)
    assert len(adapted[1]) == len(running_norms(kept.model.modules()))


def test_features_that_are_stored_for_others_are_not_taken_for_adapted_ones(tmp_path):
    """Both conditions in one study, its features stored, against the same trials where nothing is."""
    factor = "transfer.factors={norms: {source: {}, adapted: {adapt_norms: true}}}"
    changes = (MODEL, "transfer.strategies=[freeze_truncate, freeze]", "transfer.cuts=[2, 3]", factor)
    run_study(tiny_study(*changes), tmp_path / "run", executor="serial")
    assert list((tmp_path / "run" / "features").glob("*/*/*"))
    table = load_results(tmp_path / "run").set_index(["factor_norms", "strategy", "cut"])
    checked = tiny_plan(*changes)
    context = context_with_sources(checked, tmp_path / "empty")
    for name in checked.plan.names:
        condition = next(one for one in checked.plan.conditions if one.key == name.condition)
        alone = run_trial(condition, 0, "trial", context)
        (row,) = table.loc[[(name.factors["norms"], name.strategy, name.cut)]].to_dict("records")
        assert (row["test_loss"], row["test_accuracy"]) == (alone.test_loss, alone.test_accuracy)
    losses = table["test_loss"]
    assert losses.loc["source"].ne(losses.loc["adapted"]).all()


def test_features_of_an_adapted_trunk_have_the_same_bits_held_or_computed_again(study, monkeypatch):
    checked, context = study
    condition = one_condition(checked, "freeze", 2)
    held = exact_content(run_trial(condition, 0, "trial", context))
    monkeypatch.setattr(inputs, "HELD_BYTES", 0)
    assert exact_content(run_trial(condition, 0, "trial", context)) == held


def test_only_conditions_with_frozen_norms_are_others_than_without():
    plain, adapted = (
        {(name.strategy, name.cut): name.condition for name in tiny_plan(MODEL, STRATEGIES, *change).plan.names}
        for change in ((), (ADAPTED,))
    )
    changed = {point for point in plain if plain[point] != adapted[point]}
    assert changed == {
        *((strategy, cut) for strategy in ("freeze", "freeze_truncate", "linear_probe") for cut in (1, 2, 3)),
        *(("bias_only", cut) for cut in range(4)),
    }


def test_a_solved_head_is_solved_on_adapted_features(study, tmp_path):
    checked, context = study
    plain = tiny_plan(MODEL, STRATEGIES)
    ours, theirs = (run_trial(one_condition(plan, "linear_probe", 3), 0, "trial", context) for plan in (checked, plain))
    assert ours.test_loss != theirs.test_loss


def test_replicates_with_trunks_of_their_own_are_trained_one_by_one_and_others_as_one(tmp_path):
    checked = tiny_plan(MODEL, ADAPTED, "transfer.strategies=[freeze, bias_only]", "transfer.replicates=2",
                        stacked=True)  # fmt: skip
    assert one_condition(checked, "freeze", 2).group is None
    assert any("frozen trunk of its own" in warning for warning in checked.plan.warnings)
    context = context_with_sources(checked, tmp_path)
    (job,) = [job for job in transfer_jobs(checked.plan, lambda key: False) if job.condition.strategy == "bias_only"]
    assert [record.frozen_unchanged for record in run_stacked(job, context)] == [True, True]


def test_a_plan_counts_the_features_that_each_trial_computes_for_itself():
    plain, adapted = tiny_plan(MODEL, STRATEGIES), tiny_plan(MODEL, STRATEGIES, ADAPTED)
    for strategy in ("freeze", "linear_probe"):
        assert one_condition(adapted, strategy, 2).flops > one_condition(plain, strategy, 2).flops
    assert plain.plan.feature_sets
    assert not adapted.plan.feature_sets
